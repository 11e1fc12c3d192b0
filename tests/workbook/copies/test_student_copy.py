"""The students' copy: everything to work with, nothing that gives answers away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lab_helpers.base.config import PROJECT
from lab_helpers.base.errors import SettingsError
from lab_helpers.workbook.copies import student_copy


def test_copy_has_the_lab_without_answers(tmp_path: Path) -> None:
    """Notebooks are there without outputs; solutions, tests and the trainer's guide are not."""
    folder = tmp_path / "class"
    assert student_copy.make(folder) > 100
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"Makefile", "terraform/aws_ecs.tf", "fluentbit/extra.conf", "requirements.lock"} <= names
    assert not [name for name in names if "solutions" in name or "trainer" in name or name.startswith("tests")]
    for path in sorted((PROJECT / "notebooks").rglob("*.ipynb")):
        if ".ipynb_checkpoints" in path.parts:  # JupyterLab's own, and not copied
            continue
        copied = nbformat.read(folder / path.relative_to(PROJECT), as_version=4)
        code = [cell for cell in copied.cells if cell.cell_type == "code"]
        assert code
        assert not any(cell.outputs or cell.execution_count for cell in code)


def test_copy_works_by_itself(tmp_path: Path) -> None:
    """The package in the copy loads there, judges answers, and sends to the trainer for solutions."""
    student_copy.make(tmp_path / "copy")
    script = (
        "from pathlib import Path; from lab_helpers.exercises import exercise_of;"
        "e = exercise_of('drill_3', None, Path('home'));"
        "print(e.check(lambda printed, numbers: (printed - numbers.nunique(), len(numbers) - numbers.nunique())));"
        "print(e.solution())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "copy", capture_output=True, text=True, check=True, timeout=60
    )
    assert "✔ exercise drill_3: passed" in done.stdout
    assert "ask your trainer" in done.stdout


def test_a_folder_with_content_is_refused(tmp_path: Path) -> None:
    """Nothing is written over."""
    (tmp_path / "mine").write_text("x")
    with pytest.raises(SettingsError, match="empty"):
        student_copy.make(tmp_path)
