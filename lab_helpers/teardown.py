"""Delete everything the lab made, also what Terraform does not know, and prove it by listing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from lab_helpers.clients import aws_errors
from lab_helpers.drills.opened import open_drills, undo_all
from lab_helpers.errors import LabError, NotFoundError
from lab_helpers.faults import NOTE
from lab_helpers.session import Lab


@dataclass(frozen=True)
class Step:
    """One step of a teardown; `error` is empty when it went well."""

    what: str
    error: str = ""


def tear_down(lab: Lab) -> list[Step]:
    """Destroy what Terraform made, then what it did not; go on after a failure; return the steps.

    Idempotent: with nothing there, every step succeeds.
    """
    steps = [_attempt(f"undo {', '.join(open_drills(lab))}", partial(undo_all, lab))] if open_drills(lab) else []
    steps.append(_attempt("terraform destroy", partial(_destroy, lab)))
    steps += [
        _attempt(f"delete log group {group}", partial(delete_log_group, lab.client("logs"), group))
        for group in fluent_bit_groups(lab)
    ]
    for note in ("applied", NOTE):
        lab.notes.drop(note)
    return steps


def fluent_bit_groups(lab: Lab) -> list[str]:
    """Return the log groups that Fluent Bit made: Terraform never heard of them (row D4)."""
    made_by_terraform = lab.settings.log_group
    with aws_errors("DescribeLogGroups"):
        pages = lab.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=made_by_terraform)
        names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if name.startswith(made_by_terraform + "/")]


def delete_log_group(logs: Any, name: str) -> None:
    """Delete a log group; one that is not there is fine."""
    try:
        with aws_errors("DeleteLogGroup"):
            logs.delete_log_group(logGroupName=name)
    except NotFoundError:
        return


def leftovers(lab: Lab) -> pd.DataFrame:
    """Return what is still there of this lab, found by listing AWS, not by Terraform's state: service, name."""
    rows = [(service, name) for service, names in _listings(lab).items() for name in names]
    return pd.DataFrame(rows, columns=["service", "name"])


def _destroy(lab: Lab) -> None:
    if lab.terraform.resources():
        lab.terraform.destroy()


def _listings(lab: Lab) -> dict[str, list[str]]:
    prefix = lab.settings.prefix
    with aws_errors("list what is left"):
        return {
            "logs": [
                g for g in _log_groups(lab) if g == lab.settings.log_group or g.startswith(lab.settings.log_group + "/")
            ],
            "s3": [b["Name"] for b in lab.client("s3").list_buckets()["Buckets"] if b["Name"].startswith(prefix)],
            "ecr": _named(_pages(lab, "ecr", "describe_repositories", "repositories"), "repositoryName", prefix),
            "ecs": [a.rsplit("/", 1)[-1] for a in _clusters(lab) if a.rsplit("/", 1)[-1].startswith(prefix)],
            "elbv2": _named(
                _pages(lab, "elbv2", "describe_load_balancers", "LoadBalancers"), "LoadBalancerName", prefix
            ),
            "firehose": [n for n in _streams(lab) if n.startswith(prefix)],
            "iam": _named(_pages(lab, "iam", "list_roles", "Roles"), "RoleName", prefix),
            "ec2": _vpcs(lab),
        }


def _log_groups(lab: Lab) -> list[str]:
    return [group["logGroupName"] for group in _pages(lab, "logs", "describe_log_groups", "logGroups")]


def _clusters(lab: Lab) -> list[str]:
    arns = [str(arn) for arn in _pages(lab, "ecs", "list_clusters", "clusterArns")]
    if not arns:
        return []
    found = lab.client("ecs").describe_clusters(clusters=arns)["clusters"]
    return [cluster["clusterArn"] for cluster in found if cluster["status"] == "ACTIVE"]


def _streams(lab: Lab) -> list[str]:
    return [str(name) for name in lab.client("firehose").list_delivery_streams(Limit=1000)["DeliveryStreamNames"]]


def _vpcs(lab: Lab) -> list[str]:
    tagged = [{"Name": "tag:Lab", "Values": [lab.settings.prefix]}]
    return [vpc["VpcId"] for vpc in lab.client("ec2").describe_vpcs(Filters=tagged)["Vpcs"]]


def _pages(lab: Lab, service: str, operation: str, member: str) -> list[Any]:
    return [item for page in lab.client(service).get_paginator(operation).paginate() for item in page[member]]


def _named(items: list[Any], key: str, prefix: str) -> list[str]:
    return [item[key] for item in items if item[key].startswith(prefix)]


def _attempt(what: str, action: Any) -> Step:
    try:
        action()
    except LabError as exc:
        return Step(what, str(exc))
    return Step(what)
