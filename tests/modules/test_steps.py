"""What is said of a module's steps, and that the root modules ask for checkouts by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.modules.steps import Step, missing_checkouts, row, sources, verdict

ROOTS = Path(__file__).parent / "roots"


@pytest.mark.parametrize(
    ("step", "status", "said", "expected"),
    [
        ("apply", 0, "Apply complete! Resources: 64 added, 0 changed, 0 destroyed.", Step("apply", True, "64")),
        ("apply", 1, "Error: creating", Step("apply", False, "failed")),
        ("plan", 0, "No changes.", Step("plan", True, "empty")),
        ("plan", 2, "Plan: 1 to add, 0 to change, 1 to destroy.\n",
         Step("plan", False, "not empty: 1 to add, 0 to change, 1 to destroy")),
        ("plan", 1, "Error: reading", Step("plan", False, "failed")),
        ("destroy", 0, "Destroy complete! Resources: 64 destroyed.", Step("destroy", True, "64")),
    ],
)  # fmt: skip
def test_a_plan_with_something_to_do_is_a_failure(step: str, status: int, said: str, expected: Step) -> None:
    """Exit status 2 of a plan means a difference; every other status but 0 is an error."""
    assert verdict(step, status, said) == expected


def test_a_row_leaves_empty_what_was_not_reached() -> None:
    """A module that cannot be initialised has no other step."""
    steps = [Step("apply", True, "3"), Step("plan", True, "empty"), Step("destroy", True, "3")]
    assert row("vpc", steps) == "| vpc | 3 | empty | 3 |"
    assert row("vpc", [Step("init", False, "failed")]) == "| vpc | init failed |  |  |"


def test_root_modules_ask_for_checkouts_by_their_names(tmp_path: Path) -> None:
    """Each root module uses at least one, and all that is missing is named."""
    for root in ROOTS.iterdir():
        wanted = sources((root / "main.tf").read_text())
        assert f"terraform-aws-{root.name}" in wanted
        assert missing_checkouts(wanted, tmp_path) == wanted
    (tmp_path / "terraform-aws-vpc").mkdir()
    (tmp_path / "terraform-aws-vpc" / "main.tf").touch()
    assert missing_checkouts(["terraform-aws-alb", "terraform-aws-vpc"], tmp_path) == ["terraform-aws-alb"]
