"""A copy of the lab for students, made from the one source: no solutions, no outputs, nothing for trainers.

Left out: the exercises' solutions, the tests (they hold answers), the trainer's guide, and what a run has left.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab_helpers.base.config import PROJECT
from lab_helpers.base.errors import SettingsError
from lab_helpers.base.lazy import nbformat

PARTS = (
    "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "README.ja.md", "docs", "environment.yml", "fluentbit",
    "lab_helpers", "notebooks", "pyproject.toml", "requirements-terraform.lock", "requirements.lock", "terraform",
)  # fmt: skip
LEFT_OUT = frozenset(
    {
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
        if (source / part).is_dir():
            shutil.copytree(source / part, folder / part, ignore=lambda at, names: _ignored(source, at, names))
        elif (source / part).exists():
            shutil.copy2(source / part, folder / part)
    for path in (folder / "notebooks").rglob("*.ipynb"):
        _clear(path)
    return sum(path.is_file() for path in folder.rglob("*"))


def _ignored(source: Path, at: str, names: list[str]) -> set[str]:
    here = Path(at).relative_to(source)
    return _OF_A_RUN(at, names) | {name for name in names if (here / name).as_posix() in LEFT_OUT}


def _clear(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, path)
