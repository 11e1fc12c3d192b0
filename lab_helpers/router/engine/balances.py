"""Where the records are: what each output sent, dropped and is still owed, and what each input's chunks take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab_helpers.router.admin.storage_status import InputStatus
from lab_helpers.router.core.counters import Counters
from lab_helpers.router.engine.instances import InputInstance
from lab_helpers.router.engine.tasks import OutputInstance, Task, TaskBoard


def balance(
    inputs: Sequence[InputInstance],
    outputs: Sequence[OutputInstance],
    tasks: TaskBoard,
    counters: Counters,
    outputs_for: Callable[[str], Sequence[OutputInstance]],
) -> dict[str, dict[str, int]]:
    """Return, for each output, how many records it received, and how many of them were sent, dropped, are held now."""
    counted = counters.snapshot()["output"]
    held = dict.fromkeys((output.name for output in outputs), 0)
    received = {output.name: counters.routed[output.name] for output in outputs}
    for task in tasks.pending():
        for output in tasks.outputs_of(task):
            held[output.name] += task.chunk.count
    for instance in inputs:
        for tag, chunk in instance.open_chunks.items():
            for output in outputs_for(tag):
                held[output.name] += chunk.count
                received[output.name] += chunk.count
    return {
        name: {
            "received": received[name],
            "sent": counted[name]["proc_records"],
            "dropped": counted[name]["dropped_records"],
            "held": amount,
        }
        for name, amount in held.items()
    }


def storage_status(inputs: Sequence[InputInstance], tasks: Sequence[Task]) -> dict[str, InputStatus]:
    """Return what each input's chunks take: the open ones, and those that outputs have."""
    found = {
        one.name: InputStatus(one.mem_buf_limit, 0 < one.mem_buf_limit <= one.held_bytes, one.paused) for one in inputs
    }
    held = [(chunk, False) for one in inputs for chunk in one.open_chunks.values()]
    held += [(task.chunk, True) for task in tasks]
    for chunk, is_busy in held:
        if chunk.input_name in found:
            found[chunk.input_name].add(
                chunk.size_bytes, in_file=chunk.file is not None, is_up=chunk.is_up(), is_busy=is_busy
            )
    return found
