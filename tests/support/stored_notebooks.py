"""Compares notebooks with their stored outputs by nbval, in a process and a state folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
LAB = Path(sys.executable).parent / "lab"
_SANITIZE = PROJECT / "tests" / "support" / "sanitize.cfg"
_CELL_TIMEOUT_S = 900
_NBVAL = ["--nbval", "--nbval-current-env", f"--nbval-cell-timeout={_CELL_TIMEOUT_S}"]
_OWN = ["-o", "addopts=", "-o", "filterwarnings=default", "-p", "no:cacheprovider", "-p", "no:timeout", "-q"]
"""The project's own options for pytest are for its tests, not for notebooks."""


def lab(home: Path, *words: str, timeout_s: float = 1200) -> None:
    """Run the lab's command line on this state folder. Raises CalledProcessError, TimeoutExpired."""
    environ = {**os.environ, "LAB_HOME": str(home)}
    subprocess.run([LAB, *words], cwd=PROJECT, env=environ, check=True, capture_output=True, timeout=timeout_s)


def assert_as_stored(notebooks: Iterable[Path], home: Path, timeout_s: float) -> None:
    """Run the notebooks in this order on one state folder; each cell must say what it said when it was stored."""
    argv = [sys.executable, "-m", "pytest", *_NBVAL, f"--nbval-sanitize-with={_SANITIZE}", *_OWN, *map(str, notebooks)]
    environ = {**os.environ, "LAB_HOME": str(home)}
    done = subprocess.run(
        argv, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, done.stdout[-8000:]
