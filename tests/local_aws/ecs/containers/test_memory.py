"""Memory limits: who is killed, when it is looked at, and what ECS says then."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping

import pytest

from lab_helpers.local_aws.ecs.containers.memory import (
    INTERVAL_S,
    MIB,
    OUT_OF_MEMORY,
    Member,
    MemoryGuard,
    ProcessMeter,
    Watched,
    over_limit,
)
from lab_helpers.local_aws.kit.clock import ManualClock
from tests.local_aws.ecs.kit import CLUSTER, Stand, eventually, shell

HOLD = 'import time; held = b"x" * ({mib} << 20); print(len(held), flush=True); time.sleep(60)'
TAKE = f"exec {shlex.quote(sys.executable)} -c '{HOLD}'"


class FakeMeter:
    """Tells what it was given, in MiB by session; counts the slow looks."""

    def __init__(self, resident: Mapping[int, int], shared_once: Mapping[int, int] | None = None) -> None:
        self.mib, self.mib_once = dict(resident), dict(shared_once or resident)
        self.looks = self.slow_looks = 0

    def resident(self, sessions: Collection[int]) -> Mapping[int, int]:
        self.looks += 1
        return {session: self.mib[session] * MIB for session in sessions}

    def shared_once(self, sessions: Collection[int]) -> Mapping[int, int]:
        self.slow_looks += 1
        return {session: self.mib_once[session] * MIB for session in sessions}


def _member(session: int, limit_mib: int, killed: list[str]) -> Member:
    name = f"c{session}"
    return Member(name, session, limit_mib * MIB, lambda: killed.append(name))


@pytest.mark.parametrize(
    ("limits_mib", "used_mib", "task_mib", "over"),
    [
        ((100, 0), (101, 900), 0, ["c0"]),
        ((100, 100), (101, 101), 150, ["c0", "c1"]),
        ((100, 0), (100, 900), 0, []),
        ((0, 0), (200, 313), 512, ["c1"]),
        ((0, 0), (200, 312), 512, []),
        ((), (), 1, []),
    ],
)
def test_who_is_over_the_limit(
    limits_mib: tuple[int, ...], used_mib: tuple[int, ...], task_mib: int, over: list[str]
) -> None:
    """All containers over their own limit; else the largest of a task over its limit. At the limit is not over it."""
    members = [_member(session, mib, []) for session, mib in enumerate(limits_mib)]
    used = {session: mib * MIB for session, mib in enumerate(used_mib)}
    assert [each.name for each in over_limit(members, used, task_mib * MIB)] == over


def test_shared_pages_count_once() -> None:
    """Who keeps a limit with shared pages counted once is left alone; the slow look is for doubt only."""
    killed: list[str] = []
    meter = FakeMeter({1: 300}, shared_once={1: 90})
    guard = MemoryGuard(ManualClock(), meter)
    guard.watch("t", Watched(0, lambda: [_member(1, 100, killed)]))
    guard.look()
    assert (killed, meter.slow_looks) == ([], 1)
    meter.mib[1] = 80
    guard.look()
    assert (killed, meter.slow_looks) == ([], 1)
    meter.mib[1], meter.mib_once[1] = 300, 101
    guard.look()
    assert killed == ["c1"]
    guard.stop()


def test_it_looks_while_a_task_is_watched() -> None:
    """Once every interval, not at all before the first task and after the last one is forgotten."""
    killed: list[str] = []
    clock, meter = ManualClock(), FakeMeter({1: 500})
    guard = MemoryGuard(clock, meter)
    guard.watch("t", Watched(400 * MIB, lambda: [_member(1, 0, killed)]))
    eventually(lambda: bool(clock._waiting), lambda: clock._waiting)
    assert meter.looks == 0
    clock.advance(INTERVAL_S)
    eventually(lambda: killed == ["c1"], lambda: killed)
    guard.forget("t")
    guard.forget("t")
    clock.advance(INTERVAL_S)
    guard.stop()
    guard.stop()
    assert killed == ["c1"]


@pytest.fixture
def session() -> Iterator[int]:
    """A session of two processes that hold 20 MiB each."""
    # One write each: what two processes print could mix.
    held = 'import os, time; held = b"x" * (20 << 20); os.write(1, b"1" + bytes([10])); time.sleep(60)'
    hold = f"{shlex.quote(sys.executable)} -c '{held}'"
    process = subprocess.Popen(["sh", "-c", f"{hold} & {hold} & wait"], start_new_session=True, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"1\n"] * 2
    yield process.pid
    os.killpg(process.pid, 9)
    process.wait()
    process.stdout.close()


def test_a_session_is_measured_with_its_children(session: int) -> None:
    """Both processes count; a session that is not there counts as 0."""
    meter = ProcessMeter()
    resident, once = (measured([session, 999_999_999]) for measured in (meter.resident, meter.shared_once))
    assert resident[session] > once[session] > 40 * MIB
    assert resident[999_999_999] == once[999_999_999] == 0


def test_a_container_over_its_hard_limit(stand: Stand) -> None:
    """It is killed, the reason says why, and the task ends with it."""
    arn = stand.run(stand.define(shell(TAKE.format(mib=200), memory=100), shell("sleep 60", "other")))
    task = stand.stopped(arn)
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    killed = next(each for each in task["containers"] if each["name"] == "sh")
    assert (killed["exitCode"], killed["reason"], killed["memory"]) == (137, OUT_OF_MEMORY, "100")
    assert next(each for each in task["containers"] if each["name"] == "other")["exitCode"] == 143


def test_a_reservation_is_no_limit(stand: Stand) -> None:
    """A container may have more than it reserved, as long as the task has it."""
    arn = stand.run(stand.define(shell(f"{TAKE.format(mib=100)}", memoryReservation=20)))
    stream = stand.stream_of(arn)
    eventually(lambda: stand.task(arn)["lastStatus"] == "RUNNING", lambda: stand.task(arn))
    eventually(lambda: bool(stand.messages("/test", stream)), lambda: stand.task(arn))
    container = stand.task(arn)["containers"][0]
    assert (container["memoryReservation"], "memory" in container) == ("20", False)
    stand.ecs.stop_task(cluster=CLUSTER, task=arn)
    assert "reason" not in stand.stopped(arn)["containers"][0]


def _reasons(stand: Stand, arn: str) -> dict[str, str]:
    return {each["name"]: each.get("reason", "") for each in stand.task(arn)["containers"]}


def test_a_task_over_its_limit_loses_the_largest(stand: Stand) -> None:
    """Without limits of their own, containers share the task's memory."""
    small = shell(TAKE.format(mib=100), "small", essential=False)
    large = shell(TAKE.format(mib=450), "large", essential=False)
    arn = stand.run(stand.define(small, large, shell("sleep 60")))
    eventually(lambda: _reasons(stand, arn)["large"] != "", lambda: stand.task(arn))
    stand.ecs.stop_task(cluster=CLUSTER, task=arn)
    stand.stopped(arn)
    told = _reasons(stand, arn)
    assert (told["large"], told["small"]) == (OUT_OF_MEMORY, "")


def test_a_run_may_have_other_limits(stand: Stand) -> None:
    """RunTask's overrides hold for that task."""
    definition = stand.define(shell(TAKE.format(mib=200)))
    arn = stand.run(definition, overrides={"containerOverrides": [{"name": "sh", "memory": 100}]})
    container = stand.stopped(arn)["containers"][0]
    assert (container["reason"], container["memory"]) == (OUT_OF_MEMORY, "100")
