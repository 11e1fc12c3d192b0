"""Which output writes its records how; one that is not here has its records shown as they are."""

from __future__ import annotations

from collections.abc import Callable

from lab_helpers.trying.outside import loki, plain, searching, vendors
from lab_helpers.trying.outside.shape import Options, Shape

SHAPES: dict[str, Callable[[Options], Shape]] = {
    "azure": vendors.azure,
    "datadog": vendors.datadog,
    "es": searching.bulk,
    "file": plain.file,
    "forward": plain.forward,
    "gelf": plain.gelf,
    "http": plain.web,
    "kafka": plain.kafka,
    "loki": loki.streams,
    "nrlogs": vendors.new_relic,
    "opensearch": searching.bulk,
    "opentelemetry": plain.opentelemetry,
    "splunk": vendors.splunk,
    "syslog": plain.syslog,
    "tcp": plain.web,
    "udp": plain.web,
    "websocket": plain.web,
}


def shape_of(plugin: str, options: Options) -> Shape:
    """Return how an output writes its records."""
    return SHAPES.get(plugin, plain.lines)(options)
