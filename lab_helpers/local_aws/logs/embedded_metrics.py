"""Embedded metrics: a JSON event that says itself which of its members are metrics.

Source: "Specification: Embedded metric format" of the CloudWatch User Guide.
Not modelled: the error events that AWS writes for a document it cannot read (here it makes no metric).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.kit.metrics import Metric

MARK = '"_aws"'
METRICS_MAX, DIMENSIONS_MAX = 100, 30


def measure(events: Sequence[Mapping[str, Any]]) -> Iterable[tuple[Metric, float, float]]:
    """Return the metrics embedded in events: metric, value, time in epoch seconds."""
    for event in events:
        if MARK in event["message"]:
            yield from _of_document(event["message"], event["timestamp"])


def _of_document(message: str, arrived_ms: int) -> Iterable[tuple[Metric, float, float]]:
    try:
        document = nested_json.loads(message)
    except ValueError:
        return
    about = document.get("_aws") if isinstance(document, dict) else None
    if not isinstance(about, dict) or not isinstance(about.get("CloudWatchMetrics"), list):
        return
    at = about.get("Timestamp")
    at_s = (at if isinstance(at, int | float) and not isinstance(at, bool) else arrived_ms) / 1000
    for directive in about["CloudWatchMetrics"]:
        if isinstance(directive, dict) and isinstance(directive.get("Namespace"), str):
            yield from _of_directive(document, directive, at_s)


def _of_directive(
    document: Mapping[str, Any], directive: Mapping[str, Any], at_s: float
) -> Iterable[tuple[Metric, float, float]]:
    sets = [
        found
        for names in _list(directive.get("Dimensions")) or [[]]
        if (found := _dimensions(document, names)) is not None
    ]
    for definition in _list(directive.get("Metrics"))[:METRICS_MAX]:
        name = definition.get("Name") if isinstance(definition, dict) else None
        if not isinstance(name, str):
            continue
        values = document.get(name)
        for dimensions in sets:
            metric = Metric(
                directive["Namespace"], name, str(definition.get("Unit") or "None"), dimensions, is_spread=True
            )
            for value in values if isinstance(values, list) else [values]:
                if isinstance(value, int | float) and not isinstance(value, bool):
                    yield metric, float(value), at_s


def _dimensions(document: Mapping[str, Any], names: Any) -> tuple[tuple[str, str], ...] | None:
    """Return a set of dimensions with their values, None when the document lacks one."""
    if not isinstance(names, list) or len(names) > DIMENSIONS_MAX:
        return None
    pairs = [(name, document.get(name)) for name in names if isinstance(name, str)]
    if any(not isinstance(value, str) or not value for _, value in pairs):
        return None
    return tuple(sorted((name, str(value)) for name, value in pairs))


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []
