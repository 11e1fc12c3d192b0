"""What takes long to load is loaded when it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import lab_helpers
from lab_helpers.base.lazy import Lazy

HEAVY = {"duckdb", "matplotlib", "numpy", "pandas", "polars", "pyarrow"}
FIRST_CELL = """
import psutil, sys
from ipykernel import kernelapp
from lab_helpers import audit, cloudwatch, display, drills, faults, s3_logs, sql, traffic
from lab_helpers.session import open_lab
print(" ".join(sys.modules))
print(psutil.Process().memory_info().rss)
"""


def test_a_notebooks_first_cell_loads_nothing_heavy() -> None:
    """Opening a notebook costs neither pandas nor matplotlib, and a kernel less than 120 MB before its first frame."""
    done = subprocess.run([sys.executable, "-c", FIRST_CELL], capture_output=True, text=True, check=True)
    modules, size = done.stdout.splitlines()
    assert HEAVY & set(modules.split()) == set()
    assert int(size) < 120_000_000


def test_a_lazy_module_is_the_module() -> None:
    """Attributes are read from, set in and taken from the module itself."""
    lazy = Lazy("colorsys")
    import colorsys

    assert lazy.rgb_to_hsv is colorsys.rgb_to_hsv
    lazy.of_the_test = 1
    assert colorsys.of_the_test == 1  # type: ignore[attr-defined]
    del lazy.of_the_test
    assert not hasattr(colorsys, "of_the_test")
    assert "rgb_to_hsv" in dir(lazy)


def test_what_is_not_there_is_said_at_once() -> None:
    """A misspelt module fails where it is named, not at its first use."""
    with pytest.raises(ImportError, match="cloudwach"):
        from lab_helpers import cloudwach  # type: ignore[attr-defined]  # noqa: F401
    assert not hasattr(lab_helpers, "cloudwach")
