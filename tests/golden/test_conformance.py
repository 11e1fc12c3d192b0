"""The log router behaves like the recorded Fluent Bit 4.2.8."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROUTER = shlex.join([sys.executable, "-m", "lab_helpers.router"])
AT_LEAST_PERCENT = 98.0
# all of them hold; a loaded machine may split a batch at the flush timer


def run_conformance(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the script that compares routers with the recordings; return what it printed."""
    command = [sys.executable, str(HERE / "conformance"), "--router", ROUTER, "--jobs", "4", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parents[1])


@pytest.mark.conformance
@pytest.mark.timeout(3600)
def test_recorded_cases_hold() -> None:
    """At least so many per cent of all recorded cases hold in every aspect: deliveries, calls, ending, messages."""
    done = run_conformance("--at-least", str(AT_LEAST_PERCENT))
    assert done.returncode == 0, done.stdout[-6000:]


@pytest.mark.conformance
@pytest.mark.timeout(300)
def test_articles_cases_hold() -> None:
    """Every case with the article's own configuration holds."""
    done = run_conformance("article*")
    assert re.search(r"^[1-9]\d* passed, 0 failed$", done.stdout, re.M), done.stdout[-6000:]
