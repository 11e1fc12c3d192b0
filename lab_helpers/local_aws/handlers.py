"""The explicit table of operations that are ours; whatever is not in it is moto's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab_helpers.local_aws.api import ApiRequest, Handler, Service, WsgiApp
from lab_helpers.local_aws.moto_bridge import MotoBridge


def overrides(services: Iterable[Service], bridge: MotoBridge) -> dict[tuple[str, str], Handler]:
    """Return {(signing name, operation): handler} of all services; raises ValueError when two claim the same."""
    table: dict[tuple[str, str], Handler] = _managed_policy_operations(bridge)
    for service in services:
        for key, handler in service.overrides().items():
            if key in table:
                raise ValueError(f"{service.name} overrides {key}, which is overridden already")
            table[key] = handler
    return table


def routes(services: Iterable[Service]) -> dict[str, WsgiApp]:
    """Return {path prefix: WSGI application} of all services."""
    return {prefix: app for service in services for prefix, app in service.routes().items()}


def _managed_policy_operations(bridge: MotoBridge) -> dict[tuple[str, str], Handler]:
    """Operations that name a managed policy: AWS's own become known to moto when they are first named."""

    def with_policy(request: ApiRequest) -> dict[str, Any]:
        arn = request.params.get("PolicyArn") or request.params.get("PermissionsBoundary") or ""
        if str(arn).startswith("arn:aws:iam::aws:policy/"):
            bridge.ensure_managed_policy(str(arn))
        return request.forward(None)

    names = (
        "AttachRolePolicy",
        "AttachUserPolicy",
        "AttachGroupPolicy",
        "GetPolicy",
        "GetPolicyVersion",
        "PutRolePermissionsBoundary",
        "PutUserPermissionsBoundary",
    )
    return {("iam", name): with_policy for name in names}


def check_known(table: Mapping[tuple[str, str], Handler]) -> list[str]:
    """Return the overrides whose operation AWS does not have: a misspelt name would silently leave the call to moto."""
    from lab_helpers.local_aws.protocol import service_model

    return [f"{name}:{op}" for name, op in table if op not in service_model(name).operation_names]
