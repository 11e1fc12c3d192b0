"""What became of a task's log lines, from the containers' pipes to the router's outputs: every loss is told.

    printed  = handed + dropped_by_driver + held_by_driver
    handed   = read + unread           (unread: in the socket; once the router has ended, lost there)
    OUTPUT: received = sent + dropped + held

`printed`, `handed` and what drivers dropped or hold are the awsfirelens drivers' own figures (lines, or parts of long
ones). The rest is the router's (`--ledger`, lab_helpers/router/engine/ledger.py): `read` on the drivers' socket, what a
filter removed or added, what no output wanted, and the balance of each output with the reasons of its losses. The real
Fluent Bit keeps no such account: its `/api/v1/metrics` is asked where its configuration opens it, and only while it
runs; what it does not say is `None` and shown as "not counted".
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

DRIVERS_INPUT = "forward.0"
"""The router's input on the drivers' socket: the first of a generated configuration."""
HEALTHCHECK_OUTPUT = "null.0"
"""Takes the health check's records, in every generated configuration."""
MOST_SHOWN = 20
ENDED, KILLED, METRICS = "ended", "killed", "metrics only"
"""`router` of a TaskLedger, beside "running", "stopping" and "not counted"."""


@dataclass(frozen=True)
class OutputLedger:
    """One output's share; `lost` says why records were dropped, by reason. None: not counted."""

    received: int | None
    sent: int
    dropped: int
    held: int | None
    lost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskLedger:
    """One task's lines; `router` is the state of the router's account, None is what it does not say."""

    printed: int
    handed: int
    dropped_by_driver: int
    held_by_driver: int
    router: str
    read: int | None = None
    unread: int | None = None
    removed: int = 0
    added: int = 0
    unrouted: int = 0
    lost_by_input: Mapping[str, int] = field(default_factory=dict)
    outputs: Mapping[str, OutputLedger] = field(default_factory=dict)

    @property
    def losses(self) -> dict[str, int]:
        """Return what is lost for good, by place and reason; empty when nothing is."""
        found = {"log driver: buffer full, or no router": self.dropped_by_driver}
        found |= {f"router's input: {reason}": count for reason, count in self.lost_by_input.items()}
        if self.router in (ENDED, KILLED) and self.unread:
            found["in the socket: closed unread"] = self.unread
        for name, output in self.outputs.items():
            found |= {f"{name}: {reason}": count for reason, count in output.lost.items()}
            if self.router == KILLED and output.held:
                found[f"{name}: killed with it"] = output.held
        return {place: count for place, count in found.items() if count}

    def sentence(self) -> str:
        """Return the losses as a sentence; "" when nothing is lost."""
        if not self.losses:
            return ""
        places = "; ".join(f"{count} ({place})" for place, count in self.losses.items())
        return f"Log records lost, of {self.printed} lines printed: {places}."

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it, with `losses`; what is not counted says so."""
        shown = asdict(self)
        shown |= {key: "not counted" for key in ("read", "unread") if shown[key] is None}
        for output in shown["outputs"].values():
            output |= {key: "not counted" for key in ("received", "held") if output[key] is None}
        return {**shown, "losses": self.losses}


def task_ledger(drivers: Iterable[Mapping[str, int]], router: Mapping[str, Any] | None, *, ended: bool) -> TaskLedger:
    """Return the ledger of one task from its drivers' counters and its router's own ledger (None: it keeps none).

    `ended`: the router has ended; one whose ledger does not say so was killed.
    """
    counted = list(drivers)
    printed, handed, dropped, held = (
        sum(each[name] for each in counted) for name in ("received", "sent", "dropped", "held")
    )
    if router is None:
        return TaskLedger(printed, handed, dropped, held, "not counted")
    socket = router["inputs"].get(DRIVERS_INPUT, {"records": 0, "lost": {}})
    lost: Counter[str] = Counter()
    for one in router["inputs"].values():
        lost.update(one["lost"])
    read = socket["records"] + sum(socket["lost"].values())
    state = str(router["state"])
    is_killed = ended and state not in (ENDED, METRICS)
    return TaskLedger(
        printed,
        handed,
        dropped,
        held,
        KILLED if is_killed else state,
        read=read,
        unread=max(0, handed - read),
        removed=router["filters"]["removed"],
        added=router["filters"]["added"],
        unrouted=router["unrouted"],
        lost_by_input=dict(lost),
        outputs={name: OutputLedger(**one) for name, one in router["outputs"].items() if name != HEALTHCHECK_OUTPUT},
    )


def joined(earlier: Iterable[Mapping[str, Any]], router: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the ledger of a router that was started again: what each earlier run held when it ended is lost."""
    for run in earlier:
        router = run if router is None else _added(run, router)
    return router


def _added(earlier: Mapping[str, Any], router: Mapping[str, Any]) -> dict[str, Any]:
    old, new = earlier["outputs"], router["outputs"]
    return {
        **router,
        "inputs": {
            name: _sums(earlier["inputs"].get(name, {}), router["inputs"].get(name, {}))
            for name in {**earlier["inputs"], **router["inputs"]}
        },
        "filters": _sums(earlier["filters"], router["filters"]),
        "unrouted": earlier["unrouted"] + router["unrouted"],
        "outputs": {name: _sums(_as_killed(old.get(name, {})), new.get(name, {})) for name in {**old, **new}},
    }


def _as_killed(output: Mapping[str, Any]) -> Mapping[str, Any]:
    held = output.get("held")
    if not held:
        return output
    lost = Counter(output["lost"]) + Counter({"killed with it": held})
    return {**output, "held": 0, "dropped": output["dropped"] + held, "lost": dict(lost)}


def _sums(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Add figures by name, those below `lost` too; a figure that one of both does not know is None."""
    found: dict[str, Any] = {}
    for name in {**first, **second}:
        one, other = first.get(name, 0), second.get(name, 0)
        if name == "lost":
            found[name] = dict(Counter(one or {}) + Counter(other or {}))
        else:
            found[name] = None if one is None or other is None else one + other
    return found


def summary(tasks: Mapping[str, TaskLedger], groups: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what `lab status` shows: totals over all tasks, and the accounts, oldest task first.

    `groups` has the tasks' groups (`service:NAME`) by task id: each group has totals of its own, and the ids shown.
    A task that has ended and lost nothing is shown while it is among the last `MOST_SHOWN` only.
    """
    ended = [task_id for task_id, each in tasks.items() if each.router in (ENDED, KILLED)]
    quiet = {task_id for task_id in ended[:-MOST_SHOWN] if not tasks[task_id].losses}
    shown = {task_id: each for task_id, each in tasks.items() if task_id not in quiet}
    members: dict[str, list[str]] = {}
    for task_id in tasks:
        members.setdefault((groups or {}).get(task_id, ""), []).append(task_id)
    return {
        "tasks": {task_id: each.as_dict() for task_id, each in shown.items()},
        "totals": _totals(tasks.values()),
        "groups": {
            group: {"totals": _totals(tasks[each] for each in ids), "tasks": [each for each in ids if each in shown]}
            for group, ids in members.items()
        },
    }


def _totals(ledgers: Iterable[TaskLedger]) -> dict[str, int]:
    tasks = list(ledgers)
    names = ("printed", "handed", "dropped_by_driver", "held_by_driver", "read", "unread")
    totals = {name: sum(getattr(each, name) or 0 for each in tasks) for name in names}
    outputs = [output for each in tasks for output in each.outputs.values()]
    totals |= {name: sum(getattr(each, name) or 0 for each in outputs) for name in ("received", "sent", "held")}
    return {**totals, "lost": sum(sum(each.losses.values()) for each in tasks)}


def ledger_of_metrics(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the real Fluent Bit's `/api/v1/metrics` says, in the form of a router's ledger."""
    filters = metrics.get("filter", {}).values()
    return {
        "state": METRICS,
        "inputs": {name: {"records": one["records"], "lost": {}} for name, one in metrics.get("input", {}).items()},
        "filters": {
            "added": sum(one.get("add_records", 0) for one in filters),
            "removed": sum(one.get("drop_records", 0) for one in filters),
        },
        "unrouted": 0,
        "outputs": {name: _output_of_metrics(one) for name, one in metrics.get("output", {}).items()},
    }


def _output_of_metrics(one: Mapping[str, int]) -> dict[str, Any]:
    dropped = one.get("dropped_records", 0)
    lost = {"given up by the router": dropped} if dropped else {}
    return {"received": None, "sent": one["proc_records"], "dropped": dropped, "held": None, "lost": lost}


def read_ledger(path: Path) -> dict[str, Any] | None:
    """Return what a router wrote; None where there is nothing (yet)."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
