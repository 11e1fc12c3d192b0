"""Why did this line not arrive? What a trial of that one line says, place by place: tag, filters, Match.

What each filter made of it is told by the router itself (`router.recording.filter_steps`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.firelens.classic import Section
from lab_helpers.router.recording.filter_steps import Step
from lab_helpers.trying.seen import EMITTING, Trial

_ADDED = frozenset({"source", "container_id", "container_name", "ecs_cluster", "ecs_task_arn", "ecs_task_definition"})


@dataclass
class _Pass:
    """One way through the filters under one tag; `steps` by the filter's place."""

    tag: str
    steps: dict[int, Step] = field(default_factory=dict)

    def goes_on_with(self, step: Step) -> bool:
        last = self.steps[max(self.steps)]
        return step.tag == self.tag and step.place > last.place and last.after == step.before


@dataclass
class _Findings:
    """Who dropped the line, who changed it, and which outputs take it."""

    dropping: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    taking: list[str] = field(default_factory=list)


def text(trial: Trial, line: str) -> str:
    """Return the way of the only line of a trial, one place a line, and a sentence about its end."""
    return "\n".join(["The way of the line", *(f"  {told}" for told in _way(trial, line))])


def _way(trial: Trial, line: str) -> Iterator[str]:
    (container,) = trial.printed
    filters = [(section, author) for section, author in trial.sections if section.kind == "FILTER"]
    outputs = [
        (section, author) for section, author in trial.sections if section.kind == "OUTPUT" and section.name != "null"
    ]
    passes = _passes(trial.steps, container, len(filters))
    findings = _Findings()
    yield f"printed by {container}: {json.dumps(line, ensure_ascii=False)}"
    if not passes and _router_failed(trial):
        yield f"taken by nobody, the router ended: {trial.stopped}"
        return
    task = passes[0].tag.removeprefix(f"{container}-firelens-") if passes else ""
    for number, each in enumerate(passes or [_Pass(f"{container}-firelens-TASK-ID")]):
        shown = each.tag.replace(task, "TASK-ID") if task else each.tag
        yield f"put in again, tag: {shown}" if number else f"tag: {shown}"
        yield from _through_filters(each, filters, findings)
        if not _ended(each):
            yield from _to_outputs(each.tag, outputs, findings)
    yield from _end(trial, line, findings)


def _router_failed(trial: Trial) -> bool:
    codes = [code for name, code in trial.exit_codes.items() if name not in trial.printed]
    return not trial.arrived and any(code not in (None, 0) for code in codes)


def _passes(steps: Sequence[Step], container: str, filters: int) -> list[_Pass]:
    """Return the ways of the container's line; those under other tags only where a filter put it in again."""
    if any(step.filters != filters for step in steps):
        return []
    passes = list[_Pass]()
    for step in steps:
        found = next((each for each in passes if each.goes_on_with(step)), None)
        if found is not None:
            found.steps[step.place] = step
        elif passes or step.tag.startswith(f"{container}-firelens-"):
            passes.append(_Pass(step.tag, {step.place: step}))
    return passes


def _ended(way: _Pass) -> bool:
    return bool(way.steps) and not way.steps[max(way.steps)].after


def _through_filters(way: _Pass, filters: Sequence[tuple[Section, str]], findings: _Findings) -> Iterator[str]:
    for place, (section, author) in enumerate(filters):
        if _ended(way) and place > max(way.steps):
            return
        named, step = f"{section.label} ({author})", way.steps.get(place)
        if not section.takes(way.tag):
            yield f"{named}: does not match its tag"
        elif step is None:
            yield f"{named}: takes it"
        else:
            yield f"{named}: {_told(section, step)}"
            findings.dropping += [named] if not step.after and section.name not in EMITTING else []
            findings.changing += [named] if step.after and _bodies(step.before) != _bodies(step.after) else []


def _to_outputs(tag: str, outputs: Sequence[tuple[Section, str]], findings: _Findings) -> Iterator[str]:
    for section, author in outputs:
        takes = section.takes(tag)
        findings.taking += [section.label] if takes else []
        yield f"{section.label} ({author}): {'takes it' if takes else 'does not match its tag'}"


def _told(section: Section, step: Step) -> str:
    """Say what a filter made of the line."""
    if not step.after:
        return "takes it out of its way, and may put it in again" if section.name in EMITTING else "drops it"
    before, after = step.before[0][1], step.after[0][1]
    if len(step.after) > len(step.before):
        return f"makes {len(step.after)} records of it, the first: {_json(_own(after))}"
    if _own(before) != _own(after):
        return f"changes it: {_json(_own(after))}"
    added = [key for key in after if key not in before]
    return f"adds {', '.join(map(str, added))}" if added else "takes it, and changes nothing"


def _bodies(records: Sequence[tuple[Any, Any]]) -> list[Any]:
    """Return what is the line's own of some records."""
    return [_own(body) for _, body in records]


def _end(trial: Trial, line: str, findings: _Findings) -> Iterator[str]:
    for each in trial.arrived:
        change = _change(each.record, line)
        by = " and ".join(dict.fromkeys(findings.changing)) if change.startswith(", changed") else ""
        yield f"arrived in {each.kind} {each.destination} {each.place}{change}{f' (by {by})' if by else ''}"
    if findings.dropping:
        yield f"dropped by a filter: {' and '.join(dict.fromkeys(findings.dropping))}"
    elif not findings.taking and not trial.arrived:
        yield "not matched: no output takes its tag"
    for place in trial.dropped:
        yield f"lost: {place}"


def _change(record: Any, line: str) -> str:
    """Say whether the record is still the line with what FireLens adds."""
    if not isinstance(record, Mapping):
        return ", as a text of its own" if record != line else ""
    own = _own(record)
    return ", unchanged" if own == {"log": line} else f", changed: {_json(own)}"


def _own(body: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in body.items() if key not in _ADDED}


def _json(body: Mapping[Any, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, default=repr)
