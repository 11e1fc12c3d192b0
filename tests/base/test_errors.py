"""Errors as a notebook shows them."""

from __future__ import annotations

import pytest
from IPython.core.interactiveshell import InteractiveShell

from lab_helpers.base.errors import InterruptedStep, LabError, NotYetError


@pytest.fixture
def shell() -> InteractiveShell:
    return InteractiveShell(history_manager=None)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("error", [NotYetError("The traffic", "04"), InterruptedStep()])
def test_notebook_shows_the_sentence_alone(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], error: LabError | InterruptedStep
) -> None:
    """A trainee reads what to do next, and no way through the lab's own code."""
    shell.user_ns["error"] = error
    assert shell.run_cell("raise error").error_in_exec is error
    shown = "".join(capsys.readouterr())
    assert str(error) in shown
    assert "Traceback" not in shown
    assert len(shown.strip().splitlines()) == 1


def test_other_errors_are_shown_whole(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """What the lab did not foresee is shown with the way that led there."""
    shell.run_cell("1 / 0")
    assert "Traceback" in "".join(capsys.readouterr())
