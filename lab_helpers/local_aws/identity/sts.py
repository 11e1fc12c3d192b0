"""AWS STS: AssumeRole asks the role's trust policy, GetSessionToken gives keys, GetCallerIdentity says who calls.

Source: the STS API reference, AssumeRole (session policies: 2,048 characters, ten managed policies), GetSessionToken.
Not modelled: how AWS packs session policies and tags (PackedPolicySize is their length by the limit of policies); that
keys of GetSessionToken do nothing in IAM, and little in STS.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab_helpers.iam.policy import PolicyError, PolicyKind, parse
from lab_helpers.local_aws.identity import session_tags
from lab_helpers.local_aws.identity.authorisation import Authoriser
from lab_helpers.local_aws.identity.credentials import CredentialStore, unique_id
from lab_helpers.local_aws.identity.policy_checks import Check
from lab_helpers.local_aws.identity.policy_texts import iam_text
from lab_helpers.local_aws.kit.api import (
    ApiRequest,
    AwsError,
    Caller,
    Credentials,
    Handler,
    SessionPolicies,
    SessionTags,
)
from lab_helpers.local_aws.kit.service import HandlersOnly

SOURCE_ARN_HEADER = "x-amz-source-arn"
SOURCE_ACCOUNT_HEADER = "x-amz-source-account"
"""How a service says to STS for which resource it acts. Source: the SDKs' support against the confused deputy."""
_ARN = re.compile(r"arn:[\w-]+:[\w-]+:[\w-]*:\d{12}:.+")
_SESSION_POLICY_CHARACTERS = 2048
_SESSION_POLICY_ARNS = 10
_SESSION_TOKEN_S = 43_200
"""A user's. Source: GetSessionToken's default DurationSeconds."""
_SOURCES = {
    "ecs-tasks.amazonaws.com": "arn:aws:ecs:{region}:{account}:task/{session}",
    "firehose.amazonaws.com": "arn:aws:firehose:{region}:{account}:deliverystream/{session}",
}
"""The resource a service acts for where its call does not say so: the role session has that resource's name."""


class StsService(HandlersOnly):
    """The operations of STS that the lab meets; the others are moto's."""

    name = "sts"

    def __init__(self, store: CredentialStore, authoriser: Authoriser) -> None:
        self._store, self._authoriser = store, authoriser

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("sts", "AssumeRole"): self._assume_role,
            ("sts", "GetCallerIdentity"): self._get_caller_identity,
            ("sts", "GetSessionToken"): self._get_session_token,
        }

    def _assume_role(self, request: ApiRequest) -> dict[str, Any]:
        role_arn, session = str(request.params["RoleArn"]), str(request.params["RoleSessionName"])
        policies = self._session_policies(request)
        tags = session_tags.asked_for(request.params, request.caller.session_tags)
        context = _trust_context(request)
        self._authoriser.check_trust(request.caller, role_arn, context)
        if tags.pairs:
            self._authoriser.check_trust(request.caller, role_arn, context, "sts:TagSession")
        duration_s = float(request.params.get("DurationSeconds", 3600))
        issued = self._store.issue(role_arn, session, duration_s, policies, tags)
        arn = f"arn:aws:sts::{request.account_id}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{session}"
        assumed = Caller("role", arn, request.account_id, role_arn=role_arn)
        return {
            "Credentials": _told(issued),
            "AssumedRoleUser": {"AssumedRoleId": self._authoriser.user_id(assumed), "Arn": arn},
            **_packed_size(policies, tags),
        }

    def _get_session_token(self, request: ApiRequest) -> dict[str, Any]:
        if request.caller.role_arn or str(request.caller.access_key_id or "").startswith("ASIA"):
            raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
        duration_s = float(request.params.get("DurationSeconds", _SESSION_TOKEN_S))
        return {"Credentials": _told(self._store.issue_for(request.caller, duration_s))}

    def _session_policies(self, request: ApiRequest) -> SessionPolicies:
        document = str(request.params.get("Policy") or "")
        arns = tuple(str(each.get("arn", "")) for each in request.params.get("PolicyArns") or ())
        if len(arns) > _SESSION_POLICY_ARNS:
            raise AwsError(
                "ValidationError",
                f"1 validation error detected: Value '{list(arns)}' at 'policyArns' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_SESSION_POLICY_ARNS}",
            )
        if len(document) > _SESSION_POLICY_CHARACTERS:
            raise AwsError(
                "ValidationError",
                "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length "
                f"less than or equal to {_SESSION_POLICY_CHARACTERS}",
            )
        if document:
            try:
                parse(document)
            except PolicyError as exc:
                raise AwsError(exc.code, iam_text(exc, PolicyKind.IDENTITY)) from exc
        for arn in arns:
            self._authoriser.require_policy(arn)
        return SessionPolicies(document, arns)

    def _get_caller_identity(self, request: ApiRequest) -> dict[str, Any]:
        caller = request.caller
        user_id = self._store.operator_id if caller.kind == "operator" else self._authoriser.user_id(caller)
        user_id = user_id or caller.principal or unique_id("AIDA", caller.arn)
        return {"UserId": user_id, "Account": caller.account_id, "Arn": caller.arn}


def _told(issued: Credentials) -> dict[str, Any]:
    return {
        "AccessKeyId": issued.access_key_id,
        "SecretAccessKey": issued.secret_access_key,
        "SessionToken": issued.session_token,
        "Expiration": datetime.fromtimestamp(issued.expires_at, UTC),
    }


def sts_checks() -> dict[tuple[str, str], Check]:
    """Return {(signing name, operation): check} of the calls that name a role."""
    return {("sts", "AssumeRole"): _check_role_arn}


def _check_role_arn(params: Mapping[str, Any], body: bytes) -> None:  # noqa: ARG001
    arn = str(params.get("RoleArn", ""))
    if not _ARN.fullmatch(arn):
        raise AwsError("ValidationError", f"{arn} is invalid")


def _packed_size(policies: SessionPolicies, tags: SessionTags) -> dict[str, int]:
    length = len(policies.document) + sum(map(len, (*policies.arns, *itertools.chain(*tags.pairs))))
    return {"PackedPolicySize": -(-100 * length // _SESSION_POLICY_CHARACTERS)} if policies or tags.pairs else {}


def _trust_context(request: ApiRequest) -> dict[str, str | tuple[str, ...]]:
    """Return the condition keys of an AssumeRole; one of AWS's own services says for whom it acts."""
    params, headers, caller = request.params, request.headers, request.caller
    keys: dict[str, str | tuple[str, ...]] = {"sts:RoleSessionName": str(params["RoleSessionName"])}
    keys |= session_tags.context(params)
    if params.get("ExternalId"):
        keys["sts:ExternalId"] = str(params["ExternalId"])
    if caller.kind == "service":
        keys["aws:SourceAccount"] = headers.get(SOURCE_ACCOUNT_HEADER, request.account_id)
        source = headers.get(SOURCE_ARN_HEADER) or _SOURCES.get(str(caller.principal), "")
        keys["aws:SourceArn"] = source.format(
            region=request.region, account=request.account_id, session=params["RoleSessionName"]
        )
        # Firehose gives the account's id; trust policies that its console once made ask for it.
        keys.setdefault("sts:ExternalId", request.account_id)
    return {name: value for name, value in keys.items() if value}
