"""Service-linked roles: made for a service under its own name, with its policy, and deleted by a task.

Source: CreateServiceLinkedRole and DeleteServiceLinkedRole of the IAM API reference; LocalStack's recordings
TestIAMServiceRoles.
Not modelled: that nobody else may change such a role, and that one in use is not deleted.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from lab_helpers.local_aws.identity.linked_services import SUFFIXED, LinkedRole, linked_role
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler
from lab_helpers.local_aws.kit.service import HandlersOnly


class Roles(Protocol):
    """Where roles are kept: moto_bridge.MotoBridge."""

    def make_linked_role(self, name: str, trust: str, service: str, description: str, policy_arn: str) -> Any: ...

    def linked_service(self, name: str) -> str | None:
        """Return the service of a role that is linked to one; raises AwsError NoSuchEntity without such a role."""

    def release_linked_role(self, name: str) -> None: ...


class ServiceLinkedRoles(HandlersOnly):
    """The two operations."""

    name = "service-linked-roles"

    def __init__(self, roles: Roles) -> None:
        self._roles = roles

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("iam", "CreateServiceLinkedRole"): self._create,
            ("iam", "DeleteServiceLinkedRole"): self._delete,
        }

    def _create(self, request: ApiRequest) -> dict[str, Any]:
        service, suffix = str(request.params["AWSServiceName"]), request.params.get("CustomSuffix")
        if suffix and service not in SUFFIXED:
            raise AwsError("InvalidInput", f"Custom suffix is not allowed for {service}")
        known = linked_role(service) or _guessed(service)
        name = f"{known.name}_{suffix}" if suffix else known.name
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        description = str(request.params.get("Description") or "")
        made = self._roles.make_linked_role(name, trust, service, description, known.policy_arn)
        if made is None:
            taken = f"Service role name {name} has been taken in this account, please try a different suffix."
            raise AwsError("InvalidInput", taken)
        return {"Role": made}

    def _delete(self, request: ApiRequest) -> dict[str, Any]:
        name = str(request.params["RoleName"])
        service = self._roles.linked_service(name)
        self._roles.release_linked_role(name)
        request.forward(None)
        return {"DeletionTaskId": f"task/aws-service-role/{service}/{name}/{uuid.uuid4()}"}


def _guessed(service: str) -> LinkedRole:
    """Return a name for the role of a service that is in no list; which policy it has nobody knows here."""
    words = service.removesuffix(".amazonaws.com").replace(".", "-").split("-")
    return LinkedRole("AWSServiceRoleFor" + "".join(word.capitalize() for word in words), "")
