"""The steps of FAQ 3: a JQ query that sorts records into folders, and what to choose for whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.base.errors import AwsCallError
from lab_helpers.display import Bar
from lab_helpers.exercises.steps.step import Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.experiments.today import partitioned
from lab_helpers.lab import Lab

PREFIX = "container=!{partitionKeyFromQuery:container}/level=!{partitionKeyFromQuery:level}/"
RECORDS = (
    {"container_name": "httpd", "level": "info", "log": "GET /cart/ 200"},
    {"container_name": "httpd", "level": "info", "log": "GET / 200"},
    {"container_name": "app", "level": "error", "log": "payment 17 failed"},
    {"container_name": "app", "log": "started"},
)
"""What the notebook shows; the last one has no level."""
WANTED = {"container=httpd/level=info/": 2, "container=app/level=error/": 1}
NEEDS = {
    "one log group, lines as they are": "awslogs",
    "errors to CloudWatch Logs, everything to S3": "firelens",
    "an Express service made by primaryContainer": "awslogs",
    "traces, metrics and logs in one format": "otel",
    "one agent for all tasks of an instance": "daemon",
}
"""What is needed, and what the notebook's table chooses for it."""
CHOICES = ("awslogs", "firelens", "otel", "daemon")


def sorts_into_folders(lab: Lab, answer: str) -> Verdict:
    """faq_3_1: the local Firehose takes the query and sorts the records by both keys."""
    try:
        with Bar("partitions") as bar:
            found = partitioned(lab, answer, PREFIX, RECORDS, bar.tick)
    except AwsCallError as exc:
        return not_yet("Firehose refuses it: {reason}", reason=str(exc))
    lab.notes.keep_frame("partitions", found)
    counts = dict(zip(found["folder"], found["records"], strict=True))
    failed = sum(int(count) for folder, count in counts.items() if folder.startswith("failed/"))
    if {folder: count for folder, count in counts.items() if not folder.startswith("failed/")} != WANTED:
        shown = ", ".join(f"{folder}: {count}" for folder, count in counts.items())
        return not_yet("These folders came of it: {folders}", folders=shown)
    folders = ", ".join(WANTED)
    text = "Folders: {folders}. {failed} record without a level went to the error prefix."
    return passed(text, folders=folders, failed=failed)


def chooses(_: Lab, answer: Mapping[str, Any]) -> Verdict:
    """faq_3_2: each need has what the notebook's table says."""
    missing = [need for need in NEEDS if need not in answer]
    if missing:
        return not_yet("Nothing is chosen for: {need}.", need=missing[0])
    chosen = {need: str(answer[need]).strip().lower() for need in NEEDS}
    unknown = [str(answer[need]) for need in NEEDS if chosen[need] not in CHOICES]
    if unknown:
        return not_yet("{choice} is none of: {choices}.", choice=unknown[0], choices=", ".join(CHOICES))
    wrong = [need for need, right in NEEDS.items() if chosen[need] != right]
    if wrong:
        return not_yet("Not for this one: {need}. What does the table say?", need=wrong[0])
    return passed("Five needs, and FireLens is the answer to one of them: when lines are to be treated differently.")


def _instead(need: str, choice: str) -> dict[str, str]:
    return {**NEEDS, need: choice}


STEPS: tuple[Step, ...] = (
    Step(
        "faq_3_1",
        "Write the JQ query that gives each record its two partition keys.",
        5,
        sorts_into_folders,
        kind=Kind.QUERY,
        wrong=(
            Wrong("{container: .container_name}", "keys that are not present"),
            Wrong("{container .container_name}", "Invalid JQ query"),
        ),
        hints=(
            "The query makes an object; each of its keys is one that the prefix names.",
            "Two members in braces, each a name, a colon and the path of a value: {key: .path, …}.",
        ),
    ),
    Step(
        "faq_3_2",
        "Choose for each of the five needs: awslogs, firelens, otel or daemon.",
        4,
        chooses,
        kind=Kind.ANSWER,
        wants=dict,
        wrong=(
            Wrong({}, "Nothing is chosen for"),
            Wrong(_instead("one log group, lines as they are", "firelens"), "Not for this one"),
            Wrong(_instead("one agent for all tasks of an instance", "fluentd"), "is none of"),
        ),
        hints=("Each row of the table above names what it is for.",),
    ),
)
