"""What the judges of FAQ 3 say of choices as people write them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lab_helpers.exercises.steps.beside import faq_3

NEED = "errors to CloudWatch Logs, everything to S3"


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("firelens", ""),
        ("FireLens ", ""),
        ("awslogs", "Not for this one"),
        ("", "is none of"),
        (["firelens"], "is none of"),
    ],
)
def test_a_word_is_a_choice_however_it_is_written(choice: Any, reason: str) -> None:
    """FireLens is written with two capitals everywhere but in a task definition."""
    found = faq_3.chooses(cast(Any, None), {**faq_3.NEEDS, NEED: choice})
    assert found.is_passed is (not reason)
    assert reason in found.why
