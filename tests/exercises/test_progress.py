"""A trainee's progress: kept at once, never lost by a later failure, gathered for a class."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.base.errors import SettingsError
from lab_helpers.cli.main import main
from lab_helpers.exercises import CATALOGUE, steps
from lab_helpers.exercises.progress import FILE, Progress, class_guesses, class_table, guess_table, table


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
    assert set(rows[1:]) == {("mia", "1 of 2", "1", "–", "–", ""), ("ken", "0 of 2", "1", "–", "–", "02_1")}


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
    assert f"mia      1 of {len(CATALOGUE) + len(steps.CATALOGUE)}" in capsys.readouterr().out


def test_a_guess_is_kept_and_stays_once_the_outcome_is_shown(tmp_path: Path) -> None:
    """Nobody changes a guess afterwards; a prediction without one is no error."""
    progress = Progress(tmp_path, "anna")
    progress.guessed("08_who", "S3")
    progress.guessed("08_who", "visitors")
    assert progress.revealed("08_who", "visitors").is_right
    progress.guessed("08_who", "S3")
    progress.revealed("02_slow", "the load balancer")
    again = Progress(tmp_path)
    assert guess_table(again)[1:] == [
        ("02_slow", "no guess", "the load balancer", ""),
        ("08_who", "visitors", "visitors", "right"),
    ]


def test_a_stale_progress_takes_nothing_back(tmp_path: Path) -> None:
    """A widget's progress is older than what a step has written meanwhile."""
    old = Progress(tmp_path, "anna")
    Progress(tmp_path, "anna").attempted("03_2", passed=True)
    old.guessed("08_who", "S3")
    assert Progress(tmp_path).of("03_2").status == "passed"
    assert Progress(tmp_path).guess("08_who").chosen == "S3"


def test_a_class_is_told_what_most_said(tmp_path: Path) -> None:
    """A prediction of two trainees of three; a file that is no progress of ours counts as empty."""
    for name, choice in (("anna", "S3"), ("bo", "S3"), ("cy", "")):
        progress = Progress(tmp_path / name, name)
        if choice:
            progress.guessed("08_who", choice)
        progress.revealed("08_who", "visitors")
    (tmp_path / f"dora.{FILE}").write_text('{"exercises": {}, "predictions": {"x": 1}}')
    assert class_guesses(tmp_path)[1:] == [("08_who", "2 of 3", "0", "S3")]
