"""A trainee's progress: kept at once, never lost by a later failure, gathered for a class."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.base.errors import SettingsError
from lab_helpers.cli.main import main
from lab_helpers.exercises import CATALOGUE
from lab_helpers.exercises.progress import FILE, Progress, class_table, table


def test_success_stays(tmp_path: Path) -> None:
    """Attempts are counted; the first success is kept, in the file too."""
    progress = Progress(tmp_path, "mia")
    for passed in (False, True, False):
        progress.attempted("01_1", passed)
    again = Progress(tmp_path)
    assert (again.owner, again.of("01_1").attempts, again.of("01_1").status) == ("mia", 3, "passed")
    assert again.of("02_1").status == "not attempted"


def test_solution_seen_is_told(tmp_path: Path) -> None:
    """A trainer sees who passed after looking at the solution."""
    progress = Progress(tmp_path)
    progress.solution_seen("01_1")
    progress.attempted("01_1", True)
    assert table(progress, ["01_1"])[1] == ("01_1", "passed, solution seen", "1", "0")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"exercises": {"01_1": {"unknown": 1}}}'])
def test_a_damaged_file_counts_as_empty(text: str, tmp_path: Path) -> None:
    """A file that cannot be read costs the progress, not the session."""
    (tmp_path / FILE).write_text(text)
    assert Progress(tmp_path).of("01_1").attempts == 0


def test_class(tmp_path: Path) -> None:
    """One row per trainee, from folders or from single files; headless runs are nobody's."""
    Progress(tmp_path / "mia" / ".lab").attempted("01_1", True)
    Progress(tmp_path / "mia" / ".lab" / "headless").attempted("02_1", True)
    Progress(tmp_path / "ken").attempted("02_1", False)
    (tmp_path / "ken" / FILE).rename(tmp_path / f"ken.{FILE}")
    rows = class_table(tmp_path, ["01_1", "02_1"])
    assert set(rows[1:]) == {("mia", "1 of 2", "1", ""), ("ken", "0 of 2", "1", "02_1")}


def test_class_without_files(tmp_path: Path) -> None:
    """An empty folder is refused, in words."""
    with pytest.raises(SettingsError, match="progress"):
        class_table(tmp_path, [])


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`lab progress` shows every exercise of one trainee, `--class` one line per trainee."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "mia"))
    Progress(tmp_path / "mia").attempted("01_1", True)
    assert main(["progress"]) == 0
    shown = capsys.readouterr().out
    assert all(task.name in shown for task in CATALOGUE)
    assert main(["progress", "--class", str(tmp_path)]) == 0
    assert f"mia      1 of {len(CATALOGUE)}" in capsys.readouterr().out
