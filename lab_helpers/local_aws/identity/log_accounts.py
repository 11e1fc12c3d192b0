"""The accounts by which Elastic Load Balancing wrote access logs before it had a principal of its own; they still do.

Source: "Enable access logs for your Application Load Balancer", bucket policies of regions before August 2022.
"""

from __future__ import annotations

_LOG_DELIVERY = "logdelivery.elasticloadbalancing.amazonaws.com"
_ACCOUNTS = {
    "af-south-1": "098369216593",
    "ap-east-1": "754344448648",
    "ap-northeast-1": "582318560864",
    "ap-northeast-2": "600734575887",
    "ap-northeast-3": "383597477331",
    "ap-south-1": "718504428378",
    "ap-southeast-1": "114774131450",
    "ap-southeast-2": "783225319266",
    "ap-southeast-3": "589379963580",
    "ca-central-1": "985666609251",
    "eu-central-1": "054676820928",
    "eu-north-1": "897822967062",
    "eu-south-1": "635631232127",
    "eu-west-1": "156460612806",
    "eu-west-2": "652711504416",
    "eu-west-3": "009996457667",
    "me-south-1": "076674570225",
    "sa-east-1": "507241528517",
    "us-east-1": "127311923021",
    "us-east-2": "033677994240",
    "us-west-1": "027434742980",
    "us-west-2": "797873946194",
}


def older_name(principal: str | None, region: str) -> str | None:
    """Return the account's root as which a service writes, too, where a bucket's policy names that; else None."""
    account = _ACCOUNTS.get(region) if principal == _LOG_DELIVERY else None
    return f"arn:aws:iam::{account}:root" if account else None
