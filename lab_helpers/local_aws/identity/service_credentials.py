"""Service-specific credentials: a user's name and password for one service, such as CodeCommit's git.

moto does not have them. Source: the five operations of the IAM API reference; LocalStack's recordings
TestIAMServiceSpecificCredentials.
Not modelled: services that take such a password (none of the lab's does), API keys that expire (Bedrock's), AllUsers.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from lab_helpers.local_aws.identity.credentials import unique_id
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.service import HandlersOnly

SERVICES = frozenset({"codecommit.amazonaws.com", "cassandra.amazonaws.com"})
MOST = 2
"""Of one user for one service: a quota of IAM's."""


@dataclass(frozen=True)
class ServiceCredential:
    """What is kept of one."""

    id: str
    user: str
    service: str
    service_user: str
    made_at: datetime
    status: str = "Active"

    def shown(self) -> dict[str, Any]:
        """Return it as IAM tells it."""
        told = {"CreateDate": self.made_at, "ServiceName": self.service, "ServiceUserName": self.service_user}
        return {**told, "ServiceSpecificCredentialId": self.id, "UserName": self.user, "Status": self.status}


class Users(Protocol):
    """Where users are kept: moto_bridge.MotoBridge."""

    def service_credentials(self, user: str) -> dict[str, ServiceCredential]:
        """Return a user's by id, to be changed in place; raises AwsError NoSuchEntity without such a user."""


class ServiceCredentials(HandlersOnly):
    """The five operations, and DeleteUser, which they stand in the way of."""

    name = "service-specific-credentials"

    def __init__(self, users: Users, account: str) -> None:
        self._users = users
        self._account = account

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        own: dict[str, Handler] = {
            "CreateServiceSpecificCredential": self._create,
            "DeleteServiceSpecificCredential": self._delete,
            "DeleteUser": self._delete_user,
            "ListServiceSpecificCredentials": self._list,
            "ResetServiceSpecificCredential": self._reset,
            "UpdateServiceSpecificCredential": self._update,
        }
        return {("iam", name): handler for name, handler in own.items()}

    def _create(self, request: ApiRequest) -> dict[str, Any]:
        user, service = _user(request), str(request.params["ServiceName"])
        of_user = self._users.service_credentials(user)
        _refuse_unknown(service)
        taken = {each.service_user for each in of_user.values() if each.service == service}
        if len(taken) >= MOST:
            raise AwsError("LimitExceeded", f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {MOST}", 409)
        names = (f"{user}{number}-at-{self._account}" for number in ("", *(f"+{count}" for count in range(1, MOST))))
        name = next(each for each in names if each not in taken)
        made_at = datetime.now(UTC).replace(microsecond=0)
        made = ServiceCredential(unique_id("ACCA", secrets.token_hex()), user, service, name, made_at)
        of_user[made.id] = made
        return _with_password(made)

    def _list(self, request: ApiRequest) -> dict[str, Any]:
        service = request.params.get("ServiceName")
        of_user = self._users.service_credentials(_user(request))
        if service:
            _refuse_unknown(str(service))
        found = [each.shown() for each in of_user.values() if service in (None, each.service)]
        return {"ServiceSpecificCredentials": found}

    def _update(self, request: ApiRequest) -> dict[str, Any]:
        of_user, found = self._named(request)
        of_user[found.id] = replace(found, status=str(request.params["Status"]))
        return {}

    def _reset(self, request: ApiRequest) -> dict[str, Any]:
        _, found = self._named(request)
        return _with_password(found)

    def _delete(self, request: ApiRequest) -> dict[str, Any]:
        of_user, found = self._named(request)
        del of_user[found.id]
        return {}

    def _delete_user(self, request: ApiRequest) -> dict[str, Any]:
        if self._users.service_credentials(_user(request)):
            raise AwsError("DeleteConflict", "Cannot delete entity, must remove referenced objects first.", 409)
        return request.forward(None)

    def _named(self, request: ApiRequest) -> tuple[dict[str, ServiceCredential], ServiceCredential]:
        of_user = self._users.service_credentials(_user(request))
        name = str(request.params["ServiceSpecificCredentialId"])
        if name not in of_user:
            raise AwsError("NoSuchEntity", f"No such credential {name} exists", 404)
        return of_user, of_user[name]


def _user(request: ApiRequest) -> str:
    """Return the user that a call names, or its caller's."""
    named = request.params.get("UserName")
    if not named and request.caller.kind != "user":
        raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
    return str(named or request.caller.arn.rpartition("/")[2])


def _refuse_unknown(service: str) -> None:
    if service not in SERVICES:
        raise AwsError("NoSuchEntity", f"No such service {service} is supported for Service Specific Credentials", 404)


def _with_password(credential: ServiceCredential) -> dict[str, Any]:
    """Return it with a new password, which is told this once and kept by nobody."""
    return {"ServiceSpecificCredential": {**credential.shown(), "ServicePassword": secrets.token_urlsafe(32)}}
