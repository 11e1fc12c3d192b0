"""Build the inputs, filters and outputs of a configuration. Refusals: Fluent Bit's words, InitError (exit code 255)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_helpers.router import plugins
from lab_helpers.router.config.config_text import ConfigError, Configuration
from lab_helpers.router.config.processors import CONTENT_MODIFIER, processed
from lab_helpers.router.core.log import ComponentLog, Log
from lab_helpers.router.core.loop import Loop
from lab_helpers.router.core.options import Options, to_flag, to_size
from lab_helpers.router.core.retry import parse_limit
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.engine.built_parts import Declared, InitError, declare, has_match, matches, read_options
from lab_helpers.router.engine.emitters import Emitter, Emitters
from lab_helpers.router.engine.instances import FilterInstance, InputInstance
from lab_helpers.router.engine.tasks import OutputInstance
from lab_helpers.router.engine.workers import Worker
from lab_helpers.router.plugin import (
    Filter,
    FilterContext,
    FilterPlugin,
    FlushResult,
    Input,
    InputContext,
    OutputContext,
    PluginInitError,
    PluginKind,
)
from lab_helpers.router.recording import RECORD_IN
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.buffer import Chunk


@dataclass
class Hooks:
    """What the instances call in the engine."""

    ingest: Callable[[InputInstance, str, Batch], bool]
    begin: Callable[[Chunk], None]
    finished: Callable[[OutputInstance, Chunk, FlushResult], None]
    add_input: Callable[[InputInstance], None]
    exit: Callable[[int], None]
    stopping: Callable[[], bool]
    lose: Callable[[str, int, str], None]


@dataclass
class Assembly:
    """Everything of one configuration, built but not started."""

    inputs: list[InputInstance] = field(default_factory=list)
    filters: list[FilterInstance] = field(default_factory=list)
    outputs: list[OutputInstance] = field(default_factory=list)


def assemble(configuration: Configuration, service: Service, loop: Loop, hooks: Hooks) -> Assembly:
    """Return all instances, in the order of the configuration. Raises ConfigError, InitError."""
    builder = _Builder(service, loop, hooks)
    kinds = (PluginKind.INPUT, PluginKind.FILTER, PluginKind.OUTPUT)
    inputs, filters, outputs = (declare(configuration, service, kind) for kind in kinds)
    assembly = Assembly(
        [builder.input(one) for one in inputs],
        [builder.filter(one) for one in filters],
        [builder.output(one) for one in outputs],
    )
    if service.environment.get(RECORD_IN):
        _record_steps(assembly.filters, Path(service.environment[RECORD_IN]))
    _tell_unmatched(outputs, len(inputs), ComponentLog(service.sink))
    return assembly


def _record_steps(filters: list[FilterInstance], folder: Path) -> None:
    from lab_helpers.router.recording import filter_steps  # costs memory, and is for trials alone

    for one, step in zip(filters, filter_steps.witnessed([one.step for one in filters], folder), strict=True):
        one.step = step


def _tell_unmatched(outputs: list[Declared], inputs: int, log: ComponentLog) -> None:
    """Warn of outputs without a Match, once for each input, as the reference's router does."""
    for one in inputs * [one for one in outputs if not has_match(one)]:
        log.warn(f"[router] NO match for {one.name} output instance")


def open_input(instance: InputInstance, source: Input, service: Service) -> None:
    """Start an input. Raises InitError."""
    try:
        source.start()
    except PluginInitError as exc:
        log = ComponentLog(service.sink)
        own = ComponentLog(service.sink, f"[input:{instance.plugin_name}:{instance.name}]")
        _tell(exc, log, own)
        _input_failed(log, instance.name)
        raise InitError(instance.name) from exc


class _Builder:
    def __init__(self, service: Service, loop: Loop, hooks: Hooks) -> None:
        self._service, self._loop, self._hooks = service, loop, hooks
        self._log = ComponentLog(service.sink)
        self._emitters = Emitters(service, hooks.ingest, hooks.add_input)

    def input(self, one: Declared) -> InputInstance:
        instance = InputInstance(one.plugin.name, one.shown_name, mem_buf_limit=_limit(one.core.get("mem_buf_limit")))
        instance.in_files = one.core.get("storage.type", "memory").lower() == "filesystem"
        instance.routable = to_flag(one.core.get("routable", "on")) is not False
        if instance.in_files and not self._service.storage_path:
            sentence = "requested filesystem storage but no filesystem path was defined."
            self._log.error(f"[storage] instance '{one.shown_name}' {sentence}")
            self._log.error(f"[storage] could not create storage for instance: {one.shown_name}")
            self._log.error("[engine] storage creation failed")
            raise InitError(one.name)

        def ended() -> None:
            self._log.error("[engine] input initialization failed")

        def failed() -> None:
            _input_failed(self._log, one.name)

        options = read_options(one, self._service, "-i", failed, ended)
        steps = [self._processor(one, number, section, failed) for number, section in enumerate(one.processors)]
        context = InputContext(
            one.name, one.log(self._service), self._service, one.core,
            ingest=lambda tag, batch: self._hooks.ingest(instance, tag, processed(steps, tag, batch)), loop=self._loop,
            tag=one.core.get("tag") or one.name, exit=self._hooks.exit,
            lose=lambda count, reason: self._hooks.lose(one.shown_name, count, reason),
        )  # fmt: skip
        instance.source = self._created(one, options, context, failed)
        return instance

    def _processor(self, owner: Declared, number: int, section: Section, failed: Callable[[], None]) -> Filter:
        """Return a step of an input's `processors`: content_modifier, or a filter."""
        log = ComponentLog(self._service.sink, f"[processor:{section.get('name')}:{owner.name}.{number}]")
        is_own = section.get("name") == "content_modifier"
        plugin = CONTENT_MODIFIER if is_own else plugins.load(PluginKind.FILTER, section.get("name"))
        if plugin is None:
            self._log.error(f"[processor] error creating processor '{section.get('name')}': plugin doesn't exist or "
                            "failed to initialize")  # fmt: skip
            self._log.error("failed to load 'logs' processors")
            raise ConfigError(section.get("name"))
        pairs = [(key, str(value)) for key, value in section.pairs if key != "name"]
        one = Declared(plugin, number, f"{owner.name}.processor.{number}", {"match": "*"}, pairs)
        options = read_options(one, self._service, "-F", failed)
        context = FilterContext(
            one.name, log, self._service, one.core, emit=self._emitter(one, options), loop=self._loop,
            exit=self._hooks.exit,
        )  # fmt: skip
        step: Filter = self._created(one, options, context, failed)
        return step

    def filter(self, one: Declared) -> FilterInstance:
        def ended() -> None:
            self._log.error("[engine] filter initialization failed")

        def failed(exc: PluginInitError | None = None) -> None:
            is_early = exc.early if exc else isinstance(one.plugin, FilterPlugin) and one.plugin.reads_early
            self._log.error(f"Failed {'pre_run callback on' if is_early else 'initialize'} filter {one.name}")
            ended()

        if not one.core.get("match") and not one.core.get("match_regex"):
            self._log.warn(f"[filter] NO match rule for {one.name} filter instance, unloading.")
            ended()
            raise InitError(one.name)
        options = read_options(one, self._service, "-F", failed, ended)
        context = FilterContext(
            one.name, one.log(self._service), self._service, one.core, emit=self._emitter(one, options),
            loop=self._loop, exit=self._hooks.exit,
        )  # fmt: skip
        try:
            step = one.plugin.create(options, context)
        except PluginInitError as exc:
            _tell(exc, self._log, context.log)
            failed(exc)
            raise InitError(one.name) from exc
        return FilterInstance(one.shown_name, matches(one, self._service), step)

    def _emitter(self, one: Declared, options: Options) -> Callable[[str, Batch], list[int]]:
        """Return the function that puts a filter's own records in."""
        known = set(options)
        name = options["emitter_name"] if "emitter_name" in known else None
        limit = options["emitter_mem_buf_limit"] if "emitter_mem_buf_limit" in known else 0
        return Emitter(self._emitters, name or f"emitter_for_{one.name}", limit).emit

    def output(self, one: Declared) -> OutputInstance:
        def failed() -> None:
            self._log.error("[engine] output initialization failed")

        def refused() -> None:
            self._log.error(f"[output] failed to initialize '{one.plugin.name}' plugin")
            failed()

        limit, is_valid = parse_limit(one.core.get("retry_limit"))
        if not is_valid:
            self._log.warn("[config] invalid retry_limit. set default.")
        options = read_options(one, self._service, "-o", refused, failed)
        context = OutputContext(
            one.name, one.log(self._service), self._service, one.core, stopping=self._hooks.stopping,
            ordinal=one.ordinal,
        )  # fmt: skip
        output = self._created(one, options, context, refused)
        worker = Worker(one.shown_name, output, self._log, self._service.storage_max_chunks_up)
        instance = OutputInstance(
            one.number, one.plugin.name, one.shown_name, matches(one, self._service), limit, output, worker,
            _limit(one.core.get("storage.total_limit_size")),
        )  # fmt: skip
        worker.begin = self._hooks.begin
        worker.done = lambda chunk, result: self._hooks.finished(instance, chunk, result)
        return instance

    def _created(self, one: Declared, options: Any, context: Any, failed: Callable[[], None]) -> Any:
        try:
            return one.plugin.create(options, context)
        except PluginInitError as exc:
            _tell(exc, self._log, context.log)
            failed()
            raise InitError(one.name) from exc


def _tell(exc: PluginInitError, log: Log, own: Log) -> None:
    for line in exc.lines:  # a line with a component of its own keeps it
        (log if line.startswith("[") else own).error(line)


def _input_failed(log: ComponentLog, name: str) -> None:
    log.error(f"failed initialize input {name}")
    log.error("[engine] input initialization failed")


def _limit(text: str | None) -> int:
    size = to_size(text) if text else 0
    return max(size, 0)
