"""The way of one line, as a trial of it shows it."""

from __future__ import annotations

from typing import Any

from lab_helpers.firelens.generate import generate
from lab_helpers.firelens.options import ContainerLog
from lab_helpers.router.recording.filter_steps import Step
from lab_helpers.router.records.record import Record
from lab_helpers.trying import configuration, explaining
from lab_helpers.trying.configuration import Given
from lab_helpers.trying.evidence import Arrived
from lab_helpers.trying.seen import Trial

EXTRA = """[FILTER]
    Name parser
    Match web-*
    Key_Name log
    Parser json
[FILTER]
    Name grep
    Match web-*
    Exclude log x
[OUTPUT]
    Name datadog
    Match api-*
"""
TAG = "web-firelens-0123"
ADDED = {"source": "stdout", "container_name": "web", "ecs_cluster": "try"}


def trial(*arrived: Arrived, **rest: Any) -> Trial:
    """Return a trial of one line of web's."""
    log = ContainerLog("web")
    files = Given({"extra.conf": EXTRA})
    metadata = [("ecs_cluster", "try")]
    lines = configuration.authored(generate([log], include_path="/extra.conf", metadata=metadata), [log], files)
    whole: dict[str, Any] = {
        "configuration": tuple(lines), "stopped": "", "exit_codes": {}, "arrived": arrived, "outside": (), "calls": {},
        "refused": (), "balance": {}, "dropped": {}, "unmatched": (), "complaints": (), "notes": (),
        "printed": {"web": 1}, "sections": tuple(configuration.with_authors(lines)),
    }  # fmt: skip
    return Trial(**{**whole, **rest})


def step(place: int, before: dict[str, Any], *after: dict[str, Any], tag: str = TAG) -> Step:
    """Return what the filter at a place (0: the agent's, 1: parser, 2: grep) made of one record."""
    return Step(place, 3, tag, (Record(0, before),), tuple(Record(0, each) for each in after))


LINE = {"log": '{"a": 1}', "source": "stdout"}
ADDS = step(0, LINE, {**LINE, "ecs_cluster": "try"})


def test_a_changed_record_names_who_changed_it() -> None:
    """The agent's own filter only adds what is told apart; of the others the one that did it."""
    steps = (
        ADDS,
        step(1, {**LINE, "ecs_cluster": "try"}, {"a": 1, **ADDED}),
        step(2, {"a": 1, **ADDED}, {"a": 1, **ADDED}),
    )
    told = explaining.text(trial(Arrived("s3", "b", "key", {"a": 1, **ADDED}), steps=steps), '{"a": 1}')
    assert "FILTER record_modifier (the ECS agent): adds ecs_cluster" in told
    assert "FILTER grep (your file extra.conf): takes it, and changes nothing" in told
    assert told.endswith('arrived in s3 b key, changed: {"a": 1} (by FILTER parser (your file extra.conf))')


def test_a_router_that_ended_took_nothing() -> None:
    """Its own words say why, and no filter is said to take the line."""
    stopped = "Essential container in task exited: log_router (exit code 255): parser 'json' not found"
    told = explaining.text(trial(stopped=stopped, exit_codes={"web": None, "log_router": 255}), "x")
    assert told.splitlines()[-1] == f"  taken by nobody, the router ended: {stopped}"
    assert "takes it" not in told


def test_an_unchanged_record_names_nobody() -> None:
    """It is the line, with what FireLens adds."""
    told = explaining.text(trial(Arrived("s3", "b", "key", {"log": "x y", **ADDED})), "x y")
    assert told.endswith("arrived in s3 b key, unchanged")


def test_a_dropped_line_names_the_filter_and_one_that_nobody_takes_says_so() -> None:
    """Each with the file that it stands in; behind the filter that dropped it, nothing is told."""
    kept = {**LINE, "ecs_cluster": "try"}
    told = explaining.text(trial(steps=(ADDS, step(1, kept, kept), step(2, kept))), "x")
    assert "FILTER grep (your file extra.conf): drops it" in told
    assert told.endswith("dropped by a filter: FILTER grep (your file extra.conf)")
    assert "OUTPUT" not in told
    told = explaining.text(trial(steps=(ADDS, step(1, kept, kept), step(2, kept, kept))), "x")
    assert "OUTPUT datadog (your file extra.conf): does not match its tag" in told
    assert told.endswith("not matched: no output takes its tag")


def test_steps_of_another_configuration_are_not_believed() -> None:
    """Where the router has more filters than are known here, no filter is said to have done anything."""
    told = explaining.text(trial(steps=(Step(2, 4, TAG, (Record(0, LINE),), ()),)), "x")
    assert "drops it" not in told
    assert "dropped by" not in told
