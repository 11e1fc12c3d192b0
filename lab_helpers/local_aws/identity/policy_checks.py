"""Policy documents are checked when they are put, as AWS checks them, so that no stored policy is malformed.

Source: the errors MalformedPolicyDocument of IAM and MalformedPolicy of S3.
Not modelled: size quotas; whether the actions that a policy names exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lab_helpers.iam.known_principals import unknown_principal
from lab_helpers.iam.policy import Policy, PolicyError, PolicyKind, parse
from lab_helpers.local_aws.identity.policy_texts import ONLY_STS, iam_text
from lab_helpers.local_aws.kit.api import AwsError

Check = Callable[[Mapping[str, Any], bytes], None]
"""Looks at a call's params and body before anybody answers it; raises AwsError to refuse it."""
Stranger = Callable[[Policy], tuple[str, str] | None]
"""Finds the type and name of a principal that nobody is."""


def checks(account_id: str, exists: Callable[[str], bool]) -> dict[tuple[str, str], Check]:
    """Return {(signing name, operation): check} of the calls that put a policy.

    `exists` tells whether an ARN or unique id is that of one of the account's users and roles.
    """

    def stranger(policy: Policy) -> tuple[str, str] | None:
        return unknown_principal(policy, account_id, exists)

    documents = {
        "PutRolePolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "PutUserPolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "PutGroupPolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "CreatePolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "CreatePolicyVersion": ("PolicyDocument", PolicyKind.IDENTITY),
        "CreateRole": ("AssumeRolePolicyDocument", PolicyKind.TRUST),
        "UpdateAssumeRolePolicy": ("PolicyDocument", PolicyKind.TRUST),
    }
    of_iam = {("iam", operation): _iam_check(member, kind, stranger) for operation, (member, kind) in documents.items()}
    return {**of_iam, ("s3", "PutBucketPolicy"): partial(_bucket_policy, stranger)}


def _iam_check(member: str, kind: PolicyKind, stranger: Stranger) -> Check:
    def check(params: Mapping[str, Any], body: bytes) -> None:  # noqa: ARG001
        document = params.get(member)
        if not isinstance(document, str):
            return  # its absence is refused as that of any required member
        try:
            policy = parse(document, kind)
        except PolicyError as exc:
            raise AwsError(exc.code, iam_text(exc, kind)) from exc
        if kind is PolicyKind.TRUST and not _only_sts(policy):
            raise AwsError(PolicyError.code, ONLY_STS)
        if nobody := stranger(policy):
            raise AwsError(PolicyError.code, f'Invalid principal in policy: "{nobody[0]}":"{nobody[1]}"')

    return check


def _only_sts(policy: Policy) -> bool:
    actions = [action for statement in policy.statements for action in statement.actions or ()]
    return all(action == "*" or action.lower().startswith("sts:") for action in actions)


def _bucket_policy(stranger: Stranger, params: Mapping[str, Any], body: bytes) -> None:
    bucket = str(params.get("Bucket", ""))
    try:
        policy = parse(body, PolicyKind.RESOURCE)
    except UnicodeDecodeError as exc:
        raise AwsError("MalformedPolicy", "This policy contains invalid Json") from exc
    except PolicyError as exc:
        raise AwsError(exc.s3_code, exc.s3_message) from exc
    if stranger(policy):
        raise AwsError(PolicyError.s3_code, "Invalid principal in policy")
    for statement in policy.statements:
        for resource in (*(statement.resources or ()), *(statement.not_resources or ())):
            if not _of_bucket(resource, bucket):
                raise AwsError("MalformedPolicy", "Policy has invalid resource")


def _of_bucket(resource: str, bucket: str) -> bool:
    named = resource.partition(":s3:::")[2].split("/")[0]
    # A wildcard or variable may stand for the bucket's name.
    return named == bucket or any(sign in named for sign in "*?$")
