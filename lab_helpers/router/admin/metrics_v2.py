"""The metrics of `/api/v2/metrics`, as Fluent Bit's text and as Prometheus'. Pure.

Source: Fluent Bit 4.2.8. Not modelled: the latency histogram, upstream connections, ring buffers of threads, filters'
bytes, and the time of each value's last change (the moment of the answer is shown).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab_helpers.router.admin.storage_status import InputStatus, layer
from lab_helpers.router.core.counters import Counters
from lab_helpers.router.core.log import Level
from lab_helpers.router.core.version import VERSION

Labels = tuple[tuple[str, str], ...]
NS = 1_000_000_000

_COUNTERS = {
    "input": {"bytes": "Number of input bytes.", "records": "Number of input records."},
    "filter": {
        "records": "Total number of new records processed.",
        "add_records": "Total number of new added records.",
        "drop_records": "Total number of dropped records.",
    },
    "output": {
        "proc_records": "Number of processed output records.",
        "proc_bytes": "Number of processed output bytes.",
        "errors": "Number of output errors.",
        "retries": "Number of output retries.",
        "retries_failed": "Number of abandoned batches because the maximum number of re-tries was reached.",
        "dropped_records": "Number of dropped records.",
        "retried_records": "Number of retried records.",
    },
}
_ROUTES = {
    "records": "Total log records routed from input to output",
    "bytes": "Total bytes routed from input to output (logs)",
    "drop_records": "Total log records dropped during routing",
    "drop_bytes": "Total bytes dropped during routing (logs)",
}
_LAYER = {
    "total_chunks": ("chunks", "Total number of chunks in the storage layer."),
    "mem_chunks": ("mem_chunks", "Total number of memory chunks."),
    "fs_chunks": ("fs_chunks", "Total number of filesystem chunks."),
    "fs_chunks_up": ("fs_chunks_up", "Total number of filesystem chunks up in memory."),
    "fs_chunks_down": ("fs_chunks_down", "Total number of filesystem chunks down."),
}
_INPUT_GAUGES = {
    "ingestion_paused": ("paused", "Is the input paused or not?"),
    "storage_overlimit": ("overlimit", "Is the input memory usage overlimit ?."),
    "storage_memory_bytes": ("mem_size", "Memory bytes used by the chunks."),
    "storage_chunks": ("total", "Total number of chunks."),
    "storage_chunks_up": ("up", "Total number of chunks up in memory."),
    "storage_chunks_down": ("down", "Total number of chunks down."),
    "storage_chunks_busy": ("busy", "Total number of chunks in a busy state."),
    "storage_chunks_busy_bytes": ("busy_size", "Total number of bytes used by chunks in a busy state."),
}


@dataclass
class Family:
    """One metric with the values of all its labels."""

    name: str
    help: str
    kind: str = "counter"
    rows: list[tuple[Labels, int]] = field(default_factory=list)


def families(
    counters: Counters, lines: Mapping[Level, int], storage: Mapping[str, InputStatus], uptime_s: int
) -> list[Family]:
    """Return all metrics in the reference's order. `lines` counts the log's lines by level."""
    host: Labels = (("hostname", socket.gethostname()),)
    started_at = int(counters.started_at)
    build = (*host, ("version", VERSION), ("os", "linux"))
    return [
        Family("uptime", "Number of seconds that Fluent Bit has been running.", rows=[(host, uptime_s)]),
        Family("logger_logs_total", "Total number of logs", rows=[
            ((("message_type", level.name.lower()),), lines.get(level, 0)) for level in Level if level is not Level.OFF
        ]),
        *_routes(counters),
        *_instances(counters),
        Family("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", "gauge",
               [(host, started_at)]),
        Family("build_info", "Build version information.", "gauge", [(build, started_at)]),
        Family("hot_reloaded_times", "Collect the count of hot reloaded times.", "gauge", [(host, 0)]),
        *_storage(storage),
    ]  # fmt: skip


def prometheus_text(all_families: list[Family]) -> str:
    """Return the metrics as Prometheus reads them."""
    parts = []
    for one in all_families:
        name = f"fluentbit_{one.name}"
        parts.append(f"# HELP {name} {one.help}\n# TYPE {name} {one.kind}\n")
        parts += [f"{name}{_labels(labels)} {value}\n" for labels, value in one.rows]
    return "".join(parts)


def readable_text(all_families: list[Family], now_ns: int) -> str:
    """Return the metrics as lines `TIME name{labels} = value`."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ns // NS)) + f".{now_ns % NS:09d}Z"
    return "".join(
        f"{stamp} fluentbit_{one.name}{_labels(labels)} = {value}\n"
        for one in all_families
        for labels, value in one.rows
    )


def _routes(counters: Counters) -> list[Family]:
    found = []
    for key, text in _ROUTES.items():
        rows: list[tuple[Labels, int]] = [
            ((("input", source), ("output", output)), values[key])
            for (source, output), values in counters.routes.items()
            if values.get(key)
        ]
        if rows:
            found.append(Family(f"routing_logs_{key}_total", text, rows=rows))
    return found


def _instances(counters: Counters) -> list[Family]:
    snapshot = counters.snapshot()
    return [
        Family(f"{kind}_{key}_total", text, rows=[
            ((("name", name),), values.get(key, 0)) for name, values in snapshot[kind].items()
        ])
        for kind, texts in _COUNTERS.items() if snapshot[kind]
        for key, text in texts.items()
    ]  # fmt: skip


def _storage(storage: Mapping[str, InputStatus]) -> list[Family]:
    sums = layer(storage)
    found = [Family(f"storage_{name}", text, "gauge", [((), sums[key])]) for key, (name, text) in _LAYER.items()]
    for name, (attribute, text) in _INPUT_GAUGES.items():
        rows: list[tuple[Labels, int]] = [
            ((("name", source),), int(getattr(status, attribute))) for source, status in storage.items()
        ]
        found.append(Family(f"input_{name}", text, "gauge", rows))
    return found


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}" if labels else ""
