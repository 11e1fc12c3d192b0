"""Takes a checkpoint of a state folder, whether its server runs or not.

The order makes it whole: what is only added to (objects, layers, journals) before the database, which SQLite copies as
it was at one moment, and once more what was added meanwhile. A record that Firehose delivered in between is in both;
delivered again it becomes the same object.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from lab_helpers.base.config import Settings, private_folder
from lab_helpers.base.errors import CheckpointError
from lab_helpers.checkpoints import parts
from lab_helpers.checkpoints.shelf import PARTIAL, Checkpoint, Shelf, automatic_name, checked_name

PROGRESS = "progress"
"""Where in a checkpoint the trainee's marks and the outcomes of checks are."""
MARKS = ("progress.json", "checks")
BEGUN = "begun"
"""The file, in the state folder, that names the newest beginning of a notebook."""
_ATTEMPTS = 5


def take(settings: Settings, name: str, notebook: str = "") -> Checkpoint:
    """Take a checkpoint; one of that name is replaced. Raises CheckpointError where there is nothing to take."""
    shelf, state = Shelf(settings), settings.state
    if not (state / parts.DATABASE).exists():
        raise CheckpointError.nothing_there(str(state))
    private_folder(settings.home)
    partial = shelf.path(name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    try:
        copied = _copy(state, partial / "state")
        _copy_marks(settings.home, partial / PROGRESS)
        found = _read(partial / "state" / parts.DATABASE)
        done = Checkpoint(name, datetime.now(UTC).isoformat(timespec="seconds"), *found, copied, notebook)
        shelf.put(partial, done)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return done


def take_named(settings: Settings, name: str, *, replace: bool = False) -> Checkpoint:
    """Take a checkpoint under a name that a person chose; raises SettingsError, CheckpointError."""
    if not settings.can.is_embedded:
        raise CheckpointError.only_local()
    if Shelf(settings).find(checked_name(name)) is not None and not replace:
        raise CheckpointError.exists(name)
    return take(settings, name)


def begin_notebook(settings: Settings, notebook: str, instance: str) -> Checkpoint | None:
    """Take the checkpoint of a notebook's beginning, unless this is a second opening or a look back.

    Which notebook was begun last is in the state itself, so that it goes back with it. `instance` is the local AWS's.
    """
    if not settings.can.is_embedded or not (settings.state / parts.DATABASE).exists():
        return None
    name, last = automatic_name(notebook), settings.state / BEGUN
    before, there = last.read_text() if last.exists() else "", Shelf(settings).find(name)
    if there is not None and there.instance == instance and before >= name:
        return None
    last.write_text(name)
    return take(settings, name, notebook)


def _copy(state: Path, target: Path) -> int:
    """Copy a state until all files are there that its database names; return the bytes that were really copied."""
    copied = 0
    for _ in range(_ATTEMPTS):
        copied += copy_files(state, target, parts.files(state))
        _copy_database(state / parts.DATABASE, target / parts.DATABASE)
        shared = (each for each in parts.files(state) if parts.is_shared(each) and not (target / each).exists())
        copied += copy_files(state, target, shared)
        if not (missing := _missing(target)):
            return copied + (target / parts.DATABASE).stat().st_size
    raise CheckpointError.changing(len(missing))


def copy_files(state: Path, target: Path, files: Iterable[str]) -> int:
    copied = 0
    for each in files:
        source, place = state / each, target / each
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # it went meanwhile
            if parts.is_shared(each):
                _link(source, place)
            else:
                shutil.copy2(source, place)
                copied += place.stat().st_size
    return copied


def _link(source: Path, place: Path) -> None:
    if place.exists():
        return
    try:
        os.link(source, place)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without hard links
        shutil.copy2(source, place)


def _copy_database(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(source, timeout=10)) as reading,
        contextlib.closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
    target.chmod(0o600)


def _missing(target: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(target / parts.DATABASE)) as db:
        rows = db.execute("SELECT files FROM objects").fetchall()
        rows += [(data.decode(),) for (data,) in db.execute("SELECT data FROM kept WHERE room = 'moto-files'")]
    names = {name for (files,) in rows for name in files.split()}
    return [name for name in names if not (target / "aws" / "objects" / name[:2] / name).exists()]


def _read(database: Path) -> tuple[str, int, int]:
    with contextlib.closing(sqlite3.connect(database)) as db:
        found = db.execute("SELECT value FROM meta WHERE name = 'instance'").fetchone()
        events = db.execute("SELECT count(*) FROM events").fetchone()[0]
        objects = db.execute("SELECT count(*) FROM objects").fetchone()[0]
    return (found[0] if found else ""), int(events), int(objects)


def _copy_marks(home: Path, target: Path) -> None:
    for name in MARKS:
        source = home / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.exists():
            target.mkdir(exist_ok=True)
            shutil.copy2(source, target / name)
