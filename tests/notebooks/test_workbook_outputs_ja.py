"""The stored outputs of the Japanese workbook, compared by nbval: they are of runs of their own. Minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.display.charts import fonts
from lab_helpers.workbook import runner
from tests.support.stored_notebooks import assert_as_stored


@pytest.mark.lab
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not fonts.family("ja"), reason="charts are in English without a Japanese font (fonts-noto-cjk)")
def test_stored_outputs(home: Path) -> None:
    """Run in order on one fresh local AWS, each says what it said when it was stored."""
    assert_as_stored(sorted(runner.folder_of("ja").glob("*.ipynb")), home, timeout_s=2700)
