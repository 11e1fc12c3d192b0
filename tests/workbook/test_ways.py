"""The strip's buttons: each says truly what it would do, from the checkpoints that there are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CheckpointError
from lab_helpers.checkpoints import Checkpoint, Shelf
from lab_helpers.workbook import ways


def put(settings: Settings, name: str) -> None:
    """A checkpoint of an applied lab."""
    shelf = Shelf(settings)
    notes = shelf.folder / f"{name}.partial" / "state" / "notes"
    notes.mkdir(parents=True)
    (notes / "notes.json").write_text(json.dumps({"applied": True}))
    shelf.put(notes.parents[1], Checkpoint(name, "2026-01-02T03:04:05+00:00", "i"))


def test_a_notebook_is_called_as_goto_calls_it() -> None:
    """By its number, with its folder."""
    assert [ways.place(name) for name in ("05_cloudwatch", "drills/3_lost_or_double")] == ["05", "drills/3"]


def test_back_names_the_moment_and_begin_what_is_run(tmp_path: Path) -> None:
    """Without a checkpoint of its own there is no way back, and beginning here runs what is missing."""
    settings = Settings(home=tmp_path)
    assert "A new lab is begun" in ways.beginning(settings, "02_apply")
    put(settings, "begin-03")
    with pytest.raises(CheckpointError, match="Begin here makes one"):
        ways.back(settings, "05_cloudwatch")
    assert "03_image, 04_traffic" in ways.beginning(settings, "05_cloudwatch")
    put(settings, "begin-05")
    assert "2026-01-02 03:04:05 UTC" in ways.back(settings, "05_cloudwatch")
    assert ways.beginning(settings, "05_cloudwatch") == ways.back(settings, "05_cloudwatch")
