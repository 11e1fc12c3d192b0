"""A drill's broken system on the screen: files, container definitions, raw answers; and the diagnosis, folded."""

from __future__ import annotations

import html
import json
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab_helpers import display
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say, say_word
from lab_helpers.display import Shown, sources
from lab_helpers.files import Change

LOG_LINES = 6
"""Lines of a router's log that are shown, of its beginning and of its end each."""
TASK_KEYS = ("lastStatus", "stopCode", "stoppedReason")
CONTAINER_KEYS = ("name", "lastStatus", "exitCode", "reason")
_NOISE = "|".join(
    (
        "pid=",
        r"storage\]",
        "listening on",
        "Shutdown Grace",
        "pausing",
        r"paused \d",
        "resumed",
        "records: read",
        "caught signal",
        "service (?:will|has)",
    )
)
"""What each router says at its start and at its end."""


def system(files: Mapping[str, str], containers: Sequence[Mapping[str, Any]]) -> Shown:
    """Return the files of the router's image, and the container definitions; each unfolds by its name."""
    parts = [(name, sources.source(name, text)) for name, text in files.items()]
    for each in containers:
        name = say("container definition of {name}", name=each["name"])
        shown = {key: value for key, value in each.items() if key != "image"}
        parts.append((name, sources.source("definition.json", json.dumps(shown, indent=2), name)))
    return sources.folded(parts)


def router_log(found: pd.DataFrame) -> Shown:
    """Return the last lines of a router's log, with their levels; without its greeting and its threads."""
    kept = found[found["level"].notna() & ~found["message"].str.contains(_NOISE)]
    lines = [str(message) for message in kept["message"].drop_duplicates()]
    rest = len(lines) - 2 * LOG_LINES
    if rest > 0:
        lines = [*lines[:LOG_LINES], say("… {count:,} lines between", count=rest), *lines[-LOG_LINES:]]
    return display.text("\n".join(lines) or say("(nothing but its start and its end)"))


def task(description: Mapping[str, Any]) -> Shown:
    """Return the part of DescribeTasks that says how a task and its containers stand."""
    containers = [
        {key: each[key] for key in CONTAINER_KEYS if key in each}
        for each in sorted(description["containers"], key=lambda each: str(each["name"]))
    ]
    shown = {key: description[key] for key in TASK_KEYS if key in description} | {"containers": containers}
    return sources.source("answer.json", json.dumps(shown, indent=2), "aws ecs describe-tasks")


def answers(found: Mapping[str, Any]) -> Shown:
    """Return parts of AWS's answers, as JSON."""
    return sources.source("answer.json", json.dumps(found, indent=2, default=str), "AWS")


def record(events: pd.DataFrame) -> Shown:
    """Return the newest event's message, unedited."""
    newest = events.sort_values("event_time", kind="stable")["message"].tail(1).tolist()
    return display.text(newest[0] if newest else say("no event"))


def lines(found: Iterable[str]) -> Shown:
    """Return lines as they are."""
    return display.text("\n".join(found) or say("no event"))


def diagnosis(
    facts: Mapping[str, str], evidence: pd.DataFrame, broken: Mapping[str, str], mended: Mapping[str, str]
) -> Shown:
    """Return the story's second half, the evidence and what the reference changed, folded in one block."""
    shown = [display.facts(facts), display.table(evidence)]
    for name, text in mended.items():
        change = Change(name, broken[name], text)
        if not change.is_empty:
            shown.append(sources.difference(say("{name}, broken and mended:", name=name), change))
    head = say("Diagnosis and diff (unfold it after your own mend)")
    page = "".join(each.html for each in shown)
    return Shown(
        "\n\n".join([head, *(each.text for each in shown)]),
        f"<details><summary><b>{html.escape(head)}</b></summary>{page}</details>",
    )


def in_words(seen: pd.DataFrame) -> str:
    """Return a small frame in one line: `CloudWatch Logs: 0, …`; of longer ones the first rows."""
    rows = seen.head(8).itertuples(index=False, name=None)
    return "; ".join(": ".join(map(_word, row)) for row in rows) or say("nothing")


def _word(cell: Any) -> str:
    is_count = isinstance(cell, numbers.Integral) and not isinstance(cell, bool)
    return f"{cell:,}" if is_count else say_word(str(cell))
