"""The example in docs/try.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from lab_helpers.trying.pytest_plugin import Firelens

PAGE = Path(__file__).parents[2] / "docs" / "try.md"


def test_the_example_of_the_page_passes(firelens: Firelens, tmp_path: Path) -> None:
    """It is the test that a reader would copy."""
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)
    names["test_health_checks_are_not_kept"](firelens, tmp_path)
