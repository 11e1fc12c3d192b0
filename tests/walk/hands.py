"""What a trainee types into a notebook's cells who knows every answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.exercises.steps import step_of
from lab_helpers.exercises.steps.step import STARTS, Step
from lab_helpers.files.parts import REST, part
from tests.support.stored_notebooks import PROJECT

STEP = re.compile(r'lab\.step\("([^"]+)"')
FILE = re.compile(r"%%lab_file (\S+) ?(.*)")
UNTOUCHED = re.compile(r"(?m)^\w+ = \.\.\.\n")
CHOICE = re.compile(r"^lab\.predict\(", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """One cell: the text as it stands, what is typed instead (empty: nothing), and whether a guess is asked for."""

    text: str
    typed: str = ""
    is_code: bool = True
    asks: bool = False
    step: str = ""


def cells(notebook: Path) -> Iterator[Cell]:
    """Yield a notebook's cells from top to bottom, with what is typed into each."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    texts = [("".join(each["source"]), each["cell_type"] == "code") for each in found]
    for at, (text, is_code) in enumerate(texts):
        rest = [each for each, is_also_code in texts[at + 1 :] if is_also_code]
        typed = _typed(text, rest) if is_code else ""
        named = STEP.search(text)
        yield Cell(text, typed, is_code, bool(is_code and CHOICE.search(text)), named[1] if named and is_code else "")


def _typed(text: str, rest: list[str]) -> str:
    of_file, of_step = FILE.match(text), STEP.search(text)
    if of_file:
        step = _step_on(of_file[1], rest)
        return f"{text.splitlines()[0]}\n{_body(step, of_file[1], of_file[2])}" if step else ""
    if not of_step:
        return ""
    step = _step(of_step[1])  # of files: the step itself brings them in
    return "" if step.files else step.reference_code().rstrip("\n") + "\n" + UNTOUCHED.sub("", text)


def _step_on(name: str, rest: list[str]) -> Step | None:
    """Return the first step further down that is about a file."""
    named = (_step(found[1]) for each in rest if (found := STEP.search(each)))
    return next((step for step in named if name in step.files), None)


def _step(name: str) -> Step:
    found = step_of(name)
    assert found is not None, name
    return found


def _body(step: Step, name: str, where: str) -> str:
    """Return what the reference has in the place of the part that the cell holds."""
    text = step.reference_files()[name]
    if where.endswith(REST):
        before = _before(step, name, where)
        assert text.startswith(before), f"step {step.id} changes {name} above {where}"
        return text.removeprefix(before).rstrip("\n")
    return (part(name, text, where) if where else text).rstrip("\n")


def _before(step: Step, name: str, where: str) -> str:
    start = STARTS / step.id / name
    text = (start if start.is_file() else PROJECT / name).read_text(encoding="utf-8")
    return text[: text.index(part(name, text, where))]
