"""Which IAM permissions an API call needs, and on which real ARNs.

`required` asks a table: service to a function from the call to its permissions. What no table knows needs the action of
its own name on `*`, so an unknown call is denied to a role that was not given it, never let through.

Source: "Service Authorization Reference", and the resources in AWS's own denial messages.
Not modelled: actions that depend on more than the call (KMS keys, tags of existing resources), dependent actions other
than iam:PassRole and those in the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import ecs_actions, logs_actions, s3_actions
from .call import ANY, Access, Call

__all__ = ["Access", "required"]

# Client names of boto3, and signing names, whose IAM prefix differs.
_PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "monitoring": "cloudwatch",
    "resourcegroupstaggingapi": "tag",
    "tagging": "tag",
    "stepfunctions": "states",
}
# AWS answers these to anyone, whatever the policies say.
_FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})

# Of services without a table: operations whose action has another name.
_RENAMED = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "sns:PublishBatch": "sns:Publish",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:SendMessageBatch": "sqs:SendMessage",
}

_IAM_LISTS = {
    "ListRoles": "role",
    "ListUsers": "user",
    "ListGroups": "group",
    "ListPolicies": "policy",
    "ListInstanceProfiles": "instance-profile",
}

# EC2: the parameter that names what a call changes, and the resource type in its ARN.
_EC2_RESOURCES = {
    "GroupId": "security-group",
    "SecurityGroupRuleId": "security-group-rule",
    "SubnetId": "subnet",
    "RouteTableId": "route-table",
    "InternetGatewayId": "internet-gateway",
    "NetworkInterfaceId": "network-interface",
    "AllocationId": "elastic-ip",
    "VpcId": "vpc",
}
_EC2_CHANGES = ("Delete", "Modify", "Authorize", "Revoke", "Attach", "Detach", "Associate", "Update", "Replace")


def required(
    service: str, operation: str, params: Mapping[str, Any], region: str, account_id: str
) -> tuple[Access, ...]:
    """Answer the permissions that an API call needs; all of them must be allowed.

    `service` is boto3's client name (or the signing name), `params` are named as boto3 names them. An empty answer
    means that AWS lets anyone call this. Every context holds `aws:RequestedRegion` beside the keys that the call gives.
    """
    call = Call(_PREFIXES.get(service, service), operation, params, region, account_id)
    if call.action in _FREE:
        return ()
    accesses = _SERVICES.get(call.service, _any)(call)
    return tuple(replace(access, context={"aws:RequestedRegion": region, **access.context}) for access in accesses)


def _any(call: Call) -> tuple[Access, ...]:
    return call.access(action=_RENAMED.get(call.action, call.action))


def _firehose(call: Call) -> tuple[Access, ...]:
    own = call.access(call.named("deliverystream", call.text("DeliveryStreamName")))
    handed = (
        dict.fromkeys(_role_arns(call.params))
        if call.operation in ("CreateDeliveryStream", "UpdateDestination")
        else ()
    )
    return (*own, *(access for role in handed for access in call.pass_role(role, "firehose.amazonaws.com")))


def _role_arns(params: Any) -> list[str]:
    """Find the roles in a destination's configuration, however deep."""
    if not isinstance(params, Mapping):
        return []
    here = [params["RoleARN"]] if isinstance(params.get("RoleARN"), str) else []
    return here + [role for value in params.values() for role in _role_arns(value)]


def _kinesis(call: Call) -> tuple[Access, ...]:
    return call.access(call.named("stream", call.text("StreamARN", "StreamName")))


def _ecr(call: Call) -> tuple[Access, ...]:
    account = call.text("registryId")
    names = call.texts("repositoryNames") or tuple(filter(None, [call.text("repositoryName")]))
    if names:
        return call.access(*(call.arn(f"repository/{name}", account_id=account) for name in names))
    if call.operation == "DescribeRepositories":
        return call.access(call.arn("repository/*", account_id=account))
    return call.access(call.text("resourceArn") or ANY)


def _sts(call: Call) -> tuple[Access, ...]:
    external = call.text("ExternalId")
    session = call.text("RoleSessionName")
    context = {"sts:ExternalId": external, "sts:RoleSessionName": session}
    kept: dict[str, str | tuple[str, ...]] = {key: value for key, value in context.items() if value}
    return (Access(call.action, call.text("RoleArn") or ANY, kept),)


def _ssm(call: Call) -> tuple[Access, ...]:
    names = call.texts("Names") or tuple(filter(None, [call.text("Name", "Path")]))
    # A name with a path starts with a slash that its ARN does not repeat.
    return call.access(*(call.named("parameter", name.lstrip("/")) for name in names))


def _secretsmanager(call: Call) -> tuple[Access, ...]:
    name = call.text("SecretId", "Name")
    if not name:
        return call.access()
    # The six characters that AWS adds to a name are known to who holds the secret only: any six fit a policy's `?`.
    return call.access(name if name.startswith("arn:") else call.arn(f"secret:{name}-??????"))


def _iam(call: Call) -> tuple[Access, ...]:
    def arn(kind: str, name: str) -> str:
        return f"arn:aws:iam::{call.account_id}:{kind}{call.text('Path') or '/'}{name}"

    policy: dict[str, str | tuple[str, ...]] = (
        {"iam:PolicyARN": call.text("PolicyArn")} if call.text("PolicyArn") else {}
    )
    if call.operation == "CreateServiceLinkedRole":
        service = call.text("AWSServiceName")
        linked = f"arn:aws:iam::{call.account_id}:role/aws-service-role/{service}/AWSServiceRole"
        return (Access(call.action, linked, {"iam:AWSServiceName": service}),)
    for parameter, kind in {"RoleName": "role", "UserName": "user", "GroupName": "group"}.items():
        of_profile = "InstanceProfile" in call.operation and call.operation != "ListInstanceProfilesForRole"
        if call.text(parameter) and not of_profile:
            return (Access(call.action, arn(kind, call.text(parameter)), policy),)
    if call.text("PolicyArn"):
        return call.access(call.text("PolicyArn"))
    if call.operation in _IAM_LISTS:
        return call.access(
            f"arn:aws:iam::{call.account_id}:{_IAM_LISTS[call.operation]}{call.text('PathPrefix') or '/'}"
        )
    if call.operation == "CreatePolicy":
        return call.access(arn("policy", call.text("PolicyName")))
    profile = call.text("InstanceProfileName")
    return call.access(arn("instance-profile", profile) if profile else ANY)


def _elasticloadbalancing(call: Call) -> tuple[Access, ...]:
    if call.operation.startswith("Describe"):
        return call.access()
    if call.operation == "CreateLoadBalancer":
        kind = {"network": "net", "gateway": "gwy"}.get(call.text("Type"), "app")
        return call.access(call.arn(f"loadbalancer/{kind}/{call.text('Name')}/*"))
    if call.operation == "CreateTargetGroup":
        return call.access(call.arn(f"targetgroup/{call.text('Name')}/*"))
    one = call.text("RuleArn", "ListenerArn", "TargetGroupArn", "LoadBalancerArn", "ResourceArn")
    return call.access(*((one,) if one else call.texts("ResourceArns")))


def _ec2(call: Call) -> tuple[Access, ...]:
    if not call.operation.startswith(_EC2_CHANGES):
        return call.access()
    found = ((kind, call.text(parameter)) for parameter, kind in _EC2_RESOURCES.items())
    return call.access(*(call.named(kind, identifier) for kind, identifier in found if identifier))


def _athena(call: Call) -> tuple[Access, ...]:
    if call.operation.startswith("List") and not call.text("WorkGroup"):
        return call.access()
    return call.access(call.named("workgroup", call.text("WorkGroup", "Name") or "primary"))


def _cloudwatch(call: Call) -> tuple[Access, ...]:
    """Alarms, dashboards (which have no Region) and metric streams have ARNs; metrics have none."""
    if call.text("ResourceARN"):
        return call.access(call.text("ResourceARN"))
    if "Dashboard" in call.operation and call.operation != "ListDashboards":
        names = call.texts("DashboardNames") or (call.text("DashboardName"),)
        return call.access(*(f"arn:aws:cloudwatch::{call.account_id}:dashboard/{name}" for name in names))
    if "MetricStream" in call.operation and call.text("Name"):
        return call.access(call.named("metric-stream", call.text("Name")))
    if "Alarm" in call.operation and call.operation != "DescribeAlarmsForMetric":
        named = tuple(filter(None, [call.text("AlarmName")]))
        return call.access(*(call.arn(f"alarm:{name}") for name in call.texts("AlarmNames") or named or ("*",)))
    return call.access()


def _glue(call: Call) -> tuple[Access, ...]:
    """A table needs its permission on the catalogue and the database too."""
    given = call.params.get("TableInput") or call.params.get("DatabaseInput") or {}
    database = call.text("DatabaseName") or (call.text("Name") if "Database" in call.operation else "")
    named = given.get("Name", "") if isinstance(given, Mapping) else ""
    database = database or (named if "Database" in call.operation else "")
    table = (call.text("TableName", "Name") or named or "*") if "Table" in call.operation else ""
    resources = [call.arn("catalog")]
    resources += [call.arn(f"database/{database}")] if database else []
    resources += [call.arn(f"table/{database}/{table}")] if database and table else []
    return call.access(*resources)


_SERVICES: dict[str, Callable[[Call], tuple[Access, ...]]] = {
    "athena": _athena,
    "cloudwatch": _cloudwatch,
    "ec2": _ec2,
    "ecr": _ecr,
    "ecs": ecs_actions.accesses,
    "elasticloadbalancing": _elasticloadbalancing,
    "firehose": _firehose,
    "glue": _glue,
    "iam": _iam,
    "kinesis": _kinesis,
    "logs": logs_actions.accesses,
    "s3": s3_actions.accesses,
    "secretsmanager": _secretsmanager,
    "ssm": _ssm,
    "sts": _sts,
}
