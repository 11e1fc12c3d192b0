"""The wheel carries the workbook: what `lab new`, the trainee's own copy and `lab student-copy` lay out.

The files stay where they are in the clone; only a wheel has them below `lab_helpers/course` (base/project.py). An
editable installation has the clone, so it gets none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = (
    "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.ja.md", "README.md", "SECURITY.md", "docs",
    "environment.yml", "fluentbit", "hatch_build.py", "notebooks", "pyproject.toml", "requirements-terraform.lock",
    "requirements.lock", "terraform",
)  # fmt: skip
WHERE = "lab_helpers/course"
OF_A_RUN = ("__pycache__", "*.pyc", ".ipynb_checkpoints", ".terraform", ".terraform.lock.hcl", "*.tfstate*", ".lab")
"""What may lie in a clone that somebody has worked in, and is nobody else's business."""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's name for the hook in this file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the workbook's files to a wheel that is no editable one."""
        if version == "standard":
            root = Path(self.root)
            build_data["force_include"] |= {str(root / name): f"{WHERE}/{name}" for name in carried(root)}


def carried(root: Path) -> Iterator[str]:
    """Yield the names of the files that a wheel carries, as they are below `root`."""
    for part in CARRIED:
        if (root / part).is_file():
            yield part
        for at, folders, files in os.walk(root / part):
            folders[:] = sorted(name for name in folders if not _is_of_a_run(name))
            for name in sorted(files):
                if not _is_of_a_run(name):
                    yield Path(at, name).relative_to(root).as_posix()


def _is_of_a_run(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in OF_A_RUN)
