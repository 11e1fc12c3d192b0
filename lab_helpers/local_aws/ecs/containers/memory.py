"""Memory limits: a container over its hard limit, or a task over its own, loses a container to SIGKILL.

`memory` of a container is a hard limit, `memoryReservation` a soft one (nothing is done about it), and a task's own
`memory` bounds all its containers together: of a task over that the largest container goes.
Source: "Task definition parameters" in the ECS developer guide; the wording is the ECS agent's OutOfMemoryError.
Not modelled: a kernel that acts at once (here every 250 ms, so a container may be over its limit for a moment); page
cache and kernel memory, which a cgroup counts; the kernel's choice of one process, where here the whole container
goes; swap; the sizes of Fargate's programs: the built-in router and httpd are Python programs (the router 20 MiB when
it is idle, 60 under load), so a hard limit that just holds Fluent Bit on Fargate may be too tight here.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import psutil

from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.rounds import Rounds

log = logging.getLogger(__name__)

INTERVAL_S = 0.25
MIB = 1 << 20
OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"
"""Source: ErrorName and Error of OutOfMemoryError in the ECS agent's dockerapi/errors.go."""


@dataclass(frozen=True)
class Member:
    """A running container: its process session, its hard limit in bytes (0: none), and how to kill it."""

    name: str
    session: int
    limit_bytes: int
    kill: Callable[[], None]


@dataclass(frozen=True)
class Watched:
    """A task: the bytes that all its containers may have together (0: any), and those that run now."""

    limit_bytes: int
    members: Callable[[], Collection[Member]]


class Meter(Protocol):
    """Measures process sessions; a session that has ended counts as 0."""

    def resident(self, sessions: Collection[int]) -> Mapping[int, int]:
        """Return the resident bytes of each session; pages that its processes share count for each of them."""

    def shared_once(self, sessions: Collection[int]) -> Mapping[int, int]:
        """Return the bytes of each session with shared pages counted once; slower."""


def over_limit(members: Collection[Member], used_bytes: Mapping[int, int], task_limit_bytes: int) -> list[Member]:
    """Return the containers to kill: all over their own limit; else the largest, if the task is over its limit."""
    over = [each for each in members if 0 < each.limit_bytes < used_bytes.get(each.session, 0)]
    total = sum(used_bytes.get(each.session, 0) for each in members)
    if over or not members or not 0 < task_limit_bytes < total:
        return over
    return [max(members, key=lambda each: used_bytes.get(each.session, 0))]


class MemoryGuard:
    """Owns one thread that measures all watched tasks every INTERVAL_S, while there are any."""

    def __init__(self, clock: Clock, meter: Meter | None = None) -> None:
        self._clock, self._meter = clock, meter or ProcessMeter()
        self._watched: dict[str, Watched] = {}
        self._next_look_s = 0.0
        self._rounds = Rounds("ecs-memory", clock, self._go_round, self._due_in_s)
        self._changed = self._rounds.changed

    def watch(self, task_id: str, watched: Watched) -> None:
        """Hold a task to its limits from now on."""
        with self._changed:
            if not self._watched:
                self._next_look_s = self._clock.monotonic() + INTERVAL_S
            self._watched[task_id] = watched
            self._changed.notify_all()
        self._rounds.start()

    def forget(self, task_id: str) -> None:
        """Leave a task alone; one that is not watched is no error."""
        with self._changed:
            self._watched.pop(task_id, None)

    def watched(self) -> Mapping[str, Watched]:
        """Return the tasks that are held to their limits now, by id."""
        with self._changed:
            return dict(self._watched)

    def stop(self) -> None:
        """End the thread; nothing is held to its limits any more."""
        self._rounds.stop()

    def look(self) -> None:
        """Measure once, and kill what is over its limit."""
        with self._changed:
            tasks = [(watched.limit_bytes, watched.members()) for watched in self._watched.values()]
        sessions = {member.session for _, members in tasks for member in members}
        used = self._meter.resident(sessions) if sessions else {}
        for limit, members in tasks:
            if over_limit(members, used, limit):
                self._look_closer(limit, members)

    def _look_closer(self, task_limit_bytes: int, members: Collection[Member]) -> None:
        used = self._meter.shared_once([each.session for each in members])
        for each in over_limit(members, used, task_limit_bytes):
            log.info("%s has %s MiB: over its limit, or its task's.", each.name, used[each.session] // MIB)
            each.kill()

    def _go_round(self) -> None:
        try:
            self.look()
        finally:  # a look takes its time: the next is INTERVAL_S after its end
            self._next_look_s = self._clock.monotonic() + INTERVAL_S

    def _due_in_s(self) -> float | None:
        """Return the seconds until the next look, None while there is no task to look at."""
        return self._next_look_s - self._clock.monotonic() if self._watched else None


class ProcessMeter:
    """Processes of this machine: a container is the session that its first process leads."""

    def resident(self, sessions: Collection[int]) -> Mapping[int, int]:
        return _sums(sessions, lambda process: int(process.memory_info().rss))

    def shared_once(self, sessions: Collection[int]) -> Mapping[int, int]:
        return _sums(sessions, _share)


def _sums(sessions: Collection[int], measure: Callable[[psutil.Process], int]) -> dict[int, int]:
    found = dict.fromkeys(sessions, 0)
    for pid in psutil.pids():
        try:
            session = os.getsid(pid)
            if session in found:
                found[session] += measure(psutil.Process(pid))
        except (OSError, psutil.Error):  # it has ended, or is not ours to look at
            continue
    return found


def _share(process: psutil.Process) -> int:
    """Return a process's own pages and its share of the others (where the system does not tell: its own pages)."""
    try:
        info = process.memory_full_info()
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    return int(getattr(info, "pss", info.uss))
