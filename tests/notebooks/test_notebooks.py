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
MAX_CELLS, MAX_CODE_LINES, MAX_COLUMNS = 45, 15, 110


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
    lengths = [len(cell.source.splitlines()) for cell in _code(notebook)]
    assert max(lengths) <= MAX_CODE_LINES
    assert [line for cell in _code(notebook) for line in cell.source.splitlines() if len(line) > MAX_COLUMNS] == []


def test_ends_with_takeaways_and_a_question(notebook: NotebookNode) -> None:
    """The close says what to keep and asks something, and leads to documentation; before that one had to predict."""
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert all(word in prose[-2] for word in ("**Take away**", "**Ask yourself:**", "**Read more:**"))
    assert notebook.cells[0].source.startswith("# 00") or any("**Predict" in text for text in prose[:-1])


def test_exercises_are_left_open(notebook: NotebookNode) -> None:
    """An exercise's cell is stored without an answer, so that a headless run goes on and nobody reads the solution."""
    cells = [cell for cell in _code(notebook) if "lab.exercise(" in cell.source]
    assert all(cell.source.startswith("answer = ...\n") for cell in cells)
    assert all("not attempted" in cell.outputs[0].data["text/plain"] for cell in cells)
    assert len(cells) >= (1 if 1 <= int(notebook.cells[0].source[2:4]) <= 8 else 0)


def test_every_cell_was_run_without_error(notebook: NotebookNode) -> None:
    """The stored notebook is a finished one."""
    assert all(cell.execution_count for cell in _code(notebook))
    assert not [output for cell in _code(notebook) for output in cell.outputs if output.output_type == "error"]


def test_outputs_tell_nothing_of_the_machine(notebook: NotebookNode) -> None:
    """No path of a machine, no account number, no key is in what is stored."""
    found = re.findall(r"/home/\w+|/root/|/Users/\w+|/opt/|/work/|\b\d{12}\b|AKIA\w{16}|ASIA\w{16}", _outputs(notebook))
    assert found == []


def test_outputs_without_comparison_are_few_and_give_a_reason(notebook: NotebookNode) -> None:
    """At least four in five code cells are compared strictly; the others say why not."""
    code = _code(notebook)
    ignored = [cell for cell in code if IGNORED in cell.metadata.get("tags", [])]
    assert len(ignored) <= len(code) / 5
    assert all(cell.metadata.get("nbval-reason") for cell in ignored)


def test_links_to_files_resolve(notebook: NotebookNode) -> None:
    """Previous, next and README are where the links say."""
    for cell in notebook.cells:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", cell.source if cell.cell_type == "markdown" else ""):
            assert (PROJECT / "notebooks" / target).exists(), target


def test_has_a_check(notebook: NotebookNode) -> None:
    """Each notebook tells the trainee whether it went well."""
    assert any("lab.check(" in cell.source for cell in _code(notebook))
