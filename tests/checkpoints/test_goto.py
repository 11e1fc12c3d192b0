"""The way to a notebook: from the nearest checkpoint before it, and what is run from there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CheckpointError, SettingsError
from lab_helpers.checkpoints import Checkpoint, Shelf
from lab_helpers.workbook.goto import way_to


@pytest.mark.parametrize(
    ("there", "where", "start", "missing"),
    [
        (["begin-05"], "05", "begin-05", []),
        (["begin-03", "begin-04"], "06", "begin-04", ["04", "05"]),
        ([], "04", None, ["02", "03"]),
        ([], "02", None, []),
        (["begin-drills-3", "begin-05"], "drills/3", "begin-drills-3", []),
        (["mine"], "mine", "mine", []),
    ],
)
def test_the_nearest_checkpoint_and_what_is_missing_from_there(
    tmp_path: Path, there: list[str], where: str, start: str | None, missing: list[str]
) -> None:
    """Without any checkpoint a new lab is begun, and run from 02 on."""
    shelf = Shelf(Settings(home=tmp_path))
    for name in there:
        partial = shelf.folder / f"{name}.partial"
        partial.mkdir(parents=True)
        shelf.put(partial, Checkpoint(name, "2026-01-01T00:00:00+00:00", "i"))
    way = way_to(shelf, where)
    assert (way.start, [path.stem[:2] for path in way.missing]) == (start, missing)


def test_places_that_there_are_not(tmp_path: Path) -> None:
    """An unknown number is told the known ones, an unknown name the checkpoints."""
    shelf = Shelf(Settings(home=tmp_path))
    with pytest.raises(SettingsError):
        way_to(shelf, "77")
    with pytest.raises(CheckpointError):
        way_to(shelf, "nowhere")
