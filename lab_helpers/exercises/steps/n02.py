"""The steps of notebook 02: attributes changed with Terraform, and what they did."""

from __future__ import annotations

from typing import Any

import urllib3

from lab_helpers.base.clients import aws_errors
from lab_helpers.exercises.steps.step import Act, Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab

CLOUDWATCH_TF, ALB_TF = "terraform/aws_cloudwatch.tf", "terraform/aws_alb.tf"
RETENTION_DAYS = 14


def keeps_two_weeks(lab: Lab, _: Any) -> Verdict:
    """02_1: AWS says how long the group keeps its events."""
    name = lab.outputs.log_group
    with aws_errors("DescribeLogGroups"):
        groups = lab.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    days = next((group.get("retentionInDays") for group in groups if group["logGroupName"] == name), None)
    if days is None:
        return not_yet("AWS still answers without retentionInDays: the events are kept for ever. Apply the file.")
    if days != RETENTION_DAYS:
        return not_yet("AWS keeps the events for {days} days, not for {wanted}.", days=days, wanted=RETENTION_DAYS)
    return passed("AWS answers retentionInDays: {days}. The group is the same, and so are its events.", days=days)


def asks_for_a_missing_page(lab: Lab, _: Any) -> Verdict:
    """02_2: the target group asks for a path that httpd does not have."""
    path, status = _checked_page(lab)
    if status == 200:
        return not_yet("The health check asks for {path}, and httpd answers 200: no target will fail.", path=path)
    return passed("The target group asks for {path}, which httpd does not have.", path=path)


def asks_for_a_page_that_is_there(lab: Lab, _: Any) -> Verdict:
    """02_3: the target group asks for a page that httpd answers with 200."""
    path, _status = _checked_page(lab)
    if path != "/":
        return not_yet("The target group asks for {path}. httpd has one page: /. Apply the file.", path=path)
    return passed("The target group asks for / again. After two good answers a target is healthy.")


def _checked_page(lab: Lab) -> tuple[str, int]:
    """Return the path that the target group asks for, and what a visitor gets for it (503: no target is in use)."""
    with aws_errors("DescribeTargetGroups"):
        found = lab.client("elbv2").describe_target_groups(TargetGroupArns=[lab.outputs.target_group_arn])
    path = str(found["TargetGroups"][0]["HealthCheckPath"])
    return path, urllib3.request("GET", lab.outputs.url.rstrip("/") + path, timeout=10.0, retries=False).status


STEPS: tuple[Step, ...] = (
    Step(
        id="02_1",
        title="Let the events of the log group expire after 14 days, and apply.",
        minutes=4,
        files=(CLOUDWATCH_TF,),
        act=Act.APPLY,
        check=keeps_two_weeks,
        wrong=(
            Wrong(lambda text: text.replace("retention_in_days", "retention"), "Unsupported argument"),
            Wrong(lambda text: text.replace("= 14", "= 15"), "expected retention_in_days to be one of"),
        ),
        hints=(
            "The argument is in the provider's page of aws_cloudwatch_log_group: retention_in_days.",
            "CloudWatch takes certain numbers only: 1, 3, 5, 7, 14, 30, …",
        ),
    ),
    Step(
        id="02_2",
        title="Let the health check ask for /healthz, a page that httpd does not have, and apply.",
        minutes=4,
        files=(ALB_TF,),
        act=Act.APPLY,
        check=asks_for_a_missing_page,
        wrong=(
            Wrong(lambda text: text.replace('"/healthz"', '"healthz"'), "path"),
            Wrong(lambda text: text.replace('= "/healthz"', "= /healthz"), "Invalid expression"),
        ),
        hints=("The argument is `path`, inside the block health_check. It begins with a slash.",),
    ),
    Step(
        id="02_3",
        title="Let the health check ask for a page that httpd has, and apply.",
        minutes=3,
        kind=Kind.MEND,
        files=(ALB_TF,),
        act=Act.APPLY,
        check=asks_for_a_page_that_is_there,
        wrong=(
            Wrong(lambda text: text.replace('path                = "/"', 'path                = ""'), "path"),
            Wrong(lambda text: text.replace("health_check {", "health_checks {"), "Unsupported block type"),
        ),
        hints=("httpd has one page, and it is at the root: /",),
    ),
)
