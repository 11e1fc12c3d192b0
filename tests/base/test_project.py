"""Where the workbook's files are: in a clone, in a folder that `lab new` laid out, in an installed package."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab_helpers.base import project
from lab_helpers.base.errors import NoWorkbookError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A laid-out folder with a room in it."""
    (tmp_path / "lab" / "notebooks" / "drills").mkdir(parents=True)
    (tmp_path / "lab" / project.MARK).write_text("{}")
    return tmp_path / "lab"


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that carries the workbook."""
    carried = tmp_path / "site" / "course"
    carried.mkdir(parents=True)
    monkeypatch.setattr(project, "CARRIED", carried)
    return carried


def test_a_clone_is_its_own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever one stands, outside of laid-out folders."""
    monkeypatch.chdir(tmp_path)
    assert project.project() == project.delivered() == Path(__file__).parents[2]
    assert project.home() == Path(__file__).parents[2] / ".lab"
    project.require_workbook(has_home=False)


def test_who_stands_in_a_laid_out_folder_works_with_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels stand in its rooms; the nearest one counts."""
    monkeypatch.chdir(folder / "notebooks" / "drills")
    assert project.project() == folder
    assert project.home() == folder / ".lab"
    (folder / "notebooks" / project.MARK).write_text("{}")
    assert project.project() == folder / "notebooks"


def test_a_mark_of_somebody_else_does_not_count(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder above may be anybody's (/tmp), and what is in it would be run."""
    assert project.laid_out(folder) == folder
    owner = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    assert project.laid_out(folder) is None


def test_an_installed_package_keeps_no_state_in_itself(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are read; state is where one stands. A workbook is wanted, unless LAB_HOME says where kernels look."""
    monkeypatch.chdir(tmp_path)
    assert project.project() == wheel
    assert project.home() == tmp_path / ".lab"
    with pytest.raises(NoWorkbookError, match="lab new"):
        project.require_workbook(has_home=False)
    project.require_workbook(has_home=True)


def test_a_folder_that_is_gone_is_no_laid_out_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have removed the folder that we stand in."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert project.laid_out() is None
