"""What trainees hand in: minutes are in the class's table, from a single file and from a copied folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_helpers.cli.main import main
from lab_helpers.exercises import Progress
from lab_helpers.exercises.progress import class_guesses, class_table
from lab_helpers.workbook.course import pages
from lab_helpers.workbook.handed_in import hand_in, minutes_of
from lab_helpers.workbook.time_used import TimeUsed

PLANNED = {page.name: page.minutes for page in pages()}


def _worked(home: Path, notebook: str, minutes: int) -> None:
    now = [1000.0]
    used = TimeUsed(home, lambda: now[0])
    used.begun(notebook)
    for _ in range(minutes):
        now[0] += 60
        used.worked(notebook)


def test_minutes_used_and_planned(tmp_path: Path) -> None:
    """Those planned are of the notebooks that were begun; a file and a folder say the same; no times are a dash."""
    home, handed = tmp_path / "away" / "mia", tmp_path / "handed"
    Progress(home).attempted("01_1", False)
    Progress(home).guessed("01_match", "two")
    _worked(home, "01_firelens", 12)
    _worked(home, "drills/1_nothing_arrives", 3)
    hand_in(home, "mia", handed / "mia.progress.json")
    (handed / "ken").parent.mkdir(exist_ok=True)
    home.rename(handed / "ken")
    Progress(handed / "ada").attempted("01_1", True)
    planned = str(PLANNED["01_firelens"] + PLANNED["drills/1_nothing_arrives"])
    assert set(class_table(handed, ["01_1"], minutes_of)[1:]) == {
        ("mia", "0 of 1", "1", "15", planned, "01_1"),
        ("ken", "0 of 1", "1", "15", planned, "01_1"),
        ("ada", "1 of 1", "1", "–", "–", ""),
    }
    assert class_guesses(handed)[1:] == [("01_match", "2 of 2", "0", "two")]


@pytest.mark.parametrize(
    "minutes",
    [
        '"x"',
        "[1]",
        '{"01_firelens": "x"}',
        '{"../x": 60}',
        '{"01_firelens": -5}',
        '{"01_firelens": 1e99}',
        "5",
        "[" * 5000,
    ],
)
def test_odd_minutes_are_none(minutes: str, tmp_path: Path) -> None:
    """A file that somebody has changed breaks no table."""
    file = tmp_path / "eve.progress.json"
    file.write_text(f'{{"exercises": {{}}, "minutes": {minutes}}}')
    assert class_table(tmp_path, ["01_1"], minutes_of)[1:] == [("eve", "0 of 1", "0", "–", "–", "")]


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`lab progress --out FILE` writes it, `lab progress --class` reads it."""
    monkeypatch.setenv("LAB_HOME", str(tmp_path / "home"))
    _worked(tmp_path / "home", "01_firelens", 7)
    assert main(["progress", "--out", str(tmp_path / "all" / "mia.progress.json")]) == 0
    assert json.loads((tmp_path / "all" / "mia.progress.json").read_text())["minutes"] == {"01_firelens": 420}
    assert main(["progress", "--class", str(tmp_path / "all")]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("mia"))
    assert row.split()[-2:] == ["7", str(PLANNED["01_firelens"])]
