"""The explicit table of operations that are ours; whatever is not in it is moto's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from lab_helpers.local_aws.identity.credentials import unique_id
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler, Service, WsgiApp
from lab_helpers.local_aws.moto_bridge import MotoBridge

ON_DEMAND_SHARDS = 4
"""Of a new stream. Source: "Choose the right mode" of the Kinesis Data Streams Developer Guide."""
_NOT_OF_A_NEW_ROLE = ("MaxSessionDuration", "RoleLastUsed")


def overrides(services: Iterable[Service], bridge: MotoBridge) -> dict[tuple[str, str], Handler]:
    """Return {(signing name, operation): handler} of all services; raises ValueError when two claim the same."""
    table: dict[tuple[str, str], Handler] = {
        **_managed_policy_operations(bridge),
        **_boundary_operations(bridge),
        **_instance_profile_operations(bridge),
        **_glue_operations(bridge),
        ("kinesis", "CreateStream"): _create_stream,
        ("ec2", "RunInstances"): _no_instances,
        ("sts", "GetFederationToken"): _federation_token,
    }
    for service in services:
        for key, handler in service.overrides().items():
            if key in table:
                raise ValueError(f"{service.name} overrides {key}, which is overridden already")
            table[key] = handler
    return table


def routes(services: Iterable[Service]) -> dict[str, WsgiApp]:
    """Return {path prefix: WSGI application} of all services."""
    return {prefix: app for service in services for prefix, app in service.routes().items()}


def _create_stream(request: ApiRequest) -> dict[str, Any]:
    """A stream on demand, which moto has to be told the shards of."""
    if request.params.get("ShardCount"):
        return request.forward(None)
    return request.forward({**request.params, "ShardCount": ON_DEMAND_SHARDS})


def _no_instances(request: ApiRequest) -> dict[str, Any]:
    """Not modelled: EC2 instances, whose types moto is not given the memory for."""
    text = f"The local AWS does not have {request.service}:{request.operation}: tasks run on Fargate only."
    raise AwsError("NotImplemented", text, 501)


def _federation_token(request: ApiRequest) -> dict[str, Any]:
    """Without a policy nothing is packed: PackedPolicySize 0, as recorded from AWS."""
    answer = request.forward(None)
    asked = [request.params.get(name) for name in ("Policy", "PolicyArns", "Tags")]
    return answer if any(asked) else {**answer, "PackedPolicySize": 0}


def _managed_policy_operations(bridge: MotoBridge) -> dict[tuple[str, str], Handler]:
    """Operations that name a managed policy: AWS's own become known to moto when they are first named."""

    def with_policy(request: ApiRequest) -> dict[str, Any]:
        arn = request.params.get("PolicyArn")
        if arn and not str(arn).startswith("arn:"):
            raise AwsError("ValidationError", "Invalid ARN:  Could not be parsed!")
        _ensure_policy(bridge, request)
        return request.forward(None)

    def create_role(request: ApiRequest) -> dict[str, Any]:
        role = with_policy(request)["Role"]
        # AWS tells these two in GetRole only
        return {"Role": {name: value for name, value in role.items() if name not in _NOT_OF_A_NEW_ROLE}}

    def create_policy(request: ApiRequest) -> dict[str, Any]:
        policy = request.forward(None)["Policy"]
        return {"Policy": {"PermissionsBoundaryUsageCount": 0, **policy}}

    def delete_policy(request: ApiRequest) -> dict[str, Any]:
        try:
            return request.forward(None)
        except AwsError as error:
            if error.code != "NoSuchEntity":
                raise
            raise AwsError(error.code, f"Policy {request.params['PolicyArn']} was not found.", 404) from error

    names = (
        "AttachRolePolicy",
        "AttachUserPolicy",
        "AttachGroupPolicy",
        "GetPolicy",
        "GetPolicyVersion",
        "PutRolePermissionsBoundary",
    )

    def list_roles(request: ApiRequest) -> dict[str, Any]:
        answer = request.forward(None)
        return {**answer, "Roles": [_encoded(role) for role in answer.get("Roles", [])]}

    own = {
        "ListRoles": list_roles,
        "CreateRole": create_role,
        "CreatePolicy": create_policy,
        "DeletePolicy": delete_policy,
    }
    return {("iam", name): handler for name, handler in {**dict.fromkeys(names, with_policy), **own}.items()}


def _encoded(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return a listed role with its document URL-encoded, as all documents of IAM's answers are."""
    document = str(role["AssumeRolePolicyDocument"])
    return {**role, "AssumeRolePolicyDocument": quote(document) if document.startswith("{") else document}


def _boundary_operations(bridge: MotoBridge) -> dict[tuple[str, str], Handler]:
    """Permissions boundaries of users, which moto does not have."""

    def put(request: ApiRequest) -> dict[str, Any]:
        _ensure_policy(bridge, request)
        bridge.set_user_boundary(request.params["UserName"], request.params["PermissionsBoundary"])
        return {}

    def delete(request: ApiRequest) -> dict[str, Any]:
        bridge.set_user_boundary(request.params["UserName"], None)
        return {}

    def create(request: ApiRequest) -> dict[str, Any]:
        answer = request.forward(None)
        if request.params.get("PermissionsBoundary"):
            put(request)
        return shown(answer)

    def get_user(request: ApiRequest) -> dict[str, Any]:
        if not request.params.get("UserName"):
            if request.caller.kind == "operator":
                return {"User": _operator(request.caller.arn)}
            if request.caller.kind != "user":
                raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
        return shown(request.forward(None))

    def shown(answer: dict[str, Any]) -> dict[str, Any]:
        arn = bridge.user_boundary(answer["User"]["UserName"])
        boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
        return {**answer, "User": {**answer["User"], **({"PermissionsBoundary": boundary} if arn else {})}}

    return {
        ("iam", "CreateUser"): create,
        ("iam", "DeleteUserPermissionsBoundary"): delete,
        ("iam", "GetUser"): get_user,
        ("iam", "PutUserPermissionsBoundary"): put,
    }


def _instance_profile_operations(bridge: MotoBridge) -> dict[tuple[str, str], Handler]:
    """The tags of an instance profile, which moto keeps and does not list."""

    def list_tags(request: ApiRequest) -> dict[str, Any]:
        return {"Tags": bridge.instance_profile_tags(str(request.params["InstanceProfileName"])), "IsTruncated": False}

    return {("iam", "ListInstanceProfileTags"): list_tags}


def _operator(arn: str) -> dict[str, Any]:
    """Return the lab's operator as a user, as GetCallerIdentity names it."""
    told = {"Path": "/", "UserName": arn.rpartition("/")[2], "UserId": unique_id("AIDA", arn), "Arn": arn}
    return {**told, "CreateDate": datetime(2021, 1, 1, tzinfo=UTC)}


def _ensure_policy(bridge: MotoBridge, request: ApiRequest) -> None:
    arn = str(request.params.get("PolicyArn") or request.params.get("PermissionsBoundary") or "")
    if arn.startswith("arn:aws:iam::aws:policy/"):
        bridge.ensure_managed_policy(arn)


def _glue_operations(bridge: MotoBridge) -> dict[tuple[str, str], Handler]:
    """DeleteDatabase, without what moto leaves of it."""

    def delete_database(request: ApiRequest) -> dict[str, Any]:
        answer = request.forward(None)
        bridge.forget_database_tags(request.region, str(request.params["Name"]))
        return answer

    return {("glue", "DeleteDatabase"): delete_database}


def check_known(table: Mapping[tuple[str, str], Handler]) -> list[str]:
    """Return the overrides whose operation AWS does not have: a misspelt name would silently leave the call to moto."""
    from lab_helpers.local_aws.front.model_files import service_model

    return [f"{name}:{op}" for name, op in table if op not in service_model(name).operation_names]
