"""AWS STS: AssumeRole asks the role's trust policy; GetCallerIdentity says who calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lab_helpers.local_aws.api import ApiRequest, AwsError, Handler, WsgiApp
from lab_helpers.local_aws.authorisation import Authoriser
from lab_helpers.local_aws.credentials import CredentialStore


class StsService:
    """The two operations of STS that the lab meets; the others are moto's."""

    name = "sts"

    def __init__(self, store: CredentialStore, authoriser: Authoriser) -> None:
        self._store, self._authoriser = store, authoriser

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {("sts", "AssumeRole"): self._assume_role, ("sts", "GetCallerIdentity"): self._get_caller_identity}

    def routes(self) -> Mapping[str, WsgiApp]:
        return {}

    def start(self) -> None:
        """Nothing runs in the background."""

    def stop(self) -> None:
        """Nothing runs in the background."""

    def status(self) -> dict[str, Any]:
        return {}

    def _assume_role(self, request: ApiRequest) -> dict[str, Any]:
        role_arn, session = _required(request, "RoleArn"), _required(request, "RoleSessionName")
        self._authoriser.check_trust(request.caller, role_arn)
        duration_s = float(request.params.get("DurationSeconds", 3600))
        issued = self._store.issue(role_arn, session, duration_s)
        arn = f"arn:aws:sts::{request.account_id}:assumed-role/{role_arn.rsplit('/', 1)[-1]}/{session}"
        return {
            "Credentials": {
                "AccessKeyId": issued.access_key_id,
                "SecretAccessKey": issued.secret_access_key,
                "SessionToken": issued.session_token,
                "Expiration": datetime.fromtimestamp(issued.expires_at, UTC),
            },
            "AssumedRoleUser": {"AssumedRoleId": f"AROA{issued.access_key_id[4:]}:{session}", "Arn": arn},
            "PackedPolicySize": 0,
        }

    def _get_caller_identity(self, request: ApiRequest) -> dict[str, Any]:
        caller = request.caller
        return {"UserId": caller.access_key_id or "", "Account": caller.account_id, "Arn": caller.arn}


def _required(request: ApiRequest, name: str) -> str:
    value = request.params.get(name)
    if not isinstance(value, str) or not value:
        raise AwsError(
            "ValidationError",
            f"1 validation error detected: Value null at '{name}' failed to satisfy constraint: "
            "Member must not be null",
        )
    return value
