"""`lab new`: all of the workbook, or nothing; and nothing of anybody's is written over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab_helpers.base import project
from lab_helpers.base.errors import NewFolderError
from lab_helpers.workbook.copies import new_folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small course, in which somebody has run Terraform."""
    folder = tmp_path / "course"
    for part in new_folder.PARTS:
        if "." in part or part == "LICENSE":
            (folder / part).parent.mkdir(exist_ok=True)
            (folder / part).write_text(part)
        else:
            (folder / part / "inner").mkdir(parents=True)
            (folder / part / "inner" / "file").write_text(part)
    (folder / "terraform" / "terraform.tfstate").write_text("secret")
    (folder / "terraform" / ".terraform").mkdir()
    return folder


@pytest.mark.parametrize("there", [True, False])
def test_all_parts_are_laid_out(source: Path, tmp_path: Path, there: bool) -> None:
    """In a folder that is new or empty; what a run has left in the source is not among them."""
    folder = tmp_path / "some where" / "lab"
    if there:
        folder.mkdir(parents=True)
    made = new_folder.make(folder, source)
    assert sorted([*made, project.MARK]) == sorted(path.name for path in folder.iterdir())
    assert (folder / "notebooks" / "inner" / "file").read_text() == "notebooks"
    assert [path.name for path in (folder / "terraform").iterdir()] == ["inner"]
    assert project.laid_out(folder / "notebooks") == folder


def test_the_next_steps_can_be_pasted(tmp_path: Path) -> None:
    """A folder with a blank in its name is quoted."""
    assert new_folder.next_steps(tmp_path / "my lab").startswith(f"cd '{tmp_path}/my lab'\n")


@pytest.mark.parametrize("name", ["mine.txt", ".hidden"])
def test_a_folder_with_content_is_refused(source: Path, tmp_path: Path, name: str) -> None:
    """It stays as it was."""
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / name).write_text("x")
    with pytest.raises(NewFolderError, match="not empty"):
        new_folder.make(folder, source)
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_file_is_no_folder(source: Path, tmp_path: Path) -> None:
    """Neither it nor one below it; the sentence says why."""
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(NewFolderError, match=r"file.*: (File exists|Not a directory)\. Name a folder"):
            new_folder.make(folder, source)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_half_made_is_left(
    source: Path, tmp_path: Path, there: bool, fault: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, or Ctrl-C in the middle: the folder is as it was, there or not, and so are those above it."""
    folder = tmp_path / "a" / "lab"
    if there:
        folder.mkdir(parents=True)

    def fails(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(shutil, "copy", fails)
    with pytest.raises((NewFolderError, KeyboardInterrupt)):
        new_folder.make(folder, source)
    assert folder.exists() is there
    assert (tmp_path / "a").exists() is there
    assert not there or list(folder.iterdir()) == []


def test_what_a_killed_run_left_is_made_anew(source: Path, tmp_path: Path) -> None:
    """Its parts are in a folder of their own until all are there, and that one does not count."""
    (tmp_path / "lab" / new_folder.MAKING / "notebooks").mkdir(parents=True)
    assert project.laid_out(tmp_path / "lab") is None
    new_folder.make(tmp_path / "lab", source)
    assert not (tmp_path / "lab" / new_folder.MAKING).exists()
