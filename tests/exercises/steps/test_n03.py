"""Step 03_3: which container brought a task down."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.exercises.steps import looks, n03


@pytest.mark.parametrize(
    ("answer", "is_passed", "said"),
    [
        (("log_router", 1), True, "log_router ended by itself"),
        (("log_router", 2), False, "read its `exitCode`"),
        (("httpd", 143), False, "was stopped by ECS"),
        (("app", 1), False, "who has one: httpd, log_router"),
        (("log_router", "1"), False, "Two values are wanted"),
        ((), False, "Two values are wanted"),
    ],
)
def test_the_container_that_ended_by_itself(
    monkeypatch: pytest.MonkeyPatch, answer: Any, is_passed: bool, said: str
) -> None:
    """Not the one that ECS stopped because of it, and not another number."""
    monkeypatch.setattr(looks, "last_failed_task", lambda _: {"httpd": 143, "log_router": 1})
    verdict = n03.brought_down(object(), answer)  # type: ignore[arg-type]
    assert (verdict.is_passed, said in verdict.why) == (is_passed, True), verdict.why


def test_no_task_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the broken file was not deployed."""
    monkeypatch.setattr(looks, "last_failed_task", lambda _: {})
    verdict = n03.brought_down(object(), ("log_router", 1))  # type: ignore[arg-type]
    assert not verdict.is_passed
    assert "deploy the broken file first" in verdict.why
