"""Why did this line not arrive? What a trial of that one line says, place by place: tag, filters, Match.

Not modelled: which of several filters removed or changed it, where more than one that can do so takes its tag: all are
named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab_helpers.trying import configuration
from lab_helpers.trying.seen import Trial

DROPPING = frozenset({"grep", "lua", "throttle", "rewrite_tag", "multiline", "sampling", "wasm", "log_to_metrics"})
"""Filters that may take a record away (or out of its tag)."""
CHANGING = frozenset(
    {"aws", "checklist", "ecs", "geoip2", "lua", "modify", "multiline", "nest", "parser", "record_modifier", "sysinfo",
     "type_converter", "wasm"}
)  # fmt: skip
"""Filters that may change a record."""
_ADDED = frozenset({"source", "container_id", "container_name", "ecs_cluster", "ecs_task_arn", "ecs_task_definition"})


def text(trial: Trial, line: str) -> str:
    """Return the way of the only line of a trial, one place a line, and a sentence about its end."""
    return "\n".join(["The way of the line", *(f"  {told}" for told in _way(trial, line))])


def _way(trial: Trial, line: str) -> Iterator[str]:
    (container,) = trial.printed
    tag = f"{container}-firelens-TASK-ID"
    yield f"printed by {container}: {json.dumps(line, ensure_ascii=False)}"
    yield f"tag: {tag}"
    taken, suspects, changers = [], [], []
    for section, author in configuration.with_authors(trial.configuration):
        if section.kind not in {"FILTER", "OUTPUT"} or section.name == "null":
            continue
        takes = section.takes(tag)
        yield f"{section.label} ({author}): {'takes it' if takes else 'does not match its tag'}"
        taken += [section.label] if takes and section.kind == "OUTPUT" else []
        named = f"{section.label} ({author})"
        suspects += [named] if takes and section.name in DROPPING else []
        changers += [named] if takes and section.name in CHANGING and author != configuration.AGENT else []
    yield from _end(trial, line, taken, suspects, changers)


def _end(
    trial: Trial, line: str, taken: list[str], suspects: list[str], changers: list[str]
) -> Iterator[str]:  # fmt: skip
    for each in trial.arrived:
        change = _change(each.record, line)
        by = f" (by {' or '.join(changers)})" if change.startswith(", changed") and changers else ""
        yield f"arrived in {each.kind} {each.destination} {each.place}{change}{by}"
    if trial.balance.get("removed") and not (trial.arrived and trial.put_in_again):
        yield f"dropped by a filter: {' or '.join(suspects) or 'none that is known to drop'}"
    elif not taken and not trial.arrived:
        yield "not matched: no output takes its tag"
    for place in trial.dropped:
        yield f"lost: {place}"


def _change(record: Any, line: str) -> str:
    """Say whether the record is still the line with what FireLens adds."""
    if not isinstance(record, Mapping):
        return ", as a text of its own" if record != line else ""
    own = {key: value for key, value in record.items() if key not in _ADDED}
    return ", unchanged" if own == {"log": line} else f", changed: {json.dumps(own, ensure_ascii=False)}"
