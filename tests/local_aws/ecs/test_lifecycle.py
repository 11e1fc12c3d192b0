"""A task moves through its states in AWS's order and never back."""

from __future__ import annotations

import itertools

import pytest

from lab_helpers.local_aws.ecs.lifecycle import IllegalMoveError, TaskStatus, advance, counts_as

ORDER = list(TaskStatus)


def test_a_whole_life_is_legal() -> None:
    """Each state follows the one before it."""
    status = ORDER[0]
    for target in ORDER[1:]:
        status = advance(status, target)
    assert status is TaskStatus.STOPPED


@pytest.mark.parametrize(("later", "earlier"), [pair[::-1] for pair in itertools.combinations(ORDER, 2)])
def test_nothing_moves_backwards(later: TaskStatus, earlier: TaskStatus) -> None:
    """A task that has left a state does not come back to it."""
    with pytest.raises(IllegalMoveError):
        advance(later, earlier)


@pytest.mark.parametrize("status", ORDER)
def test_a_state_does_not_follow_itself(status: TaskStatus) -> None:
    """Staying is not a move."""
    with pytest.raises(IllegalMoveError):
        advance(status, status)


def test_starting_states_cannot_be_left_out() -> None:
    """PENDING and ACTIVATING come before RUNNING."""
    with pytest.raises(IllegalMoveError):
        advance(TaskStatus.PROVISIONING, TaskStatus.RUNNING)


@pytest.mark.parametrize("status", [status for status in ORDER if status.is_starting])
def test_a_stop_may_begin_from_any_starting_state(status: TaskStatus) -> None:
    """A task that fails to start goes to STOPPING at once."""
    assert advance(status, TaskStatus.STOPPING) is TaskStatus.STOPPING


def test_what_counts_as_running() -> None:
    """DescribeServices counts a stopping task as running until it has stopped."""
    assert [counts_as(status) for status in ORDER] == ["pending"] * 3 + ["running"] * 4 + [""]
