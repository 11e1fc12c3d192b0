"""What there is of a lab, found by asking AWS for its names and tags: neither Terraform nor a state is needed.

Names are compared whole: on an account that several people share, `ann` must not find what belongs to `ann-marie`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.config import log_group_of
from lab_helpers.base.errors import AwsCallError, NotFoundError

Aws = Callable[[str], Any]
"""Gives the boto3 client of a service: Lab.client, Backend.client."""

TAG = "Lab"
_ABSENT = frozenset(
    {"ClusterNotFoundException", "LoadBalancerNotFound", "TargetGroupNotFound", "RepositoryNotFoundException"}
)


@dataclass(frozen=True)
class LabNames:
    """The names of everything in one lab, as terraform/*.tf and the drills give them."""

    prefix: str
    account: str
    region: str

    @classmethod
    def asked(cls, aws: Aws, prefix: str) -> LabNames:
        """Return the names of a lab in the account and region that the clients lead to."""
        sts = aws("sts")
        with aws_errors("GetCallerIdentity"):
            return cls(prefix, sts.get_caller_identity()["Account"], aws("ec2").meta.region_name)

    @property
    def log_group(self) -> str:
        return log_group_of(self.prefix)

    @property
    def database(self) -> str:
        return f"{self.prefix}_logs".replace("-", "_")

    @property
    def cluster(self) -> str:
        return f"{self.prefix}-cluster"

    @property
    def buckets(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}-{kind}-{self.account}-{self.region}" for kind in ("alb-logs", "logs"))

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}-{kind}-role" for kind in ("ecs-task", "ecs-task-exec", "firehose"))

    @property
    def alarm(self) -> str:
        """The alarm of step 08_1."""
        return f"{self.prefix}-late-delivery"

    def is_family(self, name: str) -> bool:
        """Whether a task definition's family is the lab's own, or one of its drills'."""
        drill = name.startswith(f"{self.prefix}-drill-") and not name.endswith("-httpd")
        return drill or name == f"{self.prefix}-httpd"


def ecs_services(aws: Aws, names: LabNames) -> list[str]:
    """Return the active services of the lab's cluster."""
    arns = _in_cluster(aws, names, "list_services", "serviceArns")
    batches = [arns[at : at + 10] for at in range(0, len(arns), 10)]
    found = [
        service
        for batch in batches
        for service in aws("ecs").describe_services(cluster=names.cluster, services=batch)["services"]
    ]
    return [service["serviceName"] for service in found if service["status"] == "ACTIVE"]


def ecs_tasks(aws: Aws, names: LabNames) -> list[str]:
    """Return the ARNs of the tasks that are meant to run in the lab's cluster."""
    return _in_cluster(aws, names, "list_tasks", "taskArns")


def clusters(aws: Aws, names: LabNames) -> list[str]:
    found = aws("ecs").describe_clusters(clusters=[names.cluster])["clusters"]
    return [cluster["clusterName"] for cluster in found if cluster["status"] == "ACTIVE"]


def task_definitions(aws: Aws, names: LabNames) -> list[str]:
    """Return the ARNs of active task definitions, the drills' included."""
    ecs = aws("ecs")
    families = _pages(ecs, "list_task_definition_families", "families", familyPrefix=names.prefix, status="ACTIVE")
    return [
        arn
        for family in families
        if names.is_family(family)
        for arn in _pages(ecs, "list_task_definitions", "taskDefinitionArns", familyPrefix=family, status="ACTIVE")
    ]


def load_balancers(aws: Aws, names: LabNames) -> list[str]:
    def ask() -> list[str]:
        found = aws("elbv2").describe_load_balancers(Names=[f"{names.prefix}-alb"])["LoadBalancers"]
        return [each["LoadBalancerName"] for each in found]

    return _or_none(ask)


def target_groups(aws: Aws, names: LabNames) -> list[str]:
    def ask() -> list[str]:
        found = aws("elbv2").describe_target_groups(Names=[f"{names.prefix}-alb-tg"])["TargetGroups"]
        return [each["TargetGroupName"] for each in found]

    return _or_none(ask)


def delivery_streams(aws: Aws, names: LabNames) -> list[str]:
    def ask() -> list[str]:
        name = f"{names.prefix}-kinesis-firehose"
        found = aws("firehose").describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
        return [found["DeliveryStreamName"]]

    return _or_none(ask)


def repositories(aws: Aws, names: LabNames) -> list[str]:
    def ask(image: str) -> list[str]:
        found = aws("ecr").describe_repositories(repositoryNames=[f"{names.prefix}-{image}"])["repositories"]
        return [each["repositoryName"] for each in found]

    return [name for image in ("fluentbit", "httpd") for name in _or_none(partial(ask, image))]


def log_groups(aws: Aws, names: LabNames) -> list[str]:
    """Return the lab's log group and those below it: Fluent Bit makes its own, of which Terraform knows nothing."""
    group = names.log_group
    found = _pages(aws("logs"), "describe_log_groups", "logGroups", logGroupNamePrefix=group)
    every = [each["logGroupName"] for each in found]
    return [name for name in every if name == group or name.startswith(f"{group}/")]


def buckets(aws: Aws, names: LabNames) -> list[str]:
    return [each["Name"] for each in aws("s3").list_buckets()["Buckets"] if each["Name"] in names.buckets]


def alarms(aws: Aws, names: LabNames) -> list[str]:
    found = aws("cloudwatch").describe_alarms(AlarmNames=[names.alarm])["MetricAlarms"]
    return [each["AlarmName"] for each in found]


def databases(aws: Aws, names: LabNames) -> list[str]:
    """Return the Glue database of the SQL table; an endpoint without Glue has none."""

    def ask() -> list[str]:
        return [aws("glue").get_database(Name=names.database)["Database"]["Name"]]

    return _or_none(ask)


def roles(aws: Aws, names: LabNames) -> list[str]:
    return [role for role in names.roles if _or_none(partial(_role, aws("iam"), role))]


def vpcs(aws: Aws, names: LabNames) -> list[str]:
    tagged = [{"Name": f"tag:{TAG}", "Values": [names.prefix]}]
    return [vpc["VpcId"] for vpc in aws("ec2").describe_vpcs(Filters=tagged)["Vpcs"]]


def tagged_otherwise(aws: Aws, names: LabNames) -> list[str]:
    """Return the ARNs that carry the lab's tag and are of no kind that is listed by name.

    The tag index lags behind, so what can be listed itself is not believed from there. Empty where the index is not
    available or not allowed.
    """
    try:
        with aws_errors("GetResources"):
            found = tagged_arns(aws, [{"Key": TAG, "Values": [names.prefix]}])
    except AwsCallError:
        return []
    return sorted(arn for arn in found if not _is_listed_by_name(arn))


def tagged_arns(aws: Aws, filters: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return {ARN: its tags} of what the tag index has for these filters."""
    pages = aws("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=filters)
    found = [each for page in pages for each in page["ResourceTagMappingList"]]
    return {each["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in found}


def _is_listed_by_name(arn: str) -> bool:
    service, kind = arn.split(":")[2], arn.split(":", 5)[5].partition("/")[0].partition(":")[0]
    of_vpc = {"vpc", "subnet", "security-group", "security-group-rule", "internet-gateway", "route-table"}
    whole = {"ecs", "glue", "elasticloadbalancing", "firehose", "ecr", "logs", "s3"}
    return service in whole or (service == "iam" and kind == "role") or (service == "ec2" and kind in of_vpc)


def _role(iam: Any, name: str) -> list[str]:
    return [iam.get_role(RoleName=name)["Role"]["RoleName"]]


def _in_cluster(aws: Aws, names: LabNames, operation: str, member: str) -> list[str]:
    return _or_none(lambda: _pages(aws("ecs"), operation, member, cluster=names.cluster))


def _or_none(ask: Callable[[], list[str]]) -> list[str]:
    """Return what is asked for; what is not there is an empty list."""
    try:
        with aws_errors():
            return ask()
    except NotFoundError:
        return []
    except AwsCallError as exc:
        if exc.code in _ABSENT:
            return []
        raise


def _pages(client: Any, operation: str, member: str, **options: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**options) for item in page[member]]
