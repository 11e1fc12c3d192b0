"""What a lab costs on an account: a small table of list prices, and an estimate.

Source: the AWS price pages of Fargate (Linux/x86), Elastic Load Balancing (ALB), and VPC (public IPv4 addresses), in
USD an hour without tax. Compared with public quotations of them where the pages could not be read by program.
Not modelled: free tier, savings plans; storage and requests of logs (S3, ECR, CloudWatch), which stay within `EXTRAS`.
"""

from __future__ import annotations

from dataclasses import dataclass

PRICES_OF = "2025-11"
"""Year and month of the prices. They change seldom; the bill is right, this is an estimate."""
EXTRAS = 0.05
"""USD for a run of the workbook, at most: 1000 log lines, a dozen objects, an image of 150 MB, some Athena queries."""
WORKBOOK_H = 2.0
"""How long a lab stands that a person works through: an hour of reading and waiting, and Terraform at both ends."""
TASKS, TASK_VCPU, TASK_GB = 2, 0.25, 0.5
"""Source: terraform/aws_ecs.tf."""
ADDRESSES = TASKS + 2
"""Public IPv4 addresses: one a task, and one for each of the load balancer's two zones."""


@dataclass(frozen=True)
class Prices:
    """USD an hour: of a vCPU and a GB on Fargate, of a load balancer, of one of its capacity units, of an address."""

    vcpu: float
    gb: float
    balancer: float
    lcu: float = 0.008
    address: float = 0.005


PRICES = {
    "ap-northeast-1": Prices(0.05056, 0.00553, 0.0243),
    "eu-west-1": Prices(0.04048, 0.004445, 0.0252),
    "us-east-1": Prices(0.04048, 0.004445, 0.0225),
    "us-west-2": Prices(0.04048, 0.004445, 0.0225),
}
OTHER_REGION = "ap-northeast-1"
"""Stands in for a region without a row; it is dearer than most."""


@dataclass(frozen=True)
class Estimate:
    """What a lab costs in USD: each part an hour, and whose prices these are."""

    parts: dict[str, float]
    region: str
    priced_as: str

    @property
    def per_hour(self) -> float:
        """USD for every hour that the lab stands."""
        return sum(self.parts.values())

    def total(self, hours: float = WORKBOOK_H) -> float:
        """USD for a lab that stands so many hours, logs and requests included."""
        return self.per_hour * hours + EXTRAS

    def __str__(self) -> str:
        other = (
            "" if self.region == self.priced_as else f", prices of {self.priced_as}: {self.region} is not in the table"
        )
        return (
            f"about {self.per_hour:.2f} USD an hour, {self.total():.2f} USD for {WORKBOOK_H:.0f} hours, "
            f"{self.total(24):.2f} USD for a day that it is forgotten (list prices of {PRICES_OF}{other})"
        )


def estimate(region: str) -> Estimate:
    """Return what the lab costs in a region."""
    priced_as = region if region in PRICES else OTHER_REGION
    prices = PRICES[priced_as]
    parts = {
        f"{TASKS} Fargate tasks": TASKS * (TASK_VCPU * prices.vcpu + TASK_GB * prices.gb),
        "load balancer, one capacity unit": prices.balancer + prices.lcu,
        f"{ADDRESSES} public IPv4 addresses": ADDRESSES * prices.address,
    }
    return Estimate(parts, region, priced_as)
