"""CPUUtilization and MemoryUtilization of services, as ECS publishes them (namespace AWS/ECS).

Each task of a service gives one value, so that a metric's average is the service's, and its maximum the busiest task's.
Source: "Amazon ECS CloudWatch metrics": percent of what the task definition reserves.
Not modelled: metrics of clusters, which are of the EC2 launch type; Container Insights; processor time of a process
that ended between two looks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping

import psutil

from lab_helpers.local_aws.ecs.containers.memory import MIB, Meter, Watched
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.spec import mib_or_units
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.kit.metrics import Metric, Sample

NAMESPACE = "AWS/ECS"
CPU_UNITS = 1024
"""Of one vCPU."""


class Utilisation:
    """Measures tasks; `watched` gives the running ones by id, `task_of` their records, `busy_s` processor time."""

    def __init__(
        self,
        clock: Clock,
        meter: Meter,
        watched: Callable[[], Mapping[str, Watched]],
        task_of: Callable[[str], Task | None],
        busy_s: Callable[[Collection[int]], Mapping[int, float]] | None = None,
    ) -> None:
        self._clock, self._meter, self._watched, self._task_of = clock, meter, watched, task_of
        self._busy_s = busy_s or processor_seconds
        self._before: dict[int, float] = {}
        self._looked_at_s = clock.monotonic()

    def sample(self) -> Iterable[Sample]:
        """Measure the tasks of services since the last look."""
        sessions = {
            id_: [member.session for member in watched.members()] for id_, watched in self._watched().items()
        }  # fmt: skip
        everything = [session for some in sessions.values() for session in some]
        now_s = self._clock.monotonic()
        passed_s, self._looked_at_s = now_s - self._looked_at_s, now_s
        if not everything or passed_s <= 0:
            return []
        busy, resident = self._busy_s(everything), self._meter.resident(everything)
        # A session seen for the first time began since: all its time counts.
        grown = {session: max(0.0, busy.get(session, 0.0) - self._before.get(session, 0.0)) for session in everything}
        self._before = dict(busy)
        found: list[Sample] = []
        for id_, some in sessions.items():
            task = self._task_of(id_)
            if task is not None and task.service:
                cpu = sum(grown[session] for session in some) / passed_s
                found += _samples(task, cpu, sum(resident.get(session, 0) for session in some))
        return found


def processor_seconds(sessions: Collection[int]) -> dict[int, float]:
    """Return the processor time, in seconds, that each session's living processes have used."""
    found = dict.fromkeys(sessions, 0.0)
    for pid in psutil.pids():
        try:
            session = os.getsid(pid)
            if session in found:
                times = psutil.Process(pid).cpu_times()
                found[session] += times.user + times.system
        except (OSError, psutil.Error):  # it has ended, or is not ours to look at
            continue
    return found


def _samples(task: Task, vcpus: float, resident_bytes: int) -> Iterable[Sample]:
    dimensions = (("ClusterName", task.cluster_name), ("ServiceName", task.service))
    units = mib_or_units(task.spec.cpu) or sum(container.cpu for container in task.spec.containers)
    mib = task.spec.task_memory_mib or sum(c.memory_mib or c.reserved_mib for c in task.spec.containers)
    for name, used, reserved in (
        ("CPUUtilization", vcpus, units / CPU_UNITS), ("MemoryUtilization", resident_bytes / MIB, mib),
    ):  # fmt: skip
        if reserved:
            yield task.region, Metric(NAMESPACE, name, "Percent", dimensions), 100 * used / reserved
