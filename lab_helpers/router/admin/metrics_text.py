"""Metrics as text and JSON. Pure.

Source: Fluent Bit 4.2.8's `/api/v1/metrics`, `/api/v1/metrics/prometheus` and uptime.
"""

from __future__ import annotations

from collections.abc import Mapping

Snapshot = Mapping[str, Mapping[str, Mapping[str, int]]]

_HELP = {
    "fluentbit_input_records_total": "Number of input records.",
    "fluentbit_input_bytes_total": "Number of input bytes.",
    "fluentbit_filter_drop_records_total": "Fluentbit metrics.",
    "fluentbit_filter_add_records_total": "Fluentbit metrics.",
    "fluentbit_output_dropped_records_total": "Number of dropped records.",
    "fluentbit_output_errors_total": "Number of output errors.",
    "fluentbit_output_proc_bytes_total": "Number of processed output bytes.",
    "fluentbit_output_proc_records_total": "Number of processed output records.",
    "fluentbit_output_retried_records_total": "Number of retried records.",
    "fluentbit_output_retries_failed_total": "Number of abandoned batches because the maximum number of re-tries was "
    "reached.",
    "fluentbit_output_retries_total": "Number of output retries.",
}


def prometheus(snapshot: Snapshot, now_ms: int, uptime_s: int, started_at: int, version: str) -> str:
    """Return the counters in Prometheus' text format."""
    rows: dict[str, list[str]] = {}
    for kind, instances in snapshot.items():
        for name, counters in instances.items():
            for counter, value in counters.items():
                metric = f"fluentbit_{kind}_{counter}_total"
                rows.setdefault(metric, []).append(f'{metric}{{name="{name}"}} {value} {now_ms}\n')
    parts = []
    for metric in sorted(rows):
        parts.append(f"# HELP {metric} {_HELP.get(metric, 'Fluentbit metrics.')}\n# TYPE {metric} counter\n")
        parts += sorted(rows[metric])
    parts.append(
        "# HELP fluentbit_uptime Number of seconds that Fluent Bit has been running.\n"
        f"# TYPE fluentbit_uptime counter\nfluentbit_uptime {uptime_s}\n"
        "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.\n"
        f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {started_at}\n"
        "# HELP fluentbit_build_info Build version information.\n# TYPE fluentbit_build_info gauge\n"
        f'fluentbit_build_info{{version="{version}",edition="Community"}} 1\n'
    )
    return "".join(parts)


def uptime_words(seconds: int) -> str:
    """Return `Fluent Bit has been running:  0 day, 1 hour, 2 minutes and 3 seconds`."""
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return (
        f"Fluent Bit has been running:  {_counted(days, 'day')}, {_counted(hours, 'hour')}, "
        f"{_counted(minutes, 'minute')} and {_counted(left, 'second')}"
    )


def _counted(amount: int, unit: str) -> str:
    return f"{amount} {unit}{'s' if amount > 1 else ''}"
