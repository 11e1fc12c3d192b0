"""The targets without tests of their own elsewhere, a few examples each; `python -m tests.fuzz` goes on for longer."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import one_round
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", ["names", "bodies", "sql"])
def test_odd_input_is_answered_or_refused(name: str) -> None:
    """The same examples in every run."""
    with TARGETS[name]() as attempts:
        for attempt in attempts:
            assert one_round(attempt, 12, is_free=False)
