"""What Terraform has taken is remembered, the newest of it."""

from __future__ import annotations

from pathlib import Path

from lab_helpers.terraform import taken
from lab_helpers.terraform.taken import Taken


def test_what_was_taken_is_known_to_the_next(tmp_path: Path) -> None:
    """In a file: the kernel of the next notebook knows it, and nothing else."""
    Taken(tmp_path / "state" / "taken.json").add("a")
    known = Taken(tmp_path / "state" / "taken.json")
    assert (known.has("a"), known.has("b")) == (True, False)


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    """What is taken again counts as new."""
    known = Taken(tmp_path / "taken.json")
    for number in range(taken.MOST):
        known.add(str(number))
    known.add("0")
    known.add("one more")
    assert [known.has(each) for each in ("0", "1", "2", "one more")] == [True, False, True, True]


def test_a_file_that_is_none_is_empty(tmp_path: Path) -> None:
    """Whatever somebody wrote there."""
    (tmp_path / "taken.json").write_text('{"taken": 7}')
    assert not Taken(tmp_path / "taken.json").has("7")
