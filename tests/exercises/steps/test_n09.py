"""What the judges of notebook 09 say of filters that a trainee wrote."""

from __future__ import annotations

import pytest

from lab_helpers.exercises.steps import n09
from lab_helpers.exercises.steps.step import SOLUTIONS

RIGHT = (SOLUTIONS / "09_1" / n09.EXTRA_CONF).read_text(encoding="utf-8")
PATTERN = '[^& \\"]+'


@pytest.mark.parametrize(
    ("pattern", "is_right"), [(PATTERN, True), ('[^ &\\"]*', True), ("%w+", True), ("[^& ]+", False), (".+", False)]
)
def test_a_mask_takes_the_token_alone(pattern: str, is_right: bool) -> None:
    """The notebook's `[^& ]+` swallows the quotation mark that ends a referer, and passed."""
    assert PATTERN in RIGHT
    found = n09.tried_filters(RIGHT.replace(PATTERN, pattern))
    assert found.is_passed is is_right, found.why
    assert is_right or "More than the token is gone" in found.why
