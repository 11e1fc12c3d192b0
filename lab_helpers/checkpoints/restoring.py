"""Brings a checkpoint back, or begins anew: whole, or not at all.

The other state is laid ready beside the present one; from the moment that READY is there the exchange is finished by
whoever comes next, so that an interruption leaves one state or the other. Nobody may run on the folder meanwhile.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab_helpers.base.config import Settings, private_folder
from lab_helpers.checkpoints import parts
from lab_helpers.checkpoints.shelf import Shelf
from lab_helpers.checkpoints.taking import MARKS, PROGRESS, copy_files

STAGE, READY, ASIDE = ".exchange", ".exchange-ready", ".aside"


def restore(settings: Settings, name: str, *, with_progress: bool) -> None:
    """Let a checkpoint be the lab's state; the local AWS must not run. Raises CheckpointError for an unknown one."""
    shelf = Shelf(settings)
    shelf.get(name)
    source, stage = shelf.path(name), settings.state / STAGE
    private_folder(settings.home)
    settings.state.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    copy_files(source / "state", stage, [*parts.files(source / "state"), parts.DATABASE])
    (settings.state / READY).touch()
    finish_restoring(settings)
    if with_progress:
        _restore_marks(source / PROGRESS, settings.home)


def begin_anew(settings: Settings) -> Path | None:
    """Put the present state aside, in place of the one that was put aside before; return where it is now, if any was.

    The local AWS must not run.
    """
    if not settings.state.exists() or not parts.units(settings.state):
        return None
    stage = settings.state / STAGE
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir()
    (settings.state / READY).touch()
    finish_restoring(settings)
    return settings.state / ASIDE


def finish_restoring(settings: Settings) -> None:
    """End an exchange that was laid ready, if there is one; safe at any time when nobody runs on the folder."""
    state = settings.state
    stage, ready, aside = state / STAGE, state / READY, state / ASIDE
    if not ready.exists():
        shutil.rmtree(stage, ignore_errors=True)
        return
    marker = state / f"{ASIDE}-done"
    if not marker.exists():
        _move_aside(state, aside)
        marker.touch()
        (state / f"{ASIDE}-begun").unlink(missing_ok=True)
    for unit in parts.units(stage) if stage.exists() else []:
        (state / unit).parent.mkdir(parents=True, exist_ok=True)
        (stage / unit).rename(state / unit)
    ready.unlink()
    marker.unlink()
    (state / f"{ASIDE}-begun").unlink(missing_ok=True)
    shutil.rmtree(stage, ignore_errors=True)


def _move_aside(state: Path, aside: Path) -> None:
    """Move what is there now into `aside`; what an interrupted exchange has moved already stays there."""
    begun = state / f"{ASIDE}-begun"
    if not begun.exists():
        shutil.rmtree(aside, ignore_errors=True)
        begun.touch()
    for unit in parts.units(state):
        target = aside / unit
        target.parent.mkdir(parents=True, exist_ok=True)
        (state / unit).rename(target)


def _restore_marks(source: Path, home: Path) -> None:
    for name in MARKS:
        there, place = source / name, home / name
        if there.is_dir():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(there, place)
        elif there.exists():
            shutil.copy2(there, place)
