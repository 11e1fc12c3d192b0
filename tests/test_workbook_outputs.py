"""The stored outputs of the whole workbook, compared by nbval. Minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
LAB = Path(sys.executable).parent / "lab"
SANITIZE = PROJECT / "tests" / "sanitize.cfg"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A state folder; a local AWS that still runs there is stopped."""
    yield tmp_path
    subprocess.run([LAB, "down"], env={**os.environ, "LAB_HOME": str(tmp_path)}, check=True, timeout=90)


@pytest.mark.lab
@pytest.mark.timeout(1200)
def test_stored_outputs(home: Path) -> None:
    """Every notebook, run in order on one fresh local AWS, prints what it printed when it was stored."""
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=900", f"--nbval-sanitize-with={SANITIZE}"]
    own = ["-o", "addopts=", "-o", "filterwarnings=default", "-p", "no:cacheprovider", "-p", "no:timeout", "-q"]
    notebooks = PROJECT / "notebooks"
    # The Japanese ones are compared in tests/test_workbook_outputs_ja.py; drills and FAQ need an applied
    # lab, which is gone after the last of these (tests/test_drill_notebooks.py).
    ignored = [f"--ignore={notebooks / name}" for name in ("ja", "drills", "faq")]
    argv = [sys.executable, "-m", "pytest", *nbval, *own, *ignored, str(notebooks)]
    environ = {**os.environ, "LAB_HOME": str(home)}
    done = subprocess.run(argv, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=1100, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
