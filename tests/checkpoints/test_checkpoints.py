"""Checkpoints on a folder alone: taken, brought back, refused, and interrupted."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest

from lab_helpers import checkpoints
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CheckpointError, SettingsError
from lab_helpers.checkpoints import (
    Shelf,
    begin_anew,
    begin_notebook,
    finish_restoring,
    restore,
    restoring,
    take,
    take_named,
)
from lab_helpers.checkpoints.shelf import automatic_name
from lab_helpers.local_aws.state.object_files import ObjectFile, ObjectFolder
from lab_helpers.local_aws.state.store import FILE, StateStore

NAME = "ab" + "0" * 30


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def build(settings: Settings, word: str) -> None:
    """Make a state: a database with an object, its file, Terraform's state, notes, and what is never kept."""
    aws = settings.state / "aws"
    aws.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(StateStore(aws / FILE, "v")) as store:
        store.set_meta("instance", "i-1")
        store.put("own/x", "word", word.encode())
        with store.change() as db:
            db.execute("REPLACE INTO objects VALUES ('b', 'k', x'00', ?)", (NAME,))
    for name, text in {
        f"aws/objects/ab/{NAME}": word,
        "aws/server.json": "{}",
        "terraform/state/terraform.tfstate": word,
        "terraform/data/provider": "big",
        "notes/notes.json": word,
        "work/main.tf": word,
    }.items():
        path = settings.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # as the server does: a file of its own, not the one that a checkpoint shares
        path.write_text(text)
    (settings.home / "progress.json").write_text(word)


def seen(settings: Settings) -> set[str]:
    """The words in all parts of the present state."""
    with contextlib.closing(sqlite3.connect(settings.state / "aws" / FILE)) as db:
        words = {db.execute("SELECT data FROM kept WHERE room = 'own/x'").fetchone()[0].decode()}
    for name in (f"aws/objects/ab/{NAME}", "terraform/state/terraform.tfstate", "notes/notes.json", "work/main.tf"):
        words.add((settings.state / name).read_text())
    return words


def test_round_trip(settings: Settings) -> None:
    """Everything of the state comes back, what was made since goes, the provider stays where it is."""
    build(settings, "old")
    taken = take_named(settings, "first")
    build(settings, "new")
    (settings.state / "later").mkdir()
    restore(settings, "first", with_progress=False)
    assert seen(settings) == {"old"}
    assert not (settings.state / "later").exists()
    assert (settings.state / "terraform/data/provider").read_text() == "big"
    assert (settings.home / "progress.json").read_text() == "new"
    assert (taken.instance, taken.objects) == ("i-1", 1)
    restore(settings, "first", with_progress=True)
    assert (settings.home / "progress.json").read_text() == "old"


def test_a_checkpoint_is_taken_while_somebody_writes(settings: Settings) -> None:
    """What an open transaction of the server holds is not in it, and does not hold it up."""
    build(settings, "old")
    with contextlib.closing(StateStore(settings.state / "aws" / FILE, "v")) as store, store.change() as db:
        db.execute("REPLACE INTO kept VALUES ('own/x', 'word', x'6e6577')")
        take(settings, "meanwhile")
    restore(settings, "meanwhile", with_progress=False)
    assert "old" in seen(settings)


def test_an_object_written_again_does_not_change_the_checkpoint(settings: Settings) -> None:
    """A checkpoint shares the files of objects, and whoever writes one a second time has one of his own."""
    build(settings, "old")
    take(settings, "first")
    file = ObjectFile(ObjectFolder(settings.state / "aws" / "objects"), NAME)
    file.truncate()
    file.write(b"new")
    kept = Shelf(settings).path("first") / "state" / "aws" / "objects" / "ab" / NAME
    assert kept.read_text() == "old"
    restore(settings, "first", with_progress=False)
    assert seen(settings) == {"old"}


@pytest.mark.parametrize("at", range(12))
def test_an_interrupted_exchange_is_finished_by_the_next(
    settings: Settings, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any rename, there is one state or the other afterwards, never some of both."""
    build(settings, "old")
    take(settings, "first")
    build(settings, "new")
    rename, calls = Path.rename, [0]

    def killed(self: Path, target: str | os.PathLike[str]) -> Path:
        calls[0] += 1
        if calls[0] > at:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with contextlib.suppress(KeyboardInterrupt):
            restore(settings, "first", with_progress=False)
    finish_restoring(settings)
    assert seen(settings) == {"old"}
    assert not (settings.state / restoring.READY).exists()


def test_a_stage_that_was_never_ready_is_dropped(settings: Settings) -> None:
    """Killed while the other state is laid ready: the present one stays."""
    build(settings, "present")
    (settings.state / restoring.STAGE / "notes").mkdir(parents=True)
    finish_restoring(settings)
    assert seen(settings) == {"present"}


def test_begin_anew_puts_aside(settings: Settings) -> None:
    """`lab up --fresh` deletes nothing: the state before is in one place."""
    build(settings, "old")
    aside = begin_anew(settings)
    assert aside is not None
    assert (aside / "notes/notes.json").read_text() == "old"
    assert not (settings.state / "aws").exists()
    assert begin_anew(settings) is None


@pytest.mark.parametrize("name", ["", "../x", "a/b", "/etc", ".", "05", "begin-05", "x" * 41, "a b", "a\0"])
def test_names_that_cannot_be_are_refused(settings: Settings, name: str) -> None:
    """No name becomes a path, a number, or what notebooks take."""
    build(settings, "old")
    with pytest.raises(SettingsError, match="letters, digits"):
        take_named(settings, name)
    assert not (settings.home / "checkpoints").exists()


def test_a_name_is_taken_once(settings: Settings) -> None:
    """A second one of that name has to be asked for."""
    build(settings, "old")
    take_named(settings, "mine")
    with pytest.raises(CheckpointError, match="already"):
        take_named(settings, "mine")
    take_named(settings, "mine", replace=True)


def test_an_unknown_checkpoint_names_those_that_there_are(settings: Settings) -> None:
    """And one that was interrupted while it was taken does not count."""
    build(settings, "old")
    take_named(settings, "mine")
    (Shelf(settings).folder / "half.partial").mkdir()
    with pytest.raises(CheckpointError, match="there are mine"):
        restore(settings, "other", with_progress=False)


def test_nothing_to_take(settings: Settings) -> None:
    """Before the first `lab up` there is nothing."""
    with pytest.raises(CheckpointError, match="lab up"):
        take_named(settings, "mine")


def test_on_an_account_there_are_none(tmp_path: Path) -> None:
    """What is on an account cannot be set back."""
    with pytest.raises(CheckpointError, match="account"):
        take_named(Settings(home=tmp_path, backend="aws"), "mine")


def test_a_notebooks_beginning_is_taken_once_on_the_way(settings: Settings) -> None:
    """Opened again, or looked back at, it stays; come to anew from an earlier notebook it is taken anew."""
    build(settings, "old")
    assert begin_notebook(settings, "04_traffic", "i-1")
    assert begin_notebook(settings, "04_traffic", "i-1") is None
    assert begin_notebook(settings, "05_cloudwatch", "i-1")
    assert begin_notebook(settings, "04_traffic", "i-1") is None
    restore(settings, "begin-04", with_progress=False)
    assert begin_notebook(settings, "05_cloudwatch", "i-1")
    assert begin_notebook(settings, "05_cloudwatch", "another instance")


def test_automatic_names() -> None:
    """A notebook's number, with its folder; the same in every language."""
    names = {"05_cloudwatch": "begin-05", "drills/3_lost": "begin-drills-3", "ja/05_cloudwatch": "begin-05"}
    assert {notebook: automatic_name(notebook) for notebook in names} == names
    assert checkpoints.Checkpoint("begin-05", "", "").is_automatic
