"""One recorded call as CloudTrail tells it: the members of an event of LookupEvents, and the record inside.

Source: "CloudTrail record contents for management, data, and network activity events" and "CloudTrail userIdentity
element" of the CloudTrail User Guide.
Not modelled: requestParameters beyond names, responseElements, tlsDetails; requestID is not the answer's.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC
from typing import Any

from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.trail.data_events import is_read_only
from lab_helpers.local_aws.trail.feed import Recorded

EVENT_VERSION = "1.11"
_NAMESPACE = uuid.UUID("6f2c2f6e-9f0c-4f6f-8a53-2f6c8a4f0d11")
_TYPES = {
    ("athena", "workgroup"): "AWS::Athena::WorkGroup",
    ("ec2", "security-group"): "AWS::EC2::SecurityGroup",
    ("ec2", "subnet"): "AWS::EC2::Subnet",
    ("ec2", "vpc"): "AWS::EC2::VPC",
    ("ecr", "repository"): "AWS::ECR::Repository",
    ("ecs", "cluster"): "AWS::ECS::Cluster",
    ("ecs", "service"): "AWS::ECS::Service",
    ("ecs", "task"): "AWS::ECS::Task",
    ("ecs", "task-definition"): "AWS::ECS::TaskDefinition",
    ("elasticloadbalancing", "listener"): "AWS::ElasticLoadBalancingV2::Listener",
    ("elasticloadbalancing", "loadbalancer"): "AWS::ElasticLoadBalancingV2::LoadBalancer",
    ("elasticloadbalancing", "targetgroup"): "AWS::ElasticLoadBalancingV2::TargetGroup",
    ("firehose", "deliverystream"): "AWS::KinesisFirehose::DeliveryStream",
    ("iam", "policy"): "AWS::IAM::Policy",
    ("iam", "role"): "AWS::IAM::Role",
    ("iam", "user"): "AWS::IAM::User",
    ("logs", "log-group"): "AWS::Logs::LogGroup",
}


def of_call(call: Recorded, instance_id: str, user_id: Callable[[Caller], str]) -> dict[str, Any]:
    """Return a call as an event of LookupEvents; EventTime in whole epoch seconds, as AWS has it."""
    found = {
        "EventId": event_id(call, instance_id),
        "EventName": call.operation,
        "ReadOnly": "true" if is_read_only(call.operation) else "false",
        "EventTime": int(call.at.timestamp()),
        "EventSource": f"{call.service}.amazonaws.com",
        "Resources": _resources(call),
        "CloudTrailEvent": json.dumps(record(call, instance_id, user_id), ensure_ascii=False),
    }
    found |= {"Username": name} if (name := _user_name(call.caller)) else {}
    return found | ({"AccessKeyId": key} if (key := call.caller.access_key_id) else {})


def record(call: Recorded, instance_id: str, user_id: Callable[[Caller], str]) -> dict[str, Any]:
    """Return the record that stands in CloudTrailEvent."""
    is_service = call.caller.kind == "service"
    refused = {"errorCode": _error_code(call), "errorMessage": call.message} if call.code else {}
    return {
        "eventVersion": EVENT_VERSION,
        "userIdentity": _identity(call.caller, user_id),
        "eventTime": call.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{call.service}.amazonaws.com",
        "eventName": call.operation,
        "awsRegion": call.region,
        "sourceIPAddress": call.caller.principal if is_service else call.source_ip,
        "userAgent": call.caller.principal if is_service else call.user_agent,
        **refused,
        "requestParameters": {name[:1].lower() + name[1:]: value for name, value in call.names.items()} or None,
        "responseElements": None,
        "requestID": str(uuid.uuid5(_NAMESPACE, f"{instance_id}/request/{call.number}")),
        "eventID": event_id(call, instance_id),
        "readOnly": is_read_only(call.operation),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.caller.account_id,
        "eventCategory": "Management",
    }


def event_id(call: Recorded, instance_id: str) -> str:
    """Return an event's id: always the same for the same call."""
    return str(uuid.uuid5(_NAMESPACE, f"{instance_id}/{call.number}/{call.at.isoformat()}"))


def _error_code(call: Recorded) -> str:
    return f"Client.{call.code}" if call.service == "ec2" else call.code


def _user_name(caller: Caller) -> str:
    """A user's name; of a role's session the session's."""
    return "" if caller.kind in ("service", "anonymous", "unknown") else caller.arn.rpartition("/")[2]


def _identity(caller: Caller, user_id: Callable[[Caller], str]) -> dict[str, Any]:
    if caller.kind == "service":
        return {"type": "AWSService", "invokedBy": caller.principal}
    if caller.kind in ("anonymous", "unknown"):
        return {
            "type": "Unknown" if caller.kind == "unknown" else "AWSAccount",
            "principalId": "",
            "accountId": caller.kind,
        }
    identity = {
        "type": "AssumedRole" if caller.role_arn else "IAMUser",
        "principalId": user_id(caller),
        "arn": caller.arn,
        "accountId": caller.account_id,
        "accessKeyId": caller.access_key_id or "",
    }
    if not caller.role_arn:
        return {**identity, "userName": _user_name(caller)}
    issuer = {
        "type": "Role",
        "principalId": user_id(caller).partition(":")[0],
        "arn": caller.role_arn,
        "accountId": caller.account_id,
        "userName": caller.role_arn.rpartition("/")[2],
    }
    return {**identity, "sessionContext": {"sessionIssuer": issuer, "attributes": {"mfaAuthenticated": "false"}}}


def _resources(call: Recorded) -> list[dict[str, str]]:
    """Return what a call concerns, where AWS has a type for it: by its name and by its ARN."""
    arn = call.action_and_resource[1]
    if not arn.startswith("arn:") or arn.endswith("*"):
        return []
    service, rest = arn.split(":", 5)[2], arn.split(":", 5)[5]
    if service == "s3":
        kind, name = "AWS::S3::Bucket", rest.partition("/")[0]
        return [{"ResourceType": kind, "ResourceName": name}] if name else []
    word, _, name = rest.replace(":", "/", 1).partition("/") if rest.startswith("log-group:") else rest.partition("/")
    kind = _TYPES.get((service, word), "")
    name = name.partition(":")[0] if service == "logs" else name
    return [{"ResourceType": kind, "ResourceName": each} for each in (name, arn)] if kind and name else []
