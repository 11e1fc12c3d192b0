"""The configuration that FireLens generates for a task's log router."""

from lab_helpers.firelens.generate import RouterInputs, generate
from lab_helpers.firelens.localise import Transport, localise
from lab_helpers.firelens.options import (
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
