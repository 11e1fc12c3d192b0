"""`lab new FOLDER`: the workbook laid out where somebody wants to work, with no clone.

What is laid out is what the package carries (or the clone around it). Until all of it is there, it is in a folder of
its own inside of FOLDER, so a run that was broken off leaves nothing that looks like a workbook; the mark comes last.
"""

from __future__ import annotations

import json
import shlex
import shutil
from importlib.metadata import version
from pathlib import Path

from lab_helpers.base import extras, project
from lab_helpers.base.errors import MissingExtraError, NewFolderError
from lab_helpers.base.messages import say
from lab_helpers.base.paths import inside

PARTS = (
    "notebooks", "terraform", "fluentbit", "docs", "README.md", "README.ja.md", "CHANGELOG.md", "CONTRIBUTING.md",
    "LICENSE", "SECURITY.md",
)  # fmt: skip
MAKING = ".lab-new"
"""Where the parts are until all are there; one that was left behind is made anew."""
_OF_A_RUN = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", ".terraform*", "*.tfstate*")


def make(folder: Path, source: Path | None = None) -> list[str]:
    """Lay the workbook out in a folder that is new or empty; return the names of what is in it.

    Raises NewFolderError; then the folder is as it was.
    """
    source = source or project.delivered()
    made = [each for each in reversed((folder, *folder.parents)) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / MAKING, ignore_errors=True)
        if any(folder.iterdir()):
            raise NewFolderError(str(folder), say("it is not empty"))
    except OSError as exc:
        _undo(made)
        raise NewFolderError(str(folder), exc.strerror or str(exc)) from exc
    try:
        return _fill(folder, source)
    except BaseException as exc:
        for path in folder.iterdir():
            _remove(path)
        _undo(made)
        if isinstance(exc, OSError):
            raise NewFolderError(str(folder), exc.strerror or str(exc)) from exc
        raise


def next_steps(folder: Path) -> str:
    """Return what to do in a new folder, the packages that are still missing first."""
    steps = [f"cd {shlex.quote(str(folder))}"]
    try:
        extras.require("jupyterlab", "papermill", "pandas")
    except MissingExtraError as exc:
        steps.append(f"pip install '{exc.extra}'")
    return "\n".join([*steps, "lab jupyter    # the workbook in JupyterLab; or all of it headless: lab run"])


def _fill(folder: Path, source: Path) -> list[str]:
    making = folder / MAKING
    making.mkdir()
    for part in PARTS:
        origin, target = inside(source, part), inside(making, part)
        if origin.is_dir():
            shutil.copytree(origin, target, ignore=_OF_A_RUN)
        else:
            shutil.copy(origin, target)
    for part in PARTS:
        inside(making, part).rename(inside(folder, part))
    making.rmdir()
    mark = {"made_by": f"{extras.DISTRIBUTION} {version(extras.DISTRIBUTION)}"}
    inside(folder, project.MARK).write_text(json.dumps(mark) + "\n", encoding="utf-8")
    return list(PARTS)


def _undo(made: list[Path]) -> None:
    for path in reversed(made):
        if path.is_dir():
            path.rmdir()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
