"""Does the account have room for a lab? Service quotas against what is there and what the lab adds.

Source: quota codes and defaults of the Service Quotas console (VPCs and internet gateways a region 5, Application Load
Balancers a region 50, on-demand Fargate vCPUs a region 6 on a new account, S3 buckets an account 10000).
Not modelled: vCPUs that other tasks use at the moment (only CloudWatch knows), Elastic IPs (the lab needs none).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab_helpers.account import cost
from lab_helpers.account.inventory import Aws
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError


@dataclass(frozen=True)
class Quota:
    """A quota: its codes, what it is called, how many the lab adds, and how many there are (None: unknown)."""

    service: str
    code: str
    what: str
    adds: float
    used: Callable[[Aws], int] | None = None


@dataclass(frozen=True)
class Finding:
    """One quota: the limit and the use (None where AWS does not tell), and what the lab adds."""

    quota: Quota
    limit: float | None
    used: int | None

    @property
    def is_enough(self) -> bool:
        """Whether the lab fits in; what is not known counts as fitting."""
        return self.limit is None or (self.used or 0) + self.quota.adds <= self.limit

    def __str__(self) -> str:
        if self.limit is None:
            return f"{self.quota.what}: the limit could not be read"
        return f"{self.quota.what}: {self.used or 0} of {self.limit:g} used, the lab adds {self.quota.adds:g}"


def _vpcs(aws: Aws) -> int:
    return sum(len(page["Vpcs"]) for page in aws("ec2").get_paginator("describe_vpcs").paginate())


def _gateways(aws: Aws) -> int:
    pages = aws("ec2").get_paginator("describe_internet_gateways").paginate()
    return sum(len(page["InternetGateways"]) for page in pages)


def _balancers(aws: Aws) -> int:
    pages = aws("elbv2").get_paginator("describe_load_balancers").paginate()
    return sum(each["Type"] == "application" for page in pages for each in page["LoadBalancers"])


QUOTAS = (
    Quota("vpc", "L-F678F1CE", "VPCs", 1, _vpcs),
    Quota("vpc", "L-A4707A72", "internet gateways", 1, _gateways),
    Quota("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers", 1, _balancers),
    # Twice: a deployment starts the new tasks before it stops the old ones.
    Quota("fargate", "L-3032A538", "Fargate vCPUs", 2 * cost.TASKS * cost.TASK_VCPU),
)


def check(aws: Aws) -> list[Finding]:
    """Return one finding a quota; raises AwsCallError only where counting what is there fails."""
    return [Finding(quota, _limit(aws, quota), _used(aws, quota)) for quota in QUOTAS]


def _used(aws: Aws, quota: Quota) -> int | None:
    with aws_errors(f"count {quota.what}"):
        return quota.used(aws) if quota.used else None


def _limit(aws: Aws, quota: Quota) -> float | None:
    try:
        with aws_errors("GetServiceQuota"):
            found = aws("service-quotas").get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    except AwsCallError:
        return None
    return float(found["Quota"]["Value"])
