"""Labs that somebody forgot: found by their tags, whoever's they are; those past their day of expiry may be removed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from lab_helpers.account import deletion as removal
from lab_helpers.account import inventory
from lab_helpers.account.deletion import Step
from lab_helpers.account.inventory import TAG, Aws, LabNames
from lab_helpers.base import config
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError, SettingsError
from lab_helpers.base.lazy import pd

COLUMNS = ["prefix", "owner", "expires", "expired", "resources"]
_TAGS = frozenset({TAG, "Owner", "Expires", "ManagedBy"})
"""A lab carries all four (terraform/provider.tf); something else that happens to be tagged `Lab` does not."""

Tags = dict[str, str]


def labs(aws: Aws, today: date) -> pd.DataFrame:
    """Return the labs of this account and region, the longest expired first.

    Columns: prefix, owner, expires (YYYY-MM-DD), expired (bool: that day is over), resources (how many were seen with
    its tags). Asked are the VPCs themselves, and the tag index where that is allowed.
    """
    seen: dict[str, dict[str, Tags]] = {}
    for arn, tags in _tagged(aws):
        if _is_lab(tags):
            seen.setdefault(tags[TAG], {})[arn] = tags
    rows = [_row(prefix, list(parts.values()), today) for prefix, parts in seen.items()]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["expires", "prefix"], ignore_index=True)


def remove_expired(aws: Aws, found: pd.DataFrame, **options: Any) -> dict[str, list[Step]]:
    """Remove the expired ones of `labs`, one after the other; return each one's steps. A failure stops none."""
    expired = found.loc[found["expired"], "prefix"]
    return {prefix: removal.remove(aws, LabNames.asked(aws, prefix), **options) for prefix in expired}


def _tagged(aws: Aws) -> Iterable[tuple[str, Tags]]:
    with aws_errors("DescribeVpcs"):
        pages = aws("ec2").get_paginator("describe_vpcs").paginate(Filters=[{"Name": "tag-key", "Values": [TAG]}])
        found = [vpc for page in pages for vpc in page["Vpcs"]]
    yield from ((vpc["VpcId"], _tags(vpc["Tags"])) for vpc in found)
    try:
        with aws_errors("GetResources"):
            index = inventory.tagged_arns(aws, [{"Key": TAG}, {"Key": "ManagedBy", "Values": ["terraform"]}])
    except AwsCallError:
        return
    # The index goes on showing what was deleted; a task definition or an inactive cluster alone is no lab.
    yield from ((arn, tags) for arn, tags in index.items() if ":ecs:" not in arn and ":vpc/" not in arn)


def _row(prefix: str, parts: list[Tags], today: date) -> tuple[str, str, str, bool, int]:
    """A lab that was applied again carries several days for a moment: the latest counts."""
    expires = max(tags["Expires"] for tags in parts)
    return prefix, parts[0]["Owner"], expires, date.fromisoformat(expires) < today, len(parts)


def _tags(listed: Iterable[dict[str, str]]) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in listed}


def _is_lab(tags: Tags) -> bool:
    if not tags.keys() >= _TAGS or not re.fullmatch(r"\d{4}-\d\d-\d\d", tags["Expires"]):
        return False
    try:
        config.Settings(prefix=tags[TAG])
    except SettingsError:
        return False
    return tags["ManagedBy"] == "terraform"
