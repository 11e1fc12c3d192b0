"""The notebooks of drills, FAQ and incident: structure, tags, outputs, links; and their stored outputs, by nbval."""

from __future__ import annotations

import re
import statistics
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from lab_helpers import drills, experiments
from lab_helpers.workbook import runner
from tests.support.stored_notebooks import PROJECT, assert_as_stored, lab

NOTEBOOKS = PROJECT / "notebooks"
PATHS = [path for part in runner.BESIDE for path in sorted((NOTEBOOKS / part).glob("*.ipynb"))]
IGNORED = "nbval-ignore-output"
BOARD = "lab.board()"
MAX_CELLS, MAX_CODE_LINES, MAX_COLUMNS, MEDIAN_CODE_LINES = 45, 15, 110, 3


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """Each notebook in turn."""
    return Path(request.param)


@pytest.fixture
def notebook(path: Path) -> NotebookNode:
    """The notebook, read."""
    return nbformat.read(path, as_version=4)


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _prose(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def _outputs(notebook: NotebookNode) -> str:
    outputs = [output for cell in _code(notebook) for output in cell.outputs]
    data = [value for output in outputs for value in output.get("data", {}).values() if isinstance(value, str)]
    return "\n".join([*data, *(output.get("text", "") for output in outputs)])


def test_every_drill_and_every_experiment_is_in_a_notebook() -> None:
    """What can be run is told somewhere."""
    text = "\n".join(path.read_text() for path in PATHS)
    assert [kind.name for kind in drills.CATALOGUE if f"drills.{kind.name}(lab)" not in text] == []
    called = [name for name in experiments.__all__ if name.islower() and f"experiments.{name}(lab)" not in text]
    assert called == []


def test_begins_with_title_needs_time_and_cost(notebook: NotebookNode) -> None:
    """The first cell asks a question, and says what is needed and what it costs."""
    first = notebook.cells[0].source
    assert re.match(r"# (Drill|FAQ|Incident) \d · .+\?", first)
    assert all(word in first for word in ("**Needs**", "**Time**", "**Cost**"))


def test_opens_the_lab_under_its_own_name(notebook: NotebookNode, path: Path) -> None:
    """papermill finds the parameters first; checks are collected under folder and name."""
    code = _code(notebook)
    assert [n for n, cell in enumerate(code) if "parameters" in cell.metadata.get("tags", [])] == [0]
    assert re.search(rf'open_lab\(\s*"{path.parent.name}/{path.stem}"', code[1].source)


def test_cells_are_short_and_few(notebook: NotebookNode) -> None:
    """A notebook can be read in one sitting."""
    lines = [cell.source.splitlines() for cell in _code(notebook) if not cell.source.startswith("%%lab_file ")]
    assert len(notebook.cells) <= MAX_CELLS
    assert max(map(len, lines)) <= MAX_CODE_LINES
    assert [line for cell in lines for line in cell if len(line) > MAX_COLUMNS] == []


def test_half_of_the_cells_have_three_lines_or_fewer() -> None:
    """What is longer is the exception, over all of these notebooks together."""
    cells = [cell.source for path in PATHS for cell in _code(nbformat.read(path, as_version=4))]
    own = [source for source in cells if not source.startswith("%%lab_file ")]
    assert statistics.median(len(source.splitlines()) for source in own) <= MEDIAN_CODE_LINES


def test_every_injection_has_an_end(notebook: NotebookNode, path: Path) -> None:
    """Whoever runs an experiment guesses first and is told; everything is undone, drills too."""
    source = "\n".join(cell.source for cell in _code(notebook))
    begun = len(re.findall(r"^(?:drill|experiment) = ", source, re.MULTILINE))
    assert len(re.findall(r"^(?:drill|experiment)\.undo\(\)", source, re.MULTILINE)) == begun
    if path.parent.name == "faq":
        assert "\n".join(_prose(notebook)).count("**Predict") + source.count("lab.predict(") >= 1
        assert source.count("lab.check(") >= begun


def test_a_drill_is_a_puzzle(notebook: NotebookNode, path: Path) -> None:
    """Symptom, a look, the cause asked, the mend written, and only then the diagnosis; all of it undone."""
    sources = [cell.source for cell in _code(notebook)]
    begun = [n for n, source in enumerate(sources) if source.startswith("drill = ")]
    if path.parent.name != "drills":
        return
    assert begun
    for first, last in pairwise([*begun, len(sources)]):
        part = sources[first:last]
        order = [
            next(n for n, source in enumerate(part) if mark in source)
            for mark in ("drill.symptom()", "drill.show()", "_cause", "_mend", "drill.diagnosis()")
        ]
        assert order == sorted(order)
        assert "drill.undo()" in part[order[-1]]


def test_an_exercise_is_left_open(notebook: NotebookNode) -> None:
    """Exercises and steps are stored without an answer: a headless run goes on, and nobody reads the solution."""
    cells = [cell for cell in _code(notebook) if re.search(r"\blab\.(exercise|step)\(", cell.source)]
    assert cells
    for cell in cells:
        assert cell.source.startswith("answer = ...\n") or ", answer)" not in cell.source
        shown = [output.data.get("text/plain", "") for output in cell.outputs if "data" in output]
        assert "not attempted" in "".join(shown)


def test_ends_with_takeaways_and_a_question(notebook: NotebookNode) -> None:
    """The close says what to keep, asks something, and leads to documentation."""
    last = _prose(notebook)[-1]
    assert "**Take away**" in last or "## What to take to work" in last
    assert all(word in last for word in ("**Ask yourself:**", "**Read more:**"))


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
    ignored = [cell for cell in _code(notebook) if IGNORED in cell.metadata.get("tags", [])]
    assert sum(cell.source != BOARD for cell in ignored) <= len(_code(notebook)) / 5
    assert all(cell.metadata.get("nbval-reason") for cell in ignored)


def test_links_to_files_resolve(notebook: NotebookNode, path: Path) -> None:
    """Previous, next and README are where the links say."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", "\n".join(_prose(notebook)))
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.lab
@pytest.mark.timeout(2900)
def test_stored_outputs(home: Path) -> None:
    """On a lab that was just applied every drill and experiment prints what it printed when it was stored."""
    lab(home, "up")
    lab(home, "run", "02", "--keep")
    assert_as_stored(PATHS, home, timeout_s=2700)
