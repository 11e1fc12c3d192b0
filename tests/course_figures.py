"""What the trainee decides, counted: `python -m tests.course_figures` prints a line a notebook.

A code cell is decided by the trainee when it holds a file (`%%lab_file`), a trial (`%%fluentbit`), an answer
(`answer = …`), a guess (`lab.predict`), or asks a step (`lab.step`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from lab_helpers.exercises import steps
from lab_helpers.exercises.steps import Act
from lab_helpers.workbook import translation

MAGICS = ("%%lab_file", "%%fluentbit")
DECIDING = frozenset({"predict", "step", "exercise"})


@dataclass(frozen=True)
class Figures:
    """One notebook in numbers; `checks` is the most of bare `lab.check` in one section, `acting` its steps that act.

    `longest` is in lines, of any code cell, `widest` in characters of a line: of a file or of Python, see `_widths`.
    """

    name: str
    cells: int
    decided: int
    checks: int
    acting: int
    longest: int
    widest: int

    @property
    def share(self) -> float:
        """The share of the code cells that the trainee decides."""
        return self.decided / self.cells if self.cells else 0.0


def figures(path: Path) -> Figures:
    """Count one notebook; its setup (the `parameters` cell and the one with `open_lab`) is nobody's decision."""
    notebook = nbformat.read(path, as_version=4)
    every = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    code = [cell.source for cell in notebook.cells if _counts(cell)]
    asked = {name for source in code for name in _asked(source)}
    known = [step for step in steps.CATALOGUE if step.id in asked]
    return Figures(
        path.relative_to(translation.NOTEBOOKS).with_suffix("").as_posix(),
        len(code),
        sum(map(is_decided, code)),
        max([sum(map(_checks, section)) for section in _sections(notebook)], default=0),
        sum(step.act is not Act.NONE for step in known),
        max([len(source.splitlines()) for source in every], default=0),
        max([width for source in every for width in _widths(source)], default=0),
    )


def is_decided(source: str) -> bool:
    """Whether the trainee decides a cell."""
    if source.startswith(MAGICS):
        return True
    tree = ast.parse(source)
    answers = any(
        isinstance(node, ast.Assign) and [getattr(each, "id", "") for each in node.targets] == ["answer"]
        for node in ast.walk(tree)
    )
    return answers or any(_called(node) in DECIDING for node in ast.walk(tree))


def all_figures() -> list[Figures]:
    """Return the figures of every English notebook, in their order."""
    return [figures(path) for path, _ in translation.pairs()]


def _widths(source: str) -> Iterator[int]:
    """Yield the width of each line that could be broken: a magic's own line cannot, nor a log line under [SAMPLE]."""
    written, _, _ = source.partition("\n[SAMPLE]")
    for line in written.splitlines():
        if not line.startswith(MAGICS):
            yield len(line)


def _counts(cell: NotebookNode) -> bool:
    is_setup = "parameters" in cell.metadata.get("tags", []) or "open_lab(" in cell.source
    return cell.cell_type == "code" and not is_setup


def _sections(notebook: NotebookNode) -> Iterator[list[str]]:
    """Yield the code cells under each heading."""
    found: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and any(line.startswith("#") for line in cell.source.splitlines()):
            yield found
            found = []
        elif _counts(cell):
            found.append(cell.source)
    yield found


def _checks(source: str) -> int:
    if source.startswith(MAGICS):
        return 0
    return sum(_called(node) == "check" and _owner(node) == "lab" for node in ast.walk(ast.parse(source)))


def _asked(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)) if not source.startswith(MAGICS) else ():
        if _called(node) == "step" and isinstance(node, ast.Call) and node.args:
            yield str(getattr(node.args[0], "value", ""))


def _called(node: ast.AST) -> str:
    return getattr(node.func, "attr", "") if isinstance(node, ast.Call) else ""


def _owner(node: ast.AST) -> str:
    func = getattr(node, "func", None)
    return getattr(func.value, "id", "") if isinstance(func, ast.Attribute) else ""


def main() -> None:
    """Print the figures."""
    counted = f"{'cells':>6}{'decided':>9}{'share':>7}{'checks':>8}{'acting':>8}"
    print(f"{'notebook':32}{counted}{'longest':>9}{'widest':>8}")
    found = all_figures()
    for each in found:
        counts = f"{each.cells:6}{each.decided:9}{each.share:7.0%}{each.checks:8}{each.acting:8}"
        print(f"{each.name:32}{counts}{each.longest:9}{each.widest:8}")
    acting = sum(each.acting for each in found if "/" not in each.name)
    print(f"steps that change the running lab, in the main line: {acting}")


if __name__ == "__main__":
    main()
