"""The way to a notebook: from the nearest checkpoint before it, and what is run from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CheckpointError, SettingsError
from lab_helpers.checkpoints import Checkpoint, Shelf
from lab_helpers.workbook.goto import way_to


def put(shelf: Shelf, name: str, notes: dict[str, bool]) -> None:
    """A checkpoint of a lab in which these notes were taken."""
    partial = shelf.folder / f"{name}.partial"
    (partial / "state" / "notes").mkdir(parents=True)
    (partial / "state" / "notes" / "notes.json").write_text(json.dumps(notes))
    shelf.put(partial, Checkpoint(name, "2026-01-01T00:00:00+00:00", "i"))


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
        put(shelf, name, {"applied": True})
    way = way_to(shelf, where)
    assert (way.start, [path.stem[:2] for path in way.missing]) == (start, missing)


def test_a_notebook_opened_before_anything_was_built_is_no_beginning(tmp_path: Path) -> None:
    """Who opens 05 on an empty lab and wants to begin there gets 02 to 04 run, not the empty lab again."""
    shelf = Shelf(Settings(home=tmp_path))
    put(shelf, "begin-02", {})
    put(shelf, "begin-05", {})
    way = way_to(shelf, "05")
    assert (way.start, [path.stem[:2] for path in way.missing]) == ("begin-02", ["02", "03", "04"])


def test_places_that_there_are_not(tmp_path: Path) -> None:
    """An unknown number is told the known ones, an unknown name the checkpoints."""
    shelf = Shelf(Settings(home=tmp_path))
    with pytest.raises(SettingsError):
        way_to(shelf, "77")
    with pytest.raises(CheckpointError):
        way_to(shelf, "nowhere")
