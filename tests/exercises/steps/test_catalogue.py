"""Every step of the workbook is whole: a reference, wrong answers, hints, a beginning that its notebook shows."""

from __future__ import annotations

import ast

import nbformat
import pytest

from lab_helpers.exercises.steps import CATALOGUE, Act, Step
from lab_helpers.exercises.steps.step import ANSWER, SOLUTIONS
from lab_helpers.files.changes import same
from lab_helpers.files.parts import with_part
from lab_helpers.workbook import translation

MAGIC = "%%lab_file "


def cells() -> dict[str, list[str]]:
    """Return the code cells of each English notebook by its name."""
    found = {}
    for path, _ in translation.pairs():
        notebook = nbformat.read(path, as_version=4)
        found[path.stem] = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return found


def asked(source: str) -> set[str]:
    """Return the ids of the steps that a cell asks about."""
    if source.startswith("%%"):
        return set()
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {
        str(call.args[0].value)
        for call in calls
        if getattr(call.func, "attr", "") == "step" and call.args and isinstance(call.args[0], ast.Constant)
    }


def test_ids_are_unique() -> None:
    """A step is found by its id."""
    assert len({each.id for each in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("step", CATALOGUE, ids=lambda step: step.id)
def test_a_step_is_whole(step: Step) -> None:
    """It has a reference, at least two wrong answers and a hint; only a step on files acts."""
    assert len(step.wrong) >= 2
    assert step.hints
    assert step.minutes > 0
    assert step.has_reference()
    assert all(step.reference_files().values()) if step.files else (SOLUTIONS / step.id / ANSWER).is_file()
    assert step.files or step.act is Act.NONE


@pytest.mark.parametrize("step", CATALOGUE, ids=lambda step: step.id)
def test_a_step_is_asked_once_in_a_notebook(step: Step) -> None:
    """Each step has its cell, in one notebook."""
    where = [name for name, sources in cells().items() for source in sources if step.id in asked(source)]
    assert len(where) == 1


@pytest.mark.parametrize("step", [each for each in CATALOGUE if each.files], ids=lambda step: step.id)
def test_the_notebooks_file_cell_is_the_steps_beginning(step: Step) -> None:
    """Run untouched, the cells above leave the beginning: then the step is not attempted."""
    shown = {}
    for sources in cells().values():
        if any(step.id in asked(source) for source in sources):
            last = next(n for n, source in enumerate(sources) if step.id in asked(source))
            for source in sources[:last]:
                if source.startswith(MAGIC):
                    line, _, body = source.partition("\n")
                    name, _, block = line.removeprefix(MAGIC).strip().partition(" ")
                    if name in step.files:
                        start = step.start(_Project(), name) or ""
                        shown[name] = with_part(name, start, block, body) if block else body
    project = _Project()
    for name in step.files:
        if name in shown:
            assert same(shown[name], step.start(project, name) or "")


class _Project:
    """A lab as far as `Step.start` asks it: the project's own files."""

    @property
    def files(self) -> _Project:
        return self

    def original(self, name: str) -> str | None:
        path = translation.PROJECT / name
        return path.read_text(encoding="utf-8") if path.is_file() else None
