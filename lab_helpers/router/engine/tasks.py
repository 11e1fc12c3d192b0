"""Tasks: a chunk and what became of it at each output it is routed to.

Source: Fluent Bit 4.2.8's engine and scheduler: messages, retry counting, what ends a task.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lab_helpers.router.core.counters import Counters
from lab_helpers.router.core.log import Log
from lab_helpers.router.core.loop import Loop, Timer
from lab_helpers.router.core.retry import NO_RETRIES, RetryPolicy, may_retry
from lab_helpers.router.engine.pressure import Pressure
from lab_helpers.router.engine.workers import Worker
from lab_helpers.router.plugin import FlushResult
from lab_helpers.router.records.buffer import Chunk


@dataclass
class OutputInstance:
    """One [OUTPUT] section at work. `number` is its place in the configuration (out_id), `limit_bytes` its
    storage.total_limit_size (0: none)."""

    number: int
    plugin_name: str
    name: str
    matches: Callable[[str], bool]
    retry_limit: int
    output: Any
    worker: Worker
    limit_bytes: int = 0


@dataclass
class Task:
    """A chunk on its way: outputs that have it in hand, retries that are due, how often each was tried again."""

    number: int
    chunk: Chunk
    in_hand: set[int] = field(default_factory=set)
    waiting: dict[int, Timer] = field(default_factory=dict)
    attempts: dict[int, int] = field(default_factory=dict)

    def is_over(self) -> bool:
        """Whether no output has anything left to do with it."""
        return not self.in_hand and not self.waiting


class Numbers:
    """Hands out the lowest numbers that are free: a task's number, as the log shows it."""

    def __init__(self) -> None:
        self._next, self._free = 0, list[int]()

    def take(self) -> int:
        """Return the lowest free number."""
        if self._free:
            return heapq.heappop(self._free)
        self._next += 1
        return self._next - 1

    def give_back(self, number: int) -> None:
        """Let a number be handed out again."""
        heapq.heappush(self._free, number)


class TaskBoard:
    """All tasks of a router; everything here runs on the engine's thread except `finished`."""

    def __init__(
        self,
        loop: Loop,
        policy: RetryPolicy,
        counters: Counters,
        log: Log,
        pressure: Pressure,
        on_over: Callable[[Task], None],
    ) -> None:
        self._loop, self._policy, self._counters, self._log = loop, policy, counters, log
        self._pressure, self._on_over = pressure, on_over
        self._tasks: dict[str, Task] = {}
        self._numbers = Numbers()
        self._outputs: dict[int, OutputInstance] = {}
        self._random = random.Random()
        self.stopping = False
        self.on_settled: Callable[[], None] = lambda: None
        """Called when the result of a delivery has been counted."""

    def add_output(self, output: OutputInstance) -> None:
        """Make the output known."""
        self._outputs[output.number] = output

    def start(self, chunk: Chunk, outputs: list[OutputInstance]) -> None:
        """Hand the chunk to these outputs."""
        for output in outputs:
            if output.limit_bytes:
                self._make_room(output, chunk.size_bytes)
        task = self._tasks[chunk.name] = Task(self._numbers.take(), chunk)
        self._counters.stored += chunk.count
        for output in outputs:
            self._counters.routed[output.name] += chunk.count
            self._hand(task, output)

    def pending(self) -> list[Task]:
        """Return the tasks that are not over, oldest first."""
        return list(self._tasks.values())

    def only_wait(self) -> bool:
        """Whether no output has anything in hand: what is pending waits for its retry."""
        return not any(task.in_hand for task in self._tasks.values())

    def outputs_of(self, task: Task) -> list[OutputInstance]:
        """Return the outputs that a task still waits for."""
        return [self._outputs[number] for number in sorted({*task.in_hand, *task.waiting})]

    def finished(self, output: OutputInstance, chunk: Chunk, result: FlushResult) -> None:
        """Take note of a flush's result; called on the worker's thread."""
        self._pressure.remove(chunk.name, chunk.size_bytes)
        self._loop.hand_in(lambda: self._counted(output, chunk, result))

    def wait_turn(self, chunk: Chunk) -> None:
        """Let an output that is ahead of the others wait a little; called on its worker's thread."""
        if not self.stopping:
            self._pressure.wait_turn(chunk.name)

    def retry_now(self) -> None:
        """Put all waiting retries on the outputs' queues: the router stops."""
        self.stopping = True
        for task in self.pending():
            for number, timer in list(task.waiting.items()):
                timer.cancel()
                self._retry(task, self._outputs[number])

    def abandon(self) -> None:
        """Count what outputs are still owed as lost: no time is left. What lies in files waits for the next run."""
        for task in self.pending():
            if task.chunk.file is None:
                for output in self.outputs_of(task):
                    self._drop(task, output, "end of grace")
                task.in_hand.clear()
                task.waiting.clear()
                self._end_if_over(task)

    def _make_room(self, output: OutputInstance, more: int) -> None:
        """Drop the oldest chunks that wait for a retry at this output until the new one fits its limit."""
        mine = [task for task in self.pending() if output.number in task.in_hand or output.number in task.waiting]
        used = sum(task.chunk.size_bytes for task in mine) + more
        for task in mine:
            if used <= output.limit_bytes:
                return
            timer = task.waiting.pop(output.number, None)
            if timer is None:
                continue
            timer.cancel()
            used -= task.chunk.size_bytes
            self._drop(task, output, "storage limit")
            self._log.info(  # the reference drops it without a word
                f"[input chunk] chunk '{task.chunk.name}' dropped for output={output.name}: "
                f"storage.total_limit_size of {output.limit_bytes} bytes reached"
            )
            self._end_if_over(task)

    def _hand(self, task: Task, output: OutputInstance) -> None:
        task.in_hand.add(output.number)
        self._pressure.add(task.chunk.name, task.chunk.size_bytes)
        output.worker.submit(task.chunk)

    def _retry(self, task: Task, output: OutputInstance) -> None:
        task.waiting.pop(output.number, None)
        self._hand(task, output)

    def _counted(self, output: OutputInstance, chunk: Chunk, result: FlushResult) -> None:
        self._settle(output, chunk, result)
        self.on_settled()

    def _settle(self, output: OutputInstance, chunk: Chunk, result: FlushResult) -> None:
        task = self._tasks[chunk.name]
        task.in_hand.discard(output.number)
        if result is FlushResult.OK:
            self._sent(task, output)
        elif result is FlushResult.ERROR:
            self._count(output, errors=1)
            self._drop(task, output, "refused")
        else:
            self._failed(task, output)
        if not task.in_hand:
            chunk.forget_decoded()
            chunk.let_go()
        self._end_if_over(task)

    def _end_if_over(self, task: Task) -> None:
        if not task.is_over():
            return
        del self._tasks[task.chunk.name]
        self._numbers.give_back(task.number)
        if task.chunk.file is not None:
            task.chunk.file.delete()
        self._on_over(task)

    def _sent(self, task: Task, output: OutputInstance) -> None:
        chunk = task.chunk
        sent = chunk.count - chunk.unreadable
        self._count(output, proc_records=sent, proc_bytes=chunk.size_bytes, dropped_records=chunk.unreadable)
        self._counters.lose(output.name, chunk.unreadable, "unreadable")
        self._counters.add_route(chunk.input_name, output.name, records=sent, bytes=chunk.size_bytes)
        if chunk.unreadable:
            self._log.info(  # the reference says nothing
                f"[engine] chunk '{chunk.name}': {chunk.unreadable} of {chunk.count} records are no [time, map] and "
                f"were left out: {self._route(task, output)}"
            )
        retries = task.attempts.pop(output.number, 0)
        if retries:
            self._log.info(
                f"[engine] flush chunk '{chunk.name}' succeeded at retry {retries}: {self._route(task, output)}"
                f" (out_id={output.number})"
            )

    def _failed(self, task: Task, output: OutputInstance) -> None:
        attempts = task.attempts.get(output.number, 0)
        name, route = task.chunk.name, self._route(task, output)
        if output.retry_limit == NO_RETRIES:
            self._drop(task, output, "retry limit")
            self._log.info(
                f"[engine] chunk '{name}' is not retried (no retry config): {route} (out_id={output.number})"
            )
        elif not may_retry(output.retry_limit, attempts):
            self._count(output, retries_failed=1)
            self._drop(task, output, "retry limit")
            self._log.error(f"[engine] chunk '{name}' cannot be retried: {route}")
        else:
            task.attempts[output.number] = attempts + 1
            delay_s = self._policy.delay_s(attempts + 1, self.stopping, self._random)
            self._count(output, retries=1, retried_records=task.chunk.count)
            self._log.warn(
                f"[engine] failed to flush chunk '{name}', retry in {delay_s} seconds: {route} (out_id={output.number})"
            )
            task.waiting[output.number] = self._loop.call_after(delay_s, lambda: self._retry(task, output))

    def _drop(self, task: Task, output: OutputInstance, reason: str) -> None:
        """Count the chunk's records as lost for this output."""
        chunk = task.chunk
        self._counters.lose(output.name, chunk.count, reason)
        self._count(output, dropped_records=chunk.count)
        self._counters.add_route(chunk.input_name, output.name, drop_records=chunk.count, drop_bytes=chunk.size_bytes)

    def _route(self, task: Task, output: OutputInstance) -> str:
        return f"task_id={task.number}, input={task.chunk.input_name} > output={output.name}"

    def _count(self, output: OutputInstance, **amounts: int) -> None:
        self._counters.add("output", output.name, **amounts)
