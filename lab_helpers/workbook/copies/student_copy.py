"""A copy of the lab for students, made from the one source: no solutions, no outputs, nothing for trainers.

Left out: the exercises' solutions, the tests (they hold answers), the trainer's guide, and what a run has left.
"""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from lab_helpers.base import project
from lab_helpers.base.config import PROJECT
from lab_helpers.base.errors import SettingsError
from lab_helpers.base.lazy import nbformat
from lab_helpers.base.paths import inside

PARTS = (
    "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "README.ja.md", "docs", "environment.yml", "fluentbit",
    "hatch_build.py", "lab_helpers", "notebooks", "pyproject.toml", "requirements-terraform.lock", "requirements.lock",
    "terraform",
)  # fmt: skip
LEFT_OUT = frozenset(
    {
        "lab_helpers/course",
        "docs/trainer.md",
        "lab_helpers/drills/mended",
        "lab_helpers/exercises/solutions",
        "lab_helpers/exercises/steps/solutions",
    }
)
_OF_A_RUN = shutil.ignore_patterns("__pycache__", ".*", "*.pyc", "*.tfstate*")


def make(folder: Path, source: Path = PROJECT) -> int:
    """Copy the lab into a folder that is new or empty; return the number of files. Raises SettingsError."""
    if folder.exists() and any(folder.iterdir()):
        raise SettingsError("folder", folder.name, "a folder that is not there yet, or is empty")
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        root = _root_of(part, source)
        origin, target = inside(root, part), inside(folder, part)
        if origin.is_dir():
            shutil.copytree(origin, target, ignore=partial(_ignored, root))
        elif origin.exists():
            shutil.copy2(origin, target)
    for path in (folder / "notebooks").rglob("*.ipynb"):
        _clear(path)
    return sum(path.is_file() for path in folder.rglob("*"))


def _root_of(part: str, source: Path) -> Path:
    """Return the folder that has a part: `source`, or where it came from; of an installed package, there."""
    if inside(source, part).exists():
        return source
    return project.PACKAGE.parent if part == project.PACKAGE.name else project.delivered()


def _ignored(source: Path, at: str, names: list[str]) -> set[str]:
    here = Path(at).relative_to(source)
    return _OF_A_RUN(at, names) | {name for name in names if (here / name).as_posix() in LEFT_OUT}


def _clear(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)
