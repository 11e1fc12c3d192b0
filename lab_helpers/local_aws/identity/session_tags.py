"""Session tags: what AssumeRole is given, and what a session inherits in a chain of roles.

Source: "Pass session tags in AWS STS" of the IAM User Guide; STS's refusals. Keys are compared without regard to case.
Not modelled: sessions of federated users, `sts:TransitiveTagKeys` of an identity provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.iam.tags import Keys, named_values, request_keys
from lab_helpers.local_aws.kit.api import AwsError, SessionTags

REFUSED = "InvalidParameterValue"


def asked_for(params: Mapping[str, Any], inherited: SessionTags) -> SessionTags:
    """Return the tags of a new session: what the call names, and the transitive tags of the calling session.

    Raises AwsError where a key comes twice, is transitive already, or is to become transitive without being given.
    """
    given = tuple(named_values(params.get("Tags")))
    keys = {key.lower() for key, _ in given}
    transitive = frozenset(str(key).lower() for key in params.get("TransitiveTagKeys") or ())
    if len(keys) < len(given):
        raise AwsError(REFUSED, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if keys & inherited.transitive:
        raise AwsError(
            REFUSED,
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
            "the calling session.",
        )
    if not transitive <= keys:
        raise AwsError(REFUSED, "The specified transitive tag key must be included in the requested tags.")
    kept = tuple((key, value) for key, value in inherited.pairs if key.lower() in inherited.transitive)
    return SessionTags(kept + given, inherited.transitive | transitive)


def context(params: Mapping[str, Any]) -> Keys:
    """Return the condition keys that a call which names session tags carries."""
    transitive = tuple(map(str, params.get("TransitiveTagKeys") or ()))
    return {**request_keys(params), **({"sts:TransitiveTagKeys": transitive} if transitive else {})}


def of_principal(role_tags: Mapping[str, str], session: SessionTags) -> dict[str, str]:
    """Return the tags that a principal has: a session's in the place of its role's of the same name."""
    named = {key.lower() for key, _ in session.pairs}
    return {**{key: value for key, value in role_tags.items() if key.lower() not in named}, **dict(session.pairs)}
