"""The notebooks as files: structure, tags, outputs, links."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

PROJECT = Path(__file__).resolve().parents[2]
PATHS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
IGNORED = "nbval-ignore-output"
BOARD = "lab.board()"
MAX_CELLS, MAX_CODE_LINES, MAX_COLUMNS = 45, 15, 110
FILES = ("%%lab_file ", "%%fluentbit")
"""Cells that hold a file are as long as the file."""


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    """Each notebook in turn."""
    return nbformat.read(request.param, as_version=4)


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _outputs(notebook: NotebookNode) -> str:
    texts = []
    for cell in _code(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            texts += [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]
    return "\n".join(texts)


def test_there_are_eleven_in_order() -> None:
    """The workbook is numbered without a gap."""
    assert [path.name[:2] for path in PATHS] == [f"{n:02}" for n in range(11)]


def test_begins_with_title_needs_time_and_cost(notebook: NotebookNode) -> None:
    """The first cell says what it is about, what it needs, and what it costs."""
    first = notebook.cells[0].source
    assert re.match(r"# \d\d · .+\?", first)
    assert all(word in first for word in ("**Needs**", "**Time**", "**Cost**"))


def test_has_one_parameters_cell_and_then_the_setup(notebook: NotebookNode) -> None:
    """papermill finds the parameters; the next code cell opens the lab."""
    code = _code(notebook)
    tagged = [number for number, cell in enumerate(code) if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == [0]
    assert "open_lab(" in code[1].source


def test_cells_are_short_and_few(notebook: NotebookNode) -> None:
    """A notebook can be read in one sitting; what is long lives in lab_helpers."""
    assert len(notebook.cells) <= MAX_CELLS
    own = [cell.source for cell in _code(notebook) if not cell.source.startswith(FILES)]
    assert max(len(source.splitlines()) for source in own) <= MAX_CODE_LINES
    assert [line for source in own for line in source.splitlines() if len(line) > MAX_COLUMNS] == []


def test_ends_with_what_to_take_to_work(notebook: NotebookNode) -> None:
    """The close says what to keep, and leads to documentation."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    close = "\n".join(prose[-2:])
    assert "## What to take to work" in close
    assert "**Read more:**" in close


def test_guesses_are_asked_and_answered(notebook: NotebookNode) -> None:
    """Each `lab.predict` has its `lab.reveal`, further down, and from 01 to 10 there is one at least."""
    code = "\n".join(cell.source for cell in _code(notebook))
    asked = re.findall(r'lab\.predict\(\s*"(\w+)"', code)
    assert asked
    assert sorted(asked) == sorted(set(re.findall(r'lab\.reveal\(\s*"(\w+)"', code)))
    assert all(code.index(f'"{name}"') < code.rindex(f'"{name}"') for name in asked)


def test_steps_are_left_open(notebook: NotebookNode) -> None:
    """A step is stored untouched, so that a headless run goes on and nobody reads the solution."""
    cells = [cell for cell in _code(notebook) if "lab.step(" in cell.source and not cell.source.startswith("%%")]
    shown = [output.get("data", {}).get("text/plain", "") for cell in cells for output in cell.outputs]
    assert sum("not attempted" in text for text in shown) == len(cells)
    assert [cell for cell in cells if ", answer)" in cell.source and "answer = ...\n" not in cell.source] == []
    assert len(cells) >= (1 if 1 <= int(notebook.cells[0].source[2:4]) <= 10 else 0)


def test_every_cell_was_run_without_error(notebook: NotebookNode) -> None:
    """The stored notebook is a finished one."""
    assert all(cell.execution_count for cell in _code(notebook))
    assert not [output for cell in _code(notebook) for output in cell.outputs if output.output_type == "error"]


def test_outputs_tell_nothing_of_the_machine(notebook: NotebookNode) -> None:
    """No path of a machine, no account number, no key is in what is stored."""
    found = re.findall(r"/home/\w+|/root/|/Users/\w+|/opt/|/work/|\b\d{12}\b|AKIA\w{16}|ASIA\w{16}", _outputs(notebook))
    assert found == []


def test_outputs_without_comparison_are_few_and_give_a_reason(notebook: NotebookNode) -> None:
    """At least four in five code cells are compared strictly; the others say why not. The board is never the same."""
    code = _code(notebook)
    ignored = [cell for cell in code if IGNORED in cell.metadata.get("tags", [])]
    assert sum(cell.source != BOARD for cell in ignored) <= len(code) / 5
    assert all(cell.metadata.get("nbval-reason") for cell in ignored)


def test_links_to_files_resolve(notebook: NotebookNode) -> None:
    """Previous, next and README are where the links say."""
    for cell in notebook.cells:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", cell.source if cell.cell_type == "markdown" else ""):
            assert (PROJECT / "notebooks" / target).exists(), target
