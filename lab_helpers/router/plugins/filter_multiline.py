"""Join the lines of one message: by multiline parsers, or what Docker split (mode partial_message).

Source: Fluent Bit 4.2.8: with `Buffer on` (default) records leave the filter and come back, joined, as from an input of
their own, through all filters again; `flush_ms` (default 2000) after the last tick what is unfinished goes too. What is
unfinished when the router ends is lost, in the real one as well.
A message that a full emitter does not take is lost.
Not modelled: emitter_storage.type, debug_flush.
"""

from __future__ import annotations

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Kind, Option, Options
from lab_helpers.router.multiline.multiline import MultilineError, MultilineParser, find_parser
from lab_helpers.router.multiline.multiline_merge import Merger
from lab_helpers.router.multiline.multiline_partial import Partials
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record

SHORTEST_FLUSH_MS = 500
PARTIAL, PARSER = "partial_message", "parser"


class _Reentry:
    """Tells the filter's own records, on their second way through the chain, from others."""

    def __init__(self, context: FilterContext) -> None:
        self._context = context
        self._tag: str | None = None

    def is_own(self, tag: str) -> bool:
        """Whether records of this tag are the filter's own now."""
        return self._tag == tag

    def emit(self, tag: str, records: list[Record]) -> None:
        """Send the records through the chain; emit() of the engine comes back when they have passed."""
        outer, self._tag = self._tag, tag
        try:
            refused = self._context.emit(tag, Batch(records=records))
        finally:
            self._tag = outer
        if refused:
            self._context.log.warn(f"{len(refused)} joined record(s) lost: the emitter is full (emitter_mem_buf_limit)")


class JoinByParser(Filter):
    """Mode parser."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._context, self._reentry = context, _Reentry(context)
        self._buffers: bool = options["buffer"]
        names = [name for names in options["multiline.parser"] for name in names]
        if not names:
            raise PluginInitError(f"The default 'Mode' '{PARSER}' requires at least one 'multiline.parser'")
        core_log = ComponentLog(context.service.sink)
        self._done: dict[str, list[Record]] = {}
        self._merger = Merger(_find_parsers(names, context), self._collect, core_log, options["multiline.key_content"])
        if self._buffers and options["flush_ms"] < SHORTEST_FLUSH_MS:
            raise PluginInitError(f"[multiline] flush timeout '{options['flush_ms']}' is too low")
        self._timer = context.loop.call_every(options["flush_ms"] / 1000, self._flush) if self._buffers else None

    def filter(self, tag: str, records: list[Record]) -> list[Record] | None:
        """Buffered: keep all records, emit what is whole. Else: return them joined as far as the batch goes."""
        if self._buffers and self._reentry.is_own(tag):
            return None
        for record in records:
            if self._merger.append(tag, record):
                self._context.log.warn("multiline message truncated due to buffer limit")
        if self._buffers:
            self._emit_done()
            return []
        self._merger.flush()
        return self._done.pop(tag, None)

    def stop(self) -> None:
        """Stop the timer; what is unfinished is lost."""
        if self._timer is not None:
            self._timer.cancel()
        _tell_lost(self._context, self._merger.pending())

    def _collect(self, tag: str, record: Record) -> None:
        self._done.setdefault(tag, []).append(record)

    def _flush(self) -> None:
        self._merger.flush()
        self._emit_done()

    def _emit_done(self) -> None:
        done, self._done = self._done, {}
        for tag, records in done.items():
            self._reentry.emit(tag, records)


class JoinPartials(Filter):
    """Mode partial_message."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._context, self._reentry = context, _Reentry(context)
        self._flush_s: float = options["flush_ms"] / 1000
        key = options["multiline.key_content"]
        if not options["buffer"]:
            context.log.error(f"'{PARTIAL}' 'Mode' requires 'Buffer' to be 'On'")
        if key is None:
            raise PluginInitError(f"'Mode' '{PARTIAL}' requires 'multiline.key_content'")
        self._partials = Partials(key, context.log, ComponentLog(context.service.sink))
        self._timer = context.loop.call_every(max(self._flush_s / 2, 0.001), self._flush)

    def filter(self, tag: str, records: list[Record]) -> list[Record] | None:
        """Return the records with the parts joined where the last part came."""
        if self._reentry.is_own(tag):
            return None
        return self._partials.join(tag, records, self._context.loop.clock())

    def stop(self) -> None:
        """Stop the timer; what is unfinished is lost."""
        self._timer.cancel()
        _tell_lost(self._context, self._partials.pending())

    def _flush(self) -> None:
        for packer in self._partials.expired(self._context.loop.clock() - self._flush_s):
            self._reentry.emit(packer.tag, [packer.record()])


def create(options: Options, context: FilterContext) -> JoinByParser | JoinPartials:
    """Return the filter for the mode. Raises PluginInitError."""
    mode = options["mode"].lower()
    if mode not in (PARTIAL, PARSER):
        raise PluginInitError(f"'Mode' must be '{PARTIAL}' or '{PARSER}'")
    if options["buffer"]:
        context.log.info(f"created emitter: {options['emitter_name'] or 'emitter_for_' + context.name}")
        if options["emitter_storage.type"].lower() not in ("memory", "filesystem"):
            raise PluginInitError(
                "invalid 'emitter_storage.type' value. Only 'memory' or 'filesystem' types are allowed"
            )
    return (JoinPartials if mode == PARTIAL else JoinByParser)(options, context)


def _find_parsers(names: list[str], context: FilterContext) -> list[MultilineParser]:
    try:
        return [find_parser(name, context.service, ComponentLog(context.service.sink)) for name in names]
    except MultilineError as exc:
        raise PluginInitError(*exc.lines) from exc


def _tell_lost(context: FilterContext, pending: int) -> None:
    if pending:
        context.log.info(f"{pending} unfinished message(s) are lost at the end, as in the real Fluent Bit")


PLUGIN = FilterPlugin(
    "multiline",
    "Join the lines of one message.",
    create,
    (
        Option("debug_flush", Kind.FLAG, "Accepted, without effect.", default="false"),
        Option("buffer", Kind.FLAG, "Join over the borders of what inputs hand over, and re-emit.", default="true"),
        Option("mode", help="parser (rules) or partial_message (what Docker split).", default="parser"),
        Option("flush_ms", Kind.INTEGER, "Milliseconds until unfinished messages are let go.", default="2000"),
        Option("multiline.parser", Kind.COMMA_LIST, "Names of multiline parsers, tried in order.", multiple=True),
        Option("multiline.key_content", help="The key that holds the text."),
        Option("emitter_name", help="Name of the emitter in metrics and in the log."),
        Option("emitter_storage.type", help="memory or filesystem (accepted).", default="memory"),
        Option("emitter_mem_buf_limit", Kind.SIZE, "Most that the emitter holds; above, messages are lost.", "10M"),
    ),
    config_error="",
)
