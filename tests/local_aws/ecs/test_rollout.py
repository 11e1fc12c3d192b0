"""The scheduler's decisions: counts, limits, replacement, back-off, circuit breaker."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.local_aws.ecs.rollout import (
    Decision,
    Goal,
    TaskView,
    breaker_threshold,
    decide,
    retry_delay_s,
)


def _new(name: str, *, healthy: bool = True, leaving: bool = False) -> TaskView:
    return TaskView(name, "new", healthy, leaving)


def _old(name: str, *, healthy: bool = True) -> TaskView:
    return TaskView(name, "old", healthy, leaving=False)


def test_an_empty_service_starts_all() -> None:
    """Nothing runs: as many as wanted are started at once."""
    assert decide(Goal("new", 2), []) == Decision(start=2)


def test_a_full_service_is_complete() -> None:
    """As many healthy tasks as wanted, and no others."""
    assert decide(Goal("new", 2), [_new("a"), _new("b")]) == Decision(complete=True)


def test_starting_tasks_are_not_complete() -> None:
    """A task that is not healthy yet is neither replaced nor counted as done."""
    assert decide(Goal("new", 2), [_new("a"), _new("b", healthy=False)]) == Decision()


def test_scaling_in_takes_the_unhealthy_first() -> None:
    """What serves nobody goes before what serves."""
    assert decide(Goal("new", 1), [_new("a"), _new("b", healthy=False)]).stop == ("b",)


def test_a_rolling_deployment_starts_before_it_stops() -> None:
    """100/200: old tasks stay until healthy new ones stand in for them."""
    goal, old = Goal("new", 2), [_old("a"), _old("b")]
    assert decide(goal, old) == Decision(start=2)
    assert decide(goal, [*old, _new("c", healthy=False), _new("d", healthy=False)]) == Decision()
    assert decide(goal, [*old, _new("c"), _new("d", healthy=False)]).stop == ("a",)
    assert decide(goal, [*old, _new("c"), _new("d")]).stop == ("a", "b")


def test_a_deployment_without_room_stops_first() -> None:
    """50/100: no task may be added, so one old task makes room for one new."""
    goal = Goal("new", 2, 50, 100)
    assert decide(goal, [_old("a"), _old("b")]) == Decision(start=0, stop=("a",))
    assert decide(goal, [_old("b")]).start == 1


def _failing(name: str, created_at: float = 0.0) -> TaskView:
    return TaskView(name, "new", healthy=False, leaving=False, created_at=created_at, failing=True)


def test_a_replacement_starts_before_the_failing_task_stops() -> None:
    """Since October 2023 a task that fails its checks stays until a healthy one stands in for it."""
    goal, failing = Goal("new", 2), [_failing("a"), _failing("b")]
    assert decide(goal, failing) == Decision(start=2)
    assert decide(goal, [*failing, _new("c", healthy=False), _new("d", healthy=False)]) == Decision()
    assert decide(goal, [*failing, _new("c"), _new("d", healthy=False)]).stop == ("a",)
    assert decide(goal, [*failing, _new("c"), _new("d")]).stop == ("a", "b")
    assert decide(goal, [_new("a"), _failing("b")]) == Decision(start=1)


def test_replacements_that_fail_too_bring_no_more_tasks() -> None:
    """As many as wanted stay, failing as they are; the older ones go."""
    tasks = [_failing("a", 1), _failing("b", 2), _failing("c", 3), _failing("d", 4)]
    assert decide(Goal("new", 2), tasks).stop == ("a", "b")


def test_a_failing_task_without_room_beside_it_goes_first() -> None:
    """100 % at most: one at a time makes room for its replacement, and the next waits until that one is judged."""
    goal = Goal("new", 2, 100, 100)
    assert decide(goal, [_failing("a"), _failing("b")]) == Decision(stop=("a",))
    assert decide(goal, [_failing("b")]) == Decision(start=1)
    assert decide(goal, [_failing("b"), _new("c", healthy=False)]) == Decision()
    assert decide(goal, [_failing("b"), _new("c")]).stop == ("b",)


def test_tasks_that_recover_leave_no_surplus() -> None:
    """The check passes again while replacements run: as many as wanted stay, the oldest."""
    recovered = [TaskView(name, "new", True, False, created_at) for created_at, name in enumerate("abcd")]
    assert decide(Goal("new", 2), recovered).stop == ("d", "c")


def test_a_deployment_of_failing_tasks_takes_nothing_from_the_old_ones() -> None:
    """Old healthy tasks stay; of the new ones that fail, one makes room for the next try."""
    decision = decide(Goal("new", 2), [_old("a"), _old("b"), _failing("c"), _failing("d")])
    assert decision == Decision(stop=("c",))


def test_failing_tasks_go_with_their_service() -> None:
    """Scaling to zero waits for no replacement."""
    assert decide(Goal("new", 0), [_failing("a")]).stop == ("a",)


def test_leaving_tasks_are_waited_for() -> None:
    """A service is not complete while tasks are still draining."""
    assert not decide(Goal("new", 1), [_new("a"), _new("b", leaving=True)]).complete


def test_nothing_starts_during_back_off() -> None:
    """After failures the scheduler waits."""
    assert decide(Goal("new", 2, may_start=False), []) == Decision()


def test_old_tasks_stay_while_new_ones_fail() -> None:
    """A deployment whose tasks cannot start takes nothing away from the one that works."""
    assert decide(Goal("new", 2, may_start=False), [_old("a"), _old("b")]) == Decision()


def test_scaling_to_zero_stops_all() -> None:
    """Deleting a service lets all of its tasks go, old ones too."""
    assert set(decide(Goal("new", 0), [_new("a"), _old("b")]).stop) == {"a", "b"}


@settings(max_examples=150, deadline=None)
@given(
    desired=st.integers(0, 6),
    minimum=st.sampled_from([0, 50, 100]),
    maximum=st.sampled_from([100, 150, 200]),
    old=st.integers(0, 6),
)
def test_every_deployment_arrives_within_its_limits(desired: int, minimum: int, maximum: int, old: int) -> None:
    """Following the decisions leads to the goal, never above the maximum nor, once there, below the minimum healthy."""
    if minimum == 100 and maximum == 100:
        return  # nothing may be stopped and nothing added: AWS deadlocks there too
    goal = Goal("new", desired, minimum, maximum)
    floor = min(goal.at_least, old)
    tasks, names = [_old(f"o{number}") for number in range(old)], itertools.count()
    for _ in range(40):
        decision = decide(goal, tasks)
        if decision.complete:
            break
        tasks = [task for task in tasks if task.id not in decision.stop]
        assert len(tasks) >= floor
        tasks += [_new(f"n{next(names)}") for _ in range(decision.start)]
        assert len(tasks) <= max(goal.at_most, old)
    # Where rounding leaves no room between the limits, AWS is stuck too.
    assert decision.complete or (goal.at_most <= goal.at_least and old)


def test_back_off_doubles_up_to_a_quarter_of_an_hour() -> None:
    """The first start is free; then 2, 4, 8 s and so on."""
    assert [retry_delay_s(count) for count in (0, 1, 2, 3, 30)] == [0, 2, 4, 8, 900]


@pytest.mark.parametrize(("desired", "threshold"), [(1, 3), (2, 3), (10, 5), (1000, 200)])
def test_the_circuit_breakers_threshold(desired: int, threshold: int) -> None:
    """Half of the desired count, between 3 and 200."""
    assert breaker_threshold(desired) == threshold
