"""The configuration that FireLens generates for a task's log router."""

from lab_helpers.local_aws.firelens.generate import RouterInputs, generate
from lab_helpers.local_aws.firelens.localise import Transport, localise
from lab_helpers.local_aws.firelens.options import (
    ContainerLog,
    RouterOptions,
    parse_container_log,
    parse_router_options,
)

__all__ = [
    "ContainerLog",
    "RouterInputs",
    "RouterOptions",
    "Transport",
    "generate",
    "localise",
    "parse_container_log",
    "parse_router_options",
]
