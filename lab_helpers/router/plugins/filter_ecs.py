"""Add metadata of the ECS agent of an EC2 instance, which a Fargate task cannot reach: records stay as they are.

Source: Fluent Bit 5.1.1, filter_ecs: it asks the agent's introspection endpoint (127.0.0.1:51678), which Fargate does
not have; AWS's documentation says that the filter is not supported there. Each batch says so again.
Not modelled: an agent's answers; this router runs as on Fargate and asks nobody.
"""

from __future__ import annotations

from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError
from lab_helpers.router.records.record import Record
from lab_helpers.router.records.tag_template import parse_tag_template

UNREACHED = "ECS agent introspection endpoint connection error"


class Ecs(Filter):
    """The filter: it says what is missing."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._log = context.log
        for line in options["add"]:
            key, _, template = line.partition(" ")
            try:
                parse_tag_template(template.strip() or key)
            except AccessorError as exc:
                why = f"Could not parse template for `{key}`"
                raise PluginInitError(*exc.lines, why, "Initialization failed.") from exc
        context.log.error(UNREACHED)
        context.log.info(
            "Fargate has no such endpoint: FireLens itself adds ecs_cluster, ecs_task_arn and ecs_task_definition "
            "(enable-ecs-log-metadata), images of the init line have ${ECS_TASK_ID} and others as variables"
        )

    def filter(self, _tag: str, _records: list[Record]) -> list[Record] | None:
        """Change nothing."""
        self._log.error(UNREACHED)
        self._log.warn("Could not retrieve cluster metadata from ECS Agent")
        return None


PLUGIN = FilterPlugin(
    "ecs",
    "Add metadata of the ECS agent; on Fargate there is no agent to ask, and records stay as they are.",
    Ecs,
    (
        Option("add", help="KEY TEMPLATE: one key, of $TaskID, $ECSContainerName and others.", multiple=True),
        Option("ecs_tag_prefix", help="What stands before a container's short id in tags.", default=""),
        Option("cluster_metadata_only", Kind.FLAG, "Only the cluster's.", "false"),
        Option("ecs_meta_cache_ttl", Kind.SECONDS, "Accepted.", "3600"),
        Option("ecs_meta_host", help="Accepted: nobody is asked.", default="127.0.0.1"),
        Option("ecs_meta_port", Kind.INTEGER, "Accepted.", "51678"),
        Option("agent_endpoint_retries", Kind.INTEGER, "Accepted.", "2"),
    ),
)
