"""The stored outputs of the Japanese drills, FAQ and incident, compared by nbval. Minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.display.charts import fonts
from lab_helpers.workbook import runner
from tests.support.stored_notebooks import assert_as_stored, lab


@pytest.mark.lab
@pytest.mark.timeout(3000)
@pytest.mark.skipif(not fonts.family("ja"), reason="charts are in English without a Japanese font (fonts-noto-cjk)")
def test_stored_outputs(home: Path) -> None:
    """On a lab that was just applied each says what it said when it was stored."""
    lab(home, "up")
    lab(home, "run", "02", "--keep")
    folder = runner.folder_of("ja")
    assert_as_stored(
        [path for part in runner.BESIDE for path in sorted((folder / part).glob("*.ipynb"))], home, timeout_s=2700
    )
