"""The engine: build a pipeline from a configuration, run it, drain it.

Everything but the outputs' flushes happens on one thread, in the loop. A batch goes input -> filters (by tag) -> open
chunk of (input, tag) -> task at each matching output, by the flush timer or when the chunk is full.
Source: Fluent Bit 4.2.8. Not modelled: processors, stream processor, hot reload, conditional routes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_helpers.local_aws.router.buffer import Chunk, chunk_from_file
from lab_helpers.local_aws.router.config_text import Configuration
from lab_helpers.local_aws.router.counters import Counters
from lab_helpers.local_aws.router.log import ComponentLog
from lab_helpers.local_aws.router.loop import Loop
from lab_helpers.local_aws.router.options import to_size
from lab_helpers.local_aws.router.pipeline import Declared, InitError, declare, matches, read_options
from lab_helpers.local_aws.router.plugin import (
    FilterContext,
    InputContext,
    OutputContext,
    PluginInitError,
    PluginKind,
)
from lab_helpers.local_aws.router.pressure import Pressure
from lab_helpers.local_aws.router.record import Batch, Record
from lab_helpers.local_aws.router.retry import RetryPolicy, parse_limit
from lab_helpers.local_aws.router.service import Service
from lab_helpers.local_aws.router.storage import ChunkFile, left_over
from lab_helpers.local_aws.router.tasks import OutputInstance, Task, TaskBoard
from lab_helpers.local_aws.router.workers import Worker

HIGH_BYTES = 12 * 1024 * 1024
# msgpack bytes in the outputs' hands above which reading waits a little
READ_PAUSE_S = 0.05
GRACE_TICK_S = 1.0
# so even an idle router takes a second to end, as the reference does: timers of outputs run on meanwhile


@dataclass
class InputInstance:
    """One [INPUT] section at work, or an emitter of a filter (`source` None). `held_bytes` is what its chunks take."""

    plugin_name: str
    name: str
    source: Any = None
    mem_buf_limit: int = 0
    held_bytes: int = 0
    in_files: bool = False
    paused: bool = False
    open_chunks: dict[str, Chunk] = field(default_factory=dict)


@dataclass
class FilterInstance:
    """One [FILTER] section at work."""

    name: str
    matches: Callable[[str], bool]
    step: Any


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
        self._pressure = Pressure(HIGH_BYTES)
        policy = RetryPolicy(service.retry_base_s, service.retry_cap_s)
        self.tasks = TaskBoard(self.loop, policy, self.counters, self.log, self._pressure, self._task_over)
        self._filters_by_tag: dict[str, list[FilterInstance]] = {}
        self._outputs_by_tag: dict[str, list[OutputInstance]] = {}
        self._grace_ticks = 0
        self.exit_code = 0
        self.stopping = False

    # building

    def build(self) -> None:
        """Make all instances. Raises ConfigError, InitError."""
        kinds = (PluginKind.INPUT, PluginKind.FILTER, PluginKind.OUTPUT)
        inputs, filters, outputs = (declare(self.configuration, self.service, kind) for kind in kinds)
        for one in inputs:
            self._build_input(one)
        for one in filters:
            self._build_filter(one)
        for one in outputs:
            self._build_output(one)

    def start(self) -> None:
        """Open the inputs and start the flush timer. Raises InitError."""
        for instance in self.inputs:
            if instance.source is None:
                continue
            try:
                instance.source.start()
            except PluginInitError as exc:
                self._refuse(PluginKind.INPUT, instance.plugin_name, instance.name, exc)
                self._input_failed(instance.name)
                raise InitError(instance.name) from exc
        self._load_left_over()
        self.loop.call_every(self.service.flush_s, self.flush)
        grace = self.service.grace_s
        self.log.info(f"[engine] Shutdown Grace Period={grace}, Shutdown Input Grace Period={grace // 2}")

    def _build_input(self, one: Declared) -> None:
        instance = InputInstance(one.plugin.name, one.shown_name, mem_buf_limit=_limit(one.core.get("mem_buf_limit")))
        instance.in_files = one.core.get("storage.type", "memory").lower() == "filesystem"
        if instance.in_files and not self.service.storage_path:
            self.log.error(f"[storage] instance '{one.shown_name}' requested filesystem storage but no filesystem path "
                           "was defined.")  # fmt: skip
            raise InitError(one.name)
        options = read_options(one, self.service, "-i", lambda: self._input_failed(one.name))
        context = InputContext(
            one.name, one.log(self.service), self.service, one.core,
            ingest=lambda tag, batch: self.ingest(instance, tag, batch), loop=self.loop,
            tag=one.core.get("tag") or one.name,
        )  # fmt: skip
        instance.source = self._created(one, options, context, lambda: self._input_failed(one.name))
        self._add_input(instance)

    def _add_input(self, instance: InputInstance) -> None:
        self.inputs.append(instance)
        self.counters.declare("input", instance.name, "records", "bytes")

    def _input_failed(self, name: str) -> None:
        self.log.error(f"failed initialize input {name}")
        self.log.error("[engine] input initialization failed")

    def _build_filter(self, one: Declared) -> None:
        def failed() -> None:
            self.log.error(f"Failed initialize filter {one.name}")
            self.log.error("[engine] filter initialization failed")

        if not one.core.get("match") and not one.core.get("match_regex"):
            self.log.warn(f"[filter] NO match rule for {one.name} filter instance, unloading.")
            failed()
            raise InitError(one.name)
        emitter = InputInstance("emitter", f"emitter_for_{one.name}")

        def emit(tag: str, records: list[Record]) -> None:
            if emitter not in self.inputs:
                self._add_input(emitter)
            self.ingest(emitter, tag, Batch(records=records))

        options = read_options(one, self.service, "-F", failed)
        context = FilterContext(
            one.name, one.log(self.service), self.service, one.core, emit=emit, loop=self.loop, exit=self.exit_with
        )  # fmt: skip
        step = self._created(one, options, context, failed)
        self.filters.append(FilterInstance(one.shown_name, matches(one, self.service), step))
        self.counters.declare("filter", one.shown_name, "drop_records", "add_records")

    def _build_output(self, one: Declared) -> None:
        def failed() -> None:
            self.log.error("[engine] output initialization failed")

        def refused() -> None:
            self.log.error(f"[output] failed to initialize '{one.plugin.name}' plugin")
            failed()

        limit, is_valid = parse_limit(one.core.get("retry_limit"))
        if not is_valid:
            self.log.warn("[config] invalid retry_limit. set default.")
        options = read_options(one, self.service, "-o", failed)
        context = OutputContext(
            one.name, one.log(self.service), self.service, one.core, stopping=lambda: self.stopping
        )  # fmt: skip
        output = self._created(one, options, context, refused)
        instance = OutputInstance(
            one.number, one.plugin.name, one.shown_name, matches(one, self.service), limit, output, None  # type: ignore[arg-type]
        )  # fmt: skip
        instance.worker = Worker(
            instance.name, output, lambda chunk, result: self.tasks.finished(instance, chunk, result), self.log
        )
        self.outputs.append(instance)
        self.tasks.add_output(instance)
        self.counters.declare(
            "output", instance.name, "proc_records", "proc_bytes", "errors", "retries", "retries_failed",
            "dropped_records", "retried_records",
        )  # fmt: skip

    def _created(self, one: Declared, options: Any, context: Any, failed: Callable[[], None]) -> Any:
        try:
            return one.plugin.create(options, context)
        except PluginInitError as exc:
            for line in exc.lines:
                (self.log if line.startswith("[") else context.log).error(line)
            failed()
            raise InitError(one.name) from exc

    def _refuse(self, kind: PluginKind, plugin_name: str, name: str, exc: PluginInitError) -> None:
        log = ComponentLog(self.service.sink, f"[{kind.value}:{plugin_name}:{name}]")
        for line in exc.lines:
            (self.log if line.startswith("[") else log).error(line)

    # running

    def ingest(self, instance: InputInstance, tag: str, batch: Batch) -> bool:
        """Take a batch from an input: filter, buffer, and start what is full. Returns whether the input may go on."""
        self.counters.add("input", instance.name, records=batch.count)
        self._filter(tag, batch)
        outputs = self._outputs_for(tag)
        if not batch.count or not outputs:
            return not instance.paused
        chunk = instance.open_chunks.get(tag) or self._new_chunk(instance, tag)
        size = self._add(chunk, batch)
        instance.held_bytes += size
        self.counters.add("input", instance.name, bytes=size)
        if chunk.is_full():
            del instance.open_chunks[tag]
            self.tasks.start(chunk, outputs)
            self._pressure.wait(READ_PAUSE_S)
        return not self._pause_if_over(instance, size)

    def _new_chunk(self, instance: InputInstance, tag: str) -> Chunk:
        chunk = instance.open_chunks[tag] = Chunk(tag, instance.name, self.service.escape_unicode)
        if instance.in_files:
            path = Path(self.service.storage_path) / instance.name / chunk.name
            chunk.file = ChunkFile(path, sync=self.service.storage_sync.lower() == "full")
            try:
                chunk.file.begin(tag)
            except OSError as exc:
                self.log.error(f"[input chunk] could not create chunk file: {instance.name}:{chunk.name}: {exc}")
                chunk.file = None
        return chunk

    def _add(self, chunk: Chunk, batch: Batch) -> int:
        try:
            return chunk.add(batch)
        except OSError as exc:  # the disk is full: memory is better than nothing
            self.log.error(f"[input chunk] error writing data from {chunk.input_name} instance: {exc}")
            chunk.file = None
            return chunk.add(batch)

    def _load_left_over(self) -> None:
        """Start tasks for the chunks of an earlier run."""
        if not self.service.storage_path:
            return
        backlog = InputInstance("storage_backlog", f"storage_backlog.{len(self.inputs)}")
        self._add_input(backlog)
        for path in left_over(self.service.storage_path):
            log = ComponentLog(self.service.sink, f"[input:storage_backlog:{backlog.name}]")
            try:
                chunk = chunk_from_file(ChunkFile(path), backlog.name, self.service.escape_unicode)
            except (OSError, ValueError) as exc:
                log.error(f"discarding irrecoverable chunk {path.parent.name}/{path.name}: {exc}")
                continue
            log.info(f"queueing {path.parent.name}:{path.name}")
            outputs = self._outputs_for(chunk.tag)
            if chunk.count and outputs:
                backlog.held_bytes += chunk.size_bytes
                self.counters.add("input", backlog.name, records=chunk.count, bytes=chunk.size_bytes)
                self.tasks.start(chunk, outputs)
            else:
                ChunkFile(path).delete()

    def flush(self) -> None:
        """Start a task for every open chunk."""
        for instance in list(self.inputs):
            chunks, instance.open_chunks = instance.open_chunks, {}
            for tag, chunk in chunks.items():
                self.tasks.start(chunk, self._outputs_for(tag))

    def _filter(self, tag: str, batch: Batch) -> None:
        steps = self._filters_by_tag.get(tag)
        if steps is None:
            steps = self._filters_by_tag[tag] = [one for one in self.filters if one.matches(tag)]
        for one in steps:
            before = batch.count
            by_batch = getattr(one.step, "filter_batch", None)
            if by_batch is not None:
                by_batch(tag, batch)
            else:
                kept = one.step.filter(tag, batch.records())
                if kept is not None:
                    batch.replace(kept)
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

    def _pause_if_over(self, instance: InputInstance, size: int) -> bool:
        limit = instance.mem_buf_limit
        over = limit and instance.held_bytes >= limit and not instance.in_files
        if over and not instance.paused and instance.source is not None:
            self.log.warn(
                f"[input] {instance.name} paused (mem buf overlimit - event of size {size}B exceeded limit {limit} "
                f"to {instance.held_bytes}B)"
            )
            instance.paused = True
            instance.source.pause()
        return instance.paused

    def _task_over(self, task: Task) -> None:
        instance = next((one for one in self.inputs if one.name == task.chunk.input_name), None)
        if instance is None:
            return
        instance.held_bytes -= task.chunk.size_bytes
        if instance.paused and instance.held_bytes < instance.mem_buf_limit and not self.stopping:
            instance.paused = False
            self.log.info(
                f"[input] {instance.name} resume (mem buf overlimit - buf size {instance.held_bytes}B now below limit "
                f"{instance.mem_buf_limit}B)"
            )
            instance.source.resume()

    # draining

    def request_stop(self) -> None:
        """Begin to drain: no more input, everything flushed, at most Grace seconds; then the loop ends."""
        if self.stopping:
            return
        self.stopping = True
        grace = self.service.grace_s
        self.log.warn(f"[engine] service will shutdown in max {grace} seconds")
        for instance in self.inputs:
            if instance.source is not None:
                self.log.info(f"[input] pausing {instance.name}")
                instance.source.stop()
        for one in self.filters:
            if hasattr(one.step, "stop"):
                one.step.stop()
        self.tasks.retry_now()
        self.flush()
        self.loop.call_every(GRACE_TICK_S, self._grace_tick)

    def exit_with(self, exit_code: int) -> None:
        """Drain and end with this exit code (filter expect)."""
        self.exit_code = exit_code
        self.loop.hand_in(self.request_stop)

    def _grace_tick(self) -> None:
        self._grace_ticks += 1
        pending = self.tasks.pending()
        if pending:
            self._print_pending(pending)
        if not pending or self._grace_ticks >= self.service.grace_s:
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
        self.loop.close()


def _limit(text: str | None) -> int:
    size = to_size(text) if text else 0
    return max(size, 0)
