"""Where the workbook's files are: notebooks, terraform, fluentbit and the pages beside them.

    a clone            around this package
    an installed wheel the package carries them (`course`), for `lab new FOLDER` to lay out
    a laid-out folder  has a mark; who stands in it, or below it, works with its files

A laid-out folder counts first: who made one and stands in it means it.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab_helpers.base.errors import NoWorkbookError

PACKAGE = Path(__file__).resolve().parents[1]
CARRIED = PACKAGE / "course"
"""In a wheel only: pyproject.toml's build hook puts the files there (hatch_build.py)."""
MARK = ".firelens-lab.json"
"""What `lab new` writes last into the folder that it lays out."""
HOME = ".lab"


def delivered() -> Path:
    """Return the workbook's files as they came: those that the package carries, or those of the clone around it."""
    return CARRIED if CARRIED.is_dir() else PACKAGE.parent


def laid_out(start: Path | None = None) -> Path | None:
    """Return the nearest folder from `start` (the present one) upwards that `lab new` made for this user."""
    try:
        here = (start or Path.cwd()).resolve()
    except FileNotFoundError:  # somebody removed the folder that we stand in
        return None
    return next((folder for folder in (here, *here.parents) if _is_ours(folder / MARK)), None)


def project() -> Path:
    """Return the folder whose notebooks, Terraform files and Fluent Bit files are worked with."""
    return laid_out() or delivered()


def home() -> Path:
    """Return where state is kept unless LAB_HOME says otherwise: in the project, never in an installed package."""
    folder = project()
    return (Path(os.curdir).absolute() if folder == CARRIED else folder) / HOME


def require_workbook(has_home: bool) -> None:
    """Raise NoWorkbookError where nothing was laid out yet: kernels would not find the state of who started them.

    `has_home`: LAB_HOME is set, so they would.
    """
    if project() == CARRIED and not has_home:
        raise NoWorkbookError(str(Path.cwd()))


def _is_ours(mark: Path) -> bool:
    """Whether the mark is this user's: a folder above may be anybody's (/tmp), and its files would be run."""
    try:
        return mark.is_file() and mark.stat().st_uid == os.getuid()
    except OSError:
        return False
