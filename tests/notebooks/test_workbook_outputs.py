"""The stored outputs of the whole workbook, compared by nbval. Minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.stored_notebooks import PROJECT, assert_as_stored


@pytest.mark.lab
@pytest.mark.timeout(3000)
def test_stored_outputs(home: Path) -> None:
    """Every notebook, run in order on one fresh local AWS, prints what it printed when it was stored.

    Drills and FAQ need an applied lab, which is gone after the last of these: tests/test_drill_notebooks.py.
    """
    assert_as_stored(sorted((PROJECT / "notebooks").glob("*.ipynb")), home, timeout_s=2700)
