"""What the lab adds to cells, in a kernel as JupyterLab starts it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from lab_helpers.base.config import PROJECT, kernel_variables

START = PROJECT / "lab_helpers/workbook/kernel_start.py"


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What cells say that are run too early: a name, a magic, and an error that is not ours."""
    sources = ["lab.apply()", "%%lab_file fluentbit/extra.conf\n[FILTER]", "1 / 0", "2 + 2"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    client = NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kernel_variables(START, {}).items():
            patch.setenv(name, value)
        client.execute()
    return [
        "".join(output.get("traceback", [str(output.get("data"))]))
        for cell in notebook.cells
        for output in cell.outputs
    ]


def test_a_missing_name_is_one_sentence(said: list[str]) -> None:
    """It says what to do, without a traceback."""
    assert said[0].startswith("MissingNameError: lab is not there yet")
    assert "Run All Above" in said[0]
    assert "\n" not in said[0]


def test_a_missing_magic_too(said: list[str]) -> None:
    """`%%lab_file` before the lab is opened."""
    assert said[1].startswith("MissingNameError: %%lab_file is not there yet")


def test_other_errors_and_cells_are_as_ever(said: list[str]) -> None:
    """Nothing else is touched."""
    assert "ZeroDivisionError" in said[2]
    assert "4" in said[3]


def test_a_persons_own_startup_file_stays() -> None:
    """It is theirs."""
    assert kernel_variables(Path("ours.py"), {"PYTHONSTARTUP": "theirs.py"}) == {}
