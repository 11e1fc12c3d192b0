"""The step of notebook 10: what Fluent Bit made, taken into Terraform."""

from __future__ import annotations

from typing import Any

from lab_helpers.account.inventory import TAG
from lab_helpers.base.clients import aws_errors
from lab_helpers.exercises.steps.step import Act, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.lab import Lab

IMPORTS_TF = "terraform/imports.tf"
KIND, OURS = "aws_cloudwatch_log_group.", "aws_cloudwatch_log_group.firelens"


def is_terraforms(lab: Lab, _: Any) -> Verdict:
    """10_1: the state knows a second log group, and httpd's group in AWS carries the tags that Terraform gives."""
    known = [name for name in lab.terraform.resources() if name.startswith(KIND) and name != OURS]
    if not known:
        return not_yet("Terraform's state knows one log group, and that is not Fluent Bit's.")
    group, logs = lab.outputs.httpd_log_group, lab.client("logs")
    with aws_errors("DescribeLogGroups"):
        found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    [arn] = [each["arn"].removesuffix(":*") for each in found if each["logGroupName"] == group]
    with aws_errors("ListTagsForResource"):
        tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
    if tags.get(TAG) != lab.settings.prefix:
        return not_yet("{group} carries no tag of Terraform's. Is the right group in the state?", group=group)
    why = "{address} is in the state, and {group} carries the lab's tags now."
    return passed(why, address=known[0], group=group)


STEPS: tuple[Step, ...] = (
    Step(
        id="10_1",
        title="Take httpd's log group into Terraform's state with an import block, and apply.",
        minutes=6,
        files=(IMPORTS_TF,),
        act=Act.APPLY,
        check=is_terraforms,
        wrong=(
            Wrong(lambda text: text.replace("= 90", "= 91"), "expected retention_in_days to be one of"),
            Wrong(lambda text: text.replace("  id = local.httpd_log_group\n", ""), "id"),
            Wrong(lambda text: text.replace("import {", "imports {"), "Unsupported block type"),
        ),
        hints=(
            "Two blocks: `import` with `to` and `id`, and the resource that `to` names.",
            "The id of a log group is its name; local.httpd_log_group holds it (aws_ecs.tf).",
            "The resource is an aws_cloudwatch_log_group with the arguments name and retention_in_days.",
        ),
    ),
)
