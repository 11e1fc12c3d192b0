"""The ledger: where every record of this router is, as the lab's local ECS asks for it (`--ledger FILE`).

    {"state": "running" | "stopping" | "ended",
     "inputs":   {NAME: {"records": N, "lost": {REASON: N}}},
     "filters":  {"added": N, "removed": N},
     "unrouted": N, "stored": N,
     "outputs":  {NAME: {"received": N, "sent": N, "dropped": N, "held": N, "lost": {REASON: N}}}}

Records of all inputs + added - removed = unrouted + stored; of each output received = sent + dropped + held. Reasons:
`paused input`, `no tag`, `too long`, `unreadable` (inputs); `retry limit`, `refused`, `storage limit`, `unreadable`,
`end of grace` (outputs). An input's `lost` comes on top of its `records`; what a filter keeps for a while (multiline)
counts as removed until it is added again.
Not counted: what an output leaves out of a chunk that it delivers (a record over the service's limit), as in the
reference; the log says it.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from lab_helpers.router.core.counters import Counters
from lab_helpers.router.engine.instances import InputInstance

Balance = Mapping[str, Mapping[str, int]]


def ledger(state: str, inputs: Sequence[InputInstance], counters: Counters, balance: Balance) -> dict[str, Any]:
    """Return the ledger of this moment. `balance` is engine/balances.py's."""
    counted = counters.snapshot()
    filters = counted["filter"].values()
    waiting = sum(chunk.count for one in inputs for chunk in one.open_chunks.values())
    return {
        "state": state,
        "inputs": {
            name: {"records": values.get("records", 0), "lost": counters.losses_of(name)}
            for name, values in counted["input"].items()
        },
        "filters": {
            "added": sum(one.get("add_records", 0) for one in filters),
            "removed": sum(one.get("drop_records", 0) for one in filters),
        },
        "unrouted": counters.unrouted,
        "stored": counters.stored + waiting,
        "outputs": {name: {**values, "lost": counters.losses_of(name)} for name, values in balance.items()},
    }


def sentence(found: Mapping[str, Any]) -> str:
    """Return a ledger as one line of the router's log."""
    read = sum(one["records"] for one in found["inputs"].values())
    parts = [f"read {read}", *_reasons(found["inputs"], " lost before")]
    for name, one in found["outputs"].items():
        why = ", ".join(f"{reason} {count}" for reason, count in one["lost"].items())
        told = f"{name}: {one['received']} to deliver, {one['sent']} sent, {one['dropped']} dropped"
        parts.append(f"{told}{f' ({why})' if why else ''}, {one['held']} held")
    return "[engine] records: " + "; ".join(parts)


def is_whole(found: Mapping[str, Any]) -> bool:
    """Whether nothing was lost, and nothing is held that this router will not send any more."""
    outputs = found["outputs"].values()
    return not any(one["dropped"] or one["held"] for one in outputs) and not _reasons(found["inputs"], "")


def _reasons(instances: Mapping[str, Any], word: str) -> list[str]:
    return [
        f"{count}{word} ({name}, {reason})" for name, one in instances.items() for reason, count in one["lost"].items()
    ]


class LedgerFile:
    """The file that somebody outside reads: written anew when there is news, never half."""

    def __init__(self, path: str) -> None:
        self._path, self._written = path, b""

    def write(self, found: Mapping[str, Any]) -> None:
        """Put the ledger there; a disk that is full, or a folder that has gone, keeps the last one."""
        data = json.dumps(found).encode()
        if data == self._written:
            return
        beside = f"{self._path}.new"
        with contextlib.suppress(OSError):
            with open(beside, "wb") as file:
                file.write(data)
            os.replace(beside, self._path)
            self._written = data
