"""What Terraform's steps say of a module. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD = """| module | apply | plan again | destroy |
|---|---|---|---|"""

_SOURCE = re.compile(r'^\s*source\s*=\s*"\./modules/([\w-]+)', re.MULTILINE)
_SUMMARY = re.compile(r"Resources: (?:(\d+) added, )?.*?(\d+) destroyed", re.DOTALL)
_PLAN = re.compile(r"Plan: (.+)\.$", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """One of Terraform's commands: whether it did what it should, and that in a word."""

    name: str
    good: bool
    text: str


def verdict(step: str, status: int, said: str) -> Step:
    """What a command with an exit status said; of a plan 2 means that something is left to do."""
    if step == "plan" and status == 2:
        plan = _PLAN.search(said)
        return Step(step, False, f"not empty: {plan[1]}" if plan else "not empty")
    if status:
        return Step(step, False, "failed")
    counts = _SUMMARY.search(said)
    if step == "plan" or counts is None:
        return Step(step, True, "empty" if step == "plan" else "done")
    return Step(step, True, counts[1] if step == "apply" else counts[2])


def sources(text: str) -> list[str]:
    """The checkouts that a root module asks for, each once."""
    return sorted(set(_SOURCE.findall(text)))


def missing_checkouts(wanted: Iterable[str], folder: Path) -> list[str]:
    """Those of the checkouts that a folder does not have."""
    return [name for name in wanted if not (folder / name / "main.tf").is_file()]


def row(module: str, steps: Sequence[Step]) -> str:
    """A row of the table; steps that were not reached stay empty."""
    told = {step.name: step.text for step in steps}
    if "init" in told:
        told = {"apply": "init failed"}
    return f"| {module} | {told.get('apply', '')} | {told.get('plan', '')} | {told.get('destroy', '')} |"
