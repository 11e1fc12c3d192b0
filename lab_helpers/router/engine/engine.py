"""The engine: build a pipeline from a configuration, run it, drain it.

Everything but the outputs' flushes happens on one thread, in the loop. A batch goes input -> filters (by tag) -> open
chunk of (input, tag) -> task at each matching output, by the flush timer or when the chunk is full.
Source: Fluent Bit 4.2.8. Not modelled: hot reload, conditional routes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab_helpers.router.config.config_text import Configuration
from lab_helpers.router.core.counters import OUTPUT_COUNTERS, Counters
from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.retry import RetryPolicy
from lab_helpers.router.core.service import PASSES_WAITS, Service
from lab_helpers.router.engine.assembly import Hooks, assemble, open_input
from lab_helpers.router.engine.balances import balance, storage_status
from lab_helpers.router.engine.chunk_maker import ChunkMaker
from lab_helpers.router.engine.instances import FilterInstance, InputInstance
from lab_helpers.router.engine.ledger import LedgerFile, is_whole, ledger, sentence
from lab_helpers.router.engine.pressure import Pressure, pause_if_over, resume_if_below
from lab_helpers.router.engine.tasks import OutputInstance, Task, TaskBoard
from lab_helpers.router.records.batch import Batch

if TYPE_CHECKING:
    from lab_helpers.router.streams.processor import StreamProcessor

BACKLOG = "storage_backlog"
# the input that hands out what an earlier run has left
LEDGER_S, LEDGER_GAP_S = 0.5, 0.01
# how old a ledger may be
GRACE_TICK_S = 1.0
# so even an idle router takes a second to end, as the reference does: timers of outputs run on meanwhile


class Engine:
    """One router. `build` may raise ConfigError (exit 1) or InitError (exit 255); then `start`, `loop.run`, `close`."""

    def __init__(self, configuration: Configuration, service: Service, loop: Loop | None = None) -> None:
        self.configuration, self.service = configuration, service
        self.loop = loop or Loop()
        self.counters = Counters()
        self.log = ComponentLog(service.sink)
        self.inputs: list[InputInstance] = []
        self.filters: list[FilterInstance] = []
        self.outputs: list[OutputInstance] = []
        self.loop.on_error = self._tell_bug
        self._chunks = ChunkMaker(service)
        self._pressure = Pressure()
        policy = RetryPolicy(service.retry_base_s, service.retry_cap_s)
        self.tasks = TaskBoard(self.loop, policy, self.counters, self.log, self._pressure, self._task_over)
        self._filters_by_tag: dict[str, list[FilterInstance]] = {}
        self._outputs_by_tag: dict[str, list[OutputInstance]] = {}
        self._grace_ticks = 0
        self.exit_code = 0
        self._http: Any = None
        self.stopping = False
        self._ledger_file: LedgerFile | None = None
        self._ledger_at, self._is_ledger_due = 0.0, False
        self._streams: StreamProcessor | None = None

    def build(self) -> None:
        """Make all instances. Raises ConfigError, InitError."""
        tasks = self.tasks
        hooks = Hooks(
            self.ingest, tasks.wait_turn, tasks.finished, self._add_input, self.exit_with, lambda: self.stopping,
            self.counters.lose,
        )  # fmt: skip
        assembly = assemble(self.configuration, self.service, self.loop, hooks)
        self.filters, self.outputs = assembly.filters, assembly.outputs
        for instance in assembly.inputs:
            self._add_input(instance)
        for one in self.filters:
            self.counters.declare("filter", one.name, "drop_records", "add_records", "records")
        for output in self.outputs:
            self.tasks.add_output(output)
            self.counters.declare("output", output.name, *OUTPUT_COUNTERS)

    def start(self) -> None:
        """Open the inputs and start the flush timer. Raises InitError."""
        for instance in self.inputs:
            if instance.source is not None:
                open_input(instance, instance.source, self.service)
        self._load_left_over()
        self._start_streams()
        self.loop.call_every(self.service.flush_s, self.flush)
        if self.service.http_server:
            self._start_http()
        grace = self.service.grace_s
        self.log.info(f"[engine] Shutdown Grace Period={grace}, Shutdown Input Grace Period={grace // 2}")
        self._write_ledger("running")

    def _start_streams(self) -> None:
        """Start the stream processor where there are tasks; where it cannot start, the router goes on without."""
        if not self.service.streams_file and not self.configuration.of_kind("stream_processor"):
            return
        from lab_helpers.router.streams.processor import TICK_S, StreamProcessor, StreamsError  # only for tasks
        from lab_helpers.router.streams.tasks_file import given_tasks

        try:
            own, of_file = given_tasks(self.configuration, self.service, self.log)
            self._streams = StreamProcessor(own, of_file, self.inputs, self.ingest, self.log)
        except StreamsError:
            self.log.error("[sp] could not initialize stream processor")
            self.log.error("[engine] could not initialize stream processor")
            return
        for instance in self._streams.inputs:
            self._add_input(instance)
        self.loop.call_every(TICK_S, self._streams.put_in)

    def keep_ledger(self, path: str) -> None:
        """Have the ledger written to this file: as soon as all inputs are open, then whenever it changes, and last."""
        self._ledger_file = LedgerFile(path)
        self.loop.call_every(LEDGER_S, self._renew_ledger)
        # at once: what a kill takes along is what was not delivered, and not what was not written down yet
        self.tasks.on_settled = self._renew_ledger_after_delivery

    def ledger(self, state: str) -> dict[str, Any]:
        """Return where every record is (ledger.py)."""
        return ledger(state, self.inputs, self.counters, self.balance())

    def _renew_ledger(self) -> None:
        self._ledger_at, self._is_ledger_due = self.loop.clock(), False
        self._write_ledger("stopping" if self.stopping else "running")

    def _renew_ledger_after_delivery(self) -> None:
        if self.loop.clock() - self._ledger_at >= LEDGER_GAP_S:
            self._renew_ledger()
        elif not self._is_ledger_due:
            self._is_ledger_due = True
            self.loop.call_after(LEDGER_GAP_S, self._renew_ledger)

    def _write_ledger(self, state: str) -> None:
        if self._ledger_file is not None:
            self._ledger_file.write(self.ledger(state))

    def _add_input(self, instance: InputInstance) -> None:
        self.inputs.append(instance)
        self.counters.declare("input", instance.name, "records", "bytes")

    def _start_http(self) -> None:
        from lab_helpers.router.admin.http_pages import Pages  # only where it is switched on
        from lab_helpers.router.admin.http_server import HttpServer

        pages = Pages(
            self.service, self.counters, self.balance, lambda: storage_status(self.inputs, self.tasks.pending())
        )
        self._http = HttpServer(self.service, self.loop, pages)
        self._http.start()

    def balance(self) -> dict[str, dict[str, int]]:
        """Return, for each output, records received, sent, dropped and held (balances.py)."""
        return balance(self.inputs, self.outputs, self.tasks, self.counters, self._outputs_for)

    # running

    def ingest(self, instance: InputInstance, tag: str, batch: Batch) -> bool:
        """Take a batch from an input: filter, buffer, and start what is full. Returns whether the input may go on."""
        self.counters.add("input", instance.name, records=batch.count)
        self._filter(tag, batch)
        if self._streams is not None and batch.count:
            self._streams.take(instance, tag, batch)
        outputs = self._outputs_for(tag) if instance.routable else []
        if not outputs:
            self.counters.unrouted += batch.count
        if not batch.count or not outputs:
            return not instance.paused
        chunk = instance.open_chunks.get(tag)
        if chunk is None:
            chunk = instance.open_chunks[tag] = self._chunks.new(tag, instance)
        size = self._chunks.add(chunk, batch)
        instance.held_bytes += size
        self.counters.add("input", instance.name, bytes=size)
        if chunk.is_full():
            del instance.open_chunks[tag]
            self.tasks.start(chunk, outputs)
            self._pressure.wait_to_read(instance.limit_bytes)
        pause_if_over(instance, size, self.log)
        return not instance.paused

    def _load_left_over(self) -> None:
        """Start tasks for the chunks of an earlier run."""
        if not self.service.storage_path:
            return
        backlog = InputInstance(BACKLOG, f"{BACKLOG}.{len(self.inputs)}")
        self._add_input(backlog)
        log = ComponentLog(self.service.sink, f"[input:{BACKLOG}:{backlog.name}]")
        for chunk in self._chunks.left_over(backlog.name, log):
            outputs = self._outputs_for(chunk.tag)
            if not outputs:
                continue  # stays in its file
            backlog.held_bytes += chunk.size_bytes
            self.counters.add("input", backlog.name, records=chunk.count, bytes=chunk.size_bytes)
            self.tasks.start(chunk, outputs)

    def flush(self) -> None:
        """Start a task for every open chunk."""
        for instance in list(self.inputs):
            chunks, instance.open_chunks = instance.open_chunks, {}
            for tag, chunk in chunks.items():
                self.tasks.start(chunk, self._outputs_for(tag))

    def _tell_bug(self, exc: Exception) -> None:
        self.log.error(f"[engine] internal error: {type(exc).__name__}: {exc}")

    def _filter(self, tag: str, batch: Batch) -> None:
        steps = self._filters_by_tag.get(tag)
        if steps is None:
            steps = self._filters_by_tag[tag] = [one for one in self.filters if one.matches(tag)]
        for one in steps:
            before = batch.count
            self.counters.add("filter", one.name, records=before)
            try:
                one.step.filter_batch(tag, batch)
            except Exception as exc:  # a bug in a filter must not cost records, or the router
                self.log.error(f"[filter:{one.name}] internal error, records go on as they are: "
                               f"{type(exc).__name__}: {exc}")  # fmt: skip
            if batch.count != before:
                amount = before - batch.count
                self.counters.add("filter", one.name, **{("drop" if amount > 0 else "add") + "_records": abs(amount)})
            if not batch.count:
                return

    def _outputs_for(self, tag: str) -> list[OutputInstance]:
        outputs = self._outputs_by_tag.get(tag)
        if outputs is None:
            outputs = self._outputs_by_tag[tag] = [one for one in self.outputs if one.matches(tag)]
        return outputs

    def _task_over(self, task: Task) -> None:
        instance = next((one for one in self.inputs if one.name == task.chunk.input_name), None)
        if instance is not None:
            instance.held_bytes -= task.chunk.size_bytes
            if not self.stopping:
                resume_if_below(instance, self.log)

    # draining

    def request_stop(self) -> None:
        """Begin to drain: no more input, everything flushed, at most Grace seconds; then the loop ends."""
        if self.stopping:
            return
        self.stopping = True
        grace = self.service.grace_s
        limit = f"in max {grace} seconds" if grace >= 0 else "when all remaining tasks are flushed"
        self.log.warn(f"[engine] service will shutdown {limit}")
        self.log.info("[engine] pausing all inputs..")
        for instance in self.inputs:
            if instance.source is not None or instance.plugin_name == BACKLOG:
                self.log.info(f"[input] pausing {instance.name}")
            if instance.source is not None:
                instance.source.stop()
        for one in self.filters:
            one.step.stop()
        self.tasks.retry_now()
        self._flush_streams()
        self.flush()
        self.loop.call_every(GRACE_TICK_S, self._grace_tick)
        if self.service.environment.get(PASSES_WAITS):
            self.loop.passes_waits = self.tasks.only_wait

    def _flush_streams(self) -> None:
        if self._streams is not None:
            self._streams.drain()

    def exit_with(self, exit_code: int) -> None:
        """Drain and end with this exit code (filter expect)."""
        self.exit_code = exit_code
        self.loop.hand_in(self.request_stop)

    def _grace_tick(self) -> None:
        self._grace_ticks += 1
        self._flush_streams()
        self.flush()  # what a filter gave back late
        pending = self.tasks.pending()
        if pending:
            in_files = sum(task.chunk.file is not None for task in pending)
            self.log.info(f"[engine] pending chunk count: memory={len(pending) - in_files}, filesystem={in_files}; "
                          f"grace_timer={self._grace_ticks}")  # fmt: skip
            self._print_pending(pending)
        is_late = 0 <= self.service.grace_s <= self._grace_ticks
        if not pending or is_late:
            self._end(len(pending))

    def _end(self, pending: int) -> None:
        self.log.info(f"[engine] service has stopped ({pending} pending tasks)")
        self.loop.stop()

    def _print_pending(self, pending: list[Task]) -> None:
        for instance in self.inputs:
            own = [task for task in pending if task.chunk.input_name == instance.name]
            self.log.info(f"[task] {instance.plugin_name}/{instance.name} has {len(own)} pending task(s):")
            for task in own:
                routes = "".join(f"{one.plugin_name}/{one.name} " for one in self.tasks.outputs_of(task))
                self.log.info(f"[task]   task_id={task.number} still running on route(s): {routes}")

    def close(self) -> None:
        """Stop inputs and workers, let outputs deliver what they hold; safe twice."""
        for instance in self.inputs:
            if instance.source is not None:
                instance.source.stop()
        for one in self.outputs:
            if one.worker.stop(0.2):
                one.output.stop()
        self.loop.run_handed_in()  # what workers have done since the last turn
        self.tasks.abandon()
        self._close_ledger()
        if self._http is not None:
            self._http.stop()
        self.loop.close()

    def _close_ledger(self) -> None:
        if self._ledger_file is None:
            return
        found = self.ledger("ended")
        (self.log.info if is_whole(found) else self.log.warn)(sentence(found))
        self._ledger_file.write(found)
        self._ledger_file = None
