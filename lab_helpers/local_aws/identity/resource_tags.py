"""The tags of what a call is about, for `aws:ResourceTag/…` in policies: asked of the service that has the resource.

Source: "Service Authorization Reference" (condition keys of each service).
Not modelled: tags of buckets and objects (S3 looks at a bucket's only once that is switched on), of databases, streams
and resources of other services than those below; the tags that a new resource is about to get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.iam.tags import named_values
from lab_helpers.local_aws.identity.clients import LoopbackClients

_GLOBAL_REGION = "us-east-1"
_Reader = Callable[[Any, str, str], Any]
"""Asks a client for the tags of a resource: (client, ARN, what stands behind the account in the ARN)."""


class ResourceTags:
    """Looks tags up at the moment of the call."""

    def __init__(self, clients: LoopbackClients) -> None:
        self._clients = clients

    def of(self, arn: str) -> Mapping[str, str]:
        """Return a resource's tags; none where there is no such resource, or the ARN stands for many."""
        parts = arn.split(":", 5)
        if len(parts) < 6 or parts[2] not in _READERS or "*" in parts[5].removesuffix(":*"):
            return {}
        name, read = _READERS[parts[2]]
        client = self._clients.as_operator(name, parts[3] or _GLOBAL_REGION)
        try:
            return dict(named_values(read(client, arn, parts[5])))
        except ClientError:
            return {}  # there is no such resource: the service will say so


def _last(resource: str) -> str:
    return resource.rpartition("/")[2]


def _of_iam(client: Any, arn: str, resource: str) -> Any:
    kind = resource.partition("/")[0]
    if kind == "policy":
        return client.list_policy_tags(PolicyArn=arn)["Tags"]
    readers = {"role": ("list_role_tags", "RoleName"), "user": ("list_user_tags", "UserName")}
    operation, parameter = readers.get(kind, ("", ""))
    return getattr(client, operation)(**{parameter: _last(resource)})["Tags"] if operation else ()


def _of_log_group(client: Any, arn: str, resource: str) -> Any:
    group = ":".join(resource.split(":")[:2])
    return client.list_tags_for_resource(resourceArn=arn.removesuffix(resource) + group)["tags"]


def _of_secret(client: Any, arn: str, resource: str) -> Any:
    unknown_end = resource.endswith("-??????")
    return client.describe_secret(SecretId=resource.split(":", 1)[1][:-7] if unknown_end else arn).get("Tags")


def _of_balancer(client: Any, arn: str, resource: str) -> Any:  # noqa: ARG001
    return client.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]


_READERS: dict[str, tuple[str, _Reader]] = {
    "athena": ("athena", lambda client, arn, _: client.list_tags_for_resource(ResourceARN=arn)["Tags"]),
    "ec2": (
        "ec2",
        lambda client, _, resource: client.describe_tags(
            Filters=[{"Name": "resource-id", "Values": [_last(resource)]}]
        )["Tags"],
    ),
    "ecr": ("ecr", lambda client, arn, _: client.list_tags_for_resource(resourceArn=arn)["tags"]),
    "ecs": ("ecs", lambda client, arn, _: client.list_tags_for_resource(resourceArn=arn)["tags"]),
    "elasticloadbalancing": ("elbv2", _of_balancer),
    "firehose": (
        "firehose",
        lambda client, _, resource: client.list_tags_for_delivery_stream(DeliveryStreamName=_last(resource))["Tags"],
    ),
    "iam": ("iam", _of_iam),
    "logs": ("logs", _of_log_group),
    "secretsmanager": ("secretsmanager", _of_secret),
    "ssm": (
        "ssm",
        lambda client, _, resource: client.list_tags_for_resource(
            ResourceType="Parameter", ResourceId="/" + resource.partition("/")[2]
        )["TagList"],
    ),
}
