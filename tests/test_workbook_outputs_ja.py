"""The stored outputs of all Japanese notebooks, compared by nbval: they are of runs of their own. Minutes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers import runner
from lab_helpers.display import fonts

PROJECT = Path(__file__).resolve().parent.parent
LAB = Path(sys.executable).parent / "lab"
SANITIZE = PROJECT / "tests" / "sanitize.cfg"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A state folder; a local AWS that still runs there is stopped."""
    yield tmp_path
    subprocess.run([LAB, "down"], env={**os.environ, "LAB_HOME": str(tmp_path)}, check=True, timeout=90)


@pytest.mark.lab
@pytest.mark.timeout(2400)
@pytest.mark.skipif(not fonts.family("ja"), reason="charts are in English without a Japanese font (fonts-noto-cjk)")
def test_stored_outputs(home: Path) -> None:
    """Run in order on one fresh local AWS, FAQ and drills before the teardown, each says what it said when stored."""
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=900", f"--nbval-sanitize-with={SANITIZE}"]
    own = ["-o", "addopts=", "-o", "filterwarnings=default", "-p", "no:cacheprovider", "-p", "no:timeout", "-q"]
    notebooks = runner.everything(runner.folder_of("ja"))
    argv = [sys.executable, "-m", "pytest", *nbval, *own, *map(str, notebooks)]
    environ = {**os.environ, "LAB_HOME": str(home)}
    done = subprocess.run(argv, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=2300, check=False)
    assert done.returncode == 0, done.stdout[-8000:]
