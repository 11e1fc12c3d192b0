"""What one output outside AWS would have sent: where, how many records in how many requests, the first bodies.

Not modelled: compression and authentication (bodies are shown before either), retries, limits of the destination.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lab_helpers.router.core.options import to_flag
from lab_helpers.router.recording.catalogue import outsides
from lab_helpers.router.recording.recorder import Recorded
from lab_helpers.trying.outside import bodies

MOST_BODIES = 3
"""Kept of one output."""
_PATHS = {
    "datadog": "/api/v2/logs", "azure": "/api/logs?api-version=2016-04-01", "logdna": "/logs/ingest",
    "es": "/_bulk", "opensearch": "/_bulk", "loki": "/loki/api/v1/push", "http": "/", "opentelemetry": "/v1/logs",
    "splunk": "/services/collector/event",
}  # fmt: skip
"""Of those that speak HTTP. Source: Fluent Bit 5.1.1, the same plugins."""


@dataclass(frozen=True)
class Sent:
    """`where` is the address, `form` says what the bodies are; `author` wrote the output's section."""

    plugin: str
    where: str
    author: str
    form: str
    records: int
    requests: int
    bodies: tuple[str, ...]

    @property
    def told(self) -> str:
        """One sentence."""
        records = f"{self.records:,} record" + ("" if self.records == 1 else "s")
        requests = f"{self.requests:,} {'request' if self.requests == 1 else 'requests'}"
        return f"would have sent {records} to {self.plugin} at {self.where}" + (
            f", in {requests}" if self.records else ""
        )


def sent(recorded: Recorded, author: str = "") -> Sent:
    """Return what an output would have sent; requests are messages where there are none (kafka, syslog, …)."""
    shape = bodies.shape_of(recorded.plugin, recorded.options)
    made, requests = list[str](), 0
    for tag, records in recorded.chunks:
        for body in shape.requests(tag, records):
            requests += 1
            made += [body] if len(made) < MOST_BODIES else []
    count = sum(len(records) for _, records in recorded.chunks)
    where = address(recorded.plugin, recorded.options, recorded.core)
    return Sent(recorded.plugin, where, author, shape.form, count, requests, tuple(made))


def address(plugin: str, options: Mapping[str, Any], core: Mapping[str, str]) -> str:
    """Return where an output sends to, without what is secret in it."""
    if plugin in _OWN:
        return _OWN[plugin](options)
    known = outsides()[plugin]
    tls = known.uses_tls(to_flag(core.get("tls", "off")) is True)
    default = known.port if tls or known.plain_port is None else known.plain_port
    host, port = core.get("host") or known.host, core.get("port") or default
    path = _path(plugin, options)
    scheme = (f"http{'s' if tls else ''}" if path else f"{'tls' if tls else _scheme(plugin, options)}") + "://"
    return f"{scheme}{host}{'' if port is None else f':{port}'}{path}"


def _path(plugin: str, options: Mapping[str, Any]) -> str:
    if plugin in {"es", "opensearch"}:
        pipeline = f"/?pipeline={options['pipeline']}" if options.get("pipeline") else ""
        return f"{options.get('path') or ''}/_bulk{pipeline}"
    path = str(options.get("uri") or options.get("logs_uri") or _PATHS.get(plugin, ""))
    return path if path.startswith("/") or not path else f"/{path}"


def _scheme(plugin: str, options: Mapping[str, Any]) -> str:
    return str(options.get("mode") or {"forward": "tcp", "websocket": "ws"}.get(plugin, plugin))


def _kafka(options: Mapping[str, Any]) -> str:
    return f"{options.get('brokers') or 'no broker'}, topic {options.get('topics') or 'fluent-bit'}"


def _new_relic(options: Mapping[str, Any]) -> str:
    return str(options["base_uri"])


def _slack(options: Mapping[str, Any]) -> str:
    return f"https://{urlsplit(str(options['webhook'])).hostname}/…"  # the rest of a webhook is its secret


def _file(options: Mapping[str, Any]) -> str:
    return f"{options.get('path') or ''}/{options.get('file') or 'TAG'}".removeprefix(
        "/" if not options.get("path") else ""
    )


def _azure(options: Mapping[str, Any]) -> str:
    return f"https://{options['customer_id']}.ods.opinsights.azure.com{_PATHS['azure']}"


_OWN = {"kafka": _kafka, "nrlogs": _new_relic, "slack": _slack, "file": _file, "azure": _azure}


def by_author(recordings: Sequence[Recorded], authors: Mapping[str, Sequence[str]]) -> tuple[Sent, ...]:
    """Return what all outputs would have sent; `authors` by plugin, in the order of the configuration."""
    seen: dict[str, int] = {}
    made = []
    for each in sorted(recordings, key=lambda one: int(one.instance.rpartition(".")[2])):
        number = seen[each.plugin] = seen.get(each.plugin, -1) + 1
        known = authors.get(each.plugin, ())
        made.append(sent(each, known[number] if number < len(known) else ""))
    return tuple(made)
