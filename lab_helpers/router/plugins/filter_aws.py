"""Add what an EC2 instance says of itself, which a Fargate task has nobody to ask for: records stay as they are.

Source: Fluent Bit 5.1.1, filter_aws: it asks the instance metadata service (169.254.169.254) alone, never the task's
metadata. On Fargate there is none: at the start it says of each key that it could not be had, and goes on.
Not modelled: an instance's answers; this router runs as on Fargate and asks nobody.
"""

from __future__ import annotations

from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.record import Record

ACCOUNT = "Account ID"
GROUPS = {
    "ec2_instance_id": "instance ID",
    "account_id": ACCOUNT,
    "ec2_instance_type": "instance type",
    "private_ip": "instance private IP",
    "vpc_id": "instance VPC ID",
    "ami_id": "AMI ID",
    "hostname": "Hostname",
    "az": "instance AZ",
    "tags_enabled": "instance EC2 Tags",
}
"""What the reference calls each group of metadata, in the order in which it asks."""


class Aws(Filter):
    """The filter: it says what is missing."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        version = options["imds_version"]
        if version.lower() not in ("v1", "v2"):
            raise PluginInitError(
                f"Invalid value {version} for config option 'imds_version'. Valid values are 'v1' and 'v2'"
            )
        self._log, self._wants_entity = context.log, bool(options["enable_entity"])
        for option, group in GROUPS.items():
            if options[option]:
                self._tell(group)
        self._tell_entity()
        context.log.info(
            "there is no EC2 instance to ask on Fargate: FireLens itself adds ecs_cluster, ecs_task_arn and "
            "ecs_task_definition (enable-ecs-log-metadata)"
        )

    def filter(self, _tag: str, _records: list[Record]) -> list[Record] | None:
        """Change nothing; what an entity is made of is asked for with each batch."""
        self._tell_entity()
        return None

    def _tell(self, group: str) -> None:
        self._log.error(f"Failed to get {group}")

    def _tell_entity(self) -> None:
        if self._wants_entity:
            self._tell(ACCOUNT)


PLUGIN = FilterPlugin(
    "aws",
    "Add metadata of an EC2 instance; on Fargate there is none, and records stay as they are.",
    Aws,
    (
        Option("imds_version", help="v1 or v2 of the instance metadata service.", default="v2"),
        Option("az", Kind.FLAG, "Availability zone.", "true"),
        Option("ec2_instance_id", Kind.FLAG, "Instance id.", "true"),
        Option("ec2_instance_type", Kind.FLAG, "Instance type.", "false"),
        Option("private_ip", Kind.FLAG, "Private address.", "false"),
        Option("vpc_id", Kind.FLAG, "VPC.", "false"),
        Option("ami_id", Kind.FLAG, "Image of the instance.", "false"),
        Option("account_id", Kind.FLAG, "Account.", "false"),
        Option("hostname", Kind.FLAG, "Host name.", "false"),
        Option("tags_enabled", Kind.FLAG, "Tags of the instance.", "false"),
        Option("tags_include", help="Only these tags, separated by commas.", default=""),
        Option("tags_exclude", help="All tags but these.", default=""),
        Option("retry_interval_s", Kind.INTEGER, "Accepted: nobody is asked again.", "300"),
        Option("enable_entity", Kind.FLAG, "Accepted: what an entity is made of is missing, too.", "false"),
    ),
)
