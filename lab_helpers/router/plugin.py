"""What a plugin is: the descriptor, the three protocols, and what the engine hands to each.

How to write one: docs/add-a-plugin.md and `plugins/filter_throttle.py`, a short one.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from lab_helpers.router.core.options import Option, Options

if TYPE_CHECKING:
    from lab_helpers.router.core.log import Log
    from lab_helpers.router.core.loop import Loop
    from lab_helpers.router.core.service import Service
    from lab_helpers.router.records.batch import Batch
    from lab_helpers.router.records.buffer import Chunk
    from lab_helpers.router.records.record import Record


class FlushResult(enum.Enum):
    """What became of a chunk at an output."""

    OK = "ok"
    RETRY = "retry"
    ERROR = "error"  # not worth a retry: dropped at once


class PluginKind(enum.Enum):
    """The three kinds of plugins; the value is the section's name in the configuration."""

    INPUT = "input"
    FILTER = "filter"
    OUTPUT = "output"


class PluginInitError(Exception):
    """The plugin cannot start; each line is logged as an error of this instance, in order.

    A line that begins with `[` has a component of its own. `early`: the reference finds it before it makes any filter.
    """

    def __init__(self, *lines: str, early: bool = False) -> None:
        super().__init__("; ".join(lines))
        self.lines, self.early = lines, early


@dataclass
class Context:
    """What every plugin instance gets, whatever its kind.

    `name` is the instance's (`grep.0`), `log` writes its lines, `service` holds [SERVICE], parsers and the process's
    environment, `properties` the section's core properties (match, tag, host, port, tls, …), keys in lower case,
    `ordinal` how many instances of the same plugin come before.
    """

    name: str
    log: Log
    service: Service
    properties: Mapping[str, str] = field(default_factory=dict)
    ordinal: int = field(default=0, kw_only=True)


@dataclass
class InputContext(Context):
    """For inputs: `ingest(tag, batch)` hands records over; `loop` runs sockets and timers on the engine's thread.

    `ingest` returns False when the input is over its Mem_Buf_Limit now (the records were taken; pause() follows).
    `lose(count, reason)` tells of records that the input has read and cannot hand over. `tag` is the configured Tag, or
    the instance's name.
    """

    ingest: Callable[[str, Batch], bool] = field(kw_only=True)
    loop: Loop = field(kw_only=True)
    tag: str = ""
    exit: Callable[[int], None] = field(kw_only=True, default=lambda _status: None)
    lose: Callable[[int, str], None] = field(kw_only=True, default=lambda _count, _reason: None)


@dataclass
class FilterContext(Context):
    """For filters: `loop` for timers; `exit(status)` ends the whole router (expect).

    `emit(tag, batch)` puts records in at the head of the whole filter chain again (rewrite_tag, multiline), and
    returns the places of those that are not taken.
    """

    emit: Callable[[str, Batch], list[int]] = field(kw_only=True)
    loop: Loop = field(kw_only=True)
    exit: Callable[[int], None] = field(kw_only=True, default=lambda _status: None)


@dataclass
class OutputContext(Context):
    """For outputs. `stopping()` is True from SIGTERM on."""

    stopping: Callable[[], bool] = field(kw_only=True)


class Input(Protocol):
    """An input: runs on the engine's thread, never blocks."""

    def start(self) -> None:
        """Open what there is to open. Raises PluginInitError."""

    def pause(self) -> None:
        """Stop taking data: the buffer is over its limit."""

    def resume(self) -> None:
        """Take data again."""

    def stop(self) -> None:
        """Close everything; safe before start and twice."""


class Filter(Protocol):
    """A filter: a pure step on the records of one tag, on the engine's thread.

    It has `filter`, or `filter_batch` where it can work without decoding.
    """

    def filter(self, tag: str, records: list[Record], /) -> list[Record] | None:
        """Return the records to go on with; None when nothing was changed. Bodies may be changed in place."""
        raise NotImplementedError(f"{type(self).__name__} has neither filter nor filter_batch")

    def filter_batch(self, tag: str, batch: Batch, /) -> None:
        """Change the batch in place."""
        kept = self.filter(tag, batch.records())
        if kept is not None:
            batch.replace(kept)

    def stop(self) -> None:
        """End timers, tell what is lost; safe twice."""
        return


class Output(Protocol):
    """An output: `flush` runs on a thread of its own and may block.

    From its first flush on `tick` is called every `tick_every_s` seconds, on the same thread; never where it is 0.
    """

    tick_every_s: float = 0.0

    def flush(self, chunk: Chunk, /) -> FlushResult:
        """Deliver the chunk's records; the chunk is shared with other outputs, so change nothing in it."""

    def stop(self) -> None:
        """Deliver what the output itself holds (s3), close connections; safe twice."""

    def tick(self) -> None:
        """Do what is due by the clock alone."""
        return


@dataclass(frozen=True)
class Plugin:
    """What the descriptors have in common; each plugin's file ends with one: `PLUGIN = FilterPlugin(...)`.

    `create(options, context)` builds an instance; raises PluginInitError. `help` is one sentence. `core` names core
    properties that this plugin reads from `context.properties` (documentation). `accepts_any` refuses no unknown
    option; `is_external` plugins are there only when the command line enables them (`-e NAME.so`). `config_error` is
    what the plugin itself says of a value that cannot be read, a line or several; '' where the real one says nothing.
    """

    kind: ClassVar[PluginKind]
    name: str
    help: str
    create: Callable[[Options, Any], Any]
    options: Sequence[Option] = ()
    core: Sequence[str] = ()
    accepts_any: bool = False
    is_external: bool = False
    config_error: str = "configuration error"


@dataclass(frozen=True)
class InputPlugin(Plugin):
    """The descriptor of an input."""

    kind = PluginKind.INPUT
    create: Callable[[Options, InputContext], Input]


@dataclass(frozen=True)
class FilterPlugin(Plugin):
    """The descriptor of a filter. `reads_early`: the reference reads its options before it makes any filter."""

    kind = PluginKind.FILTER
    create: Callable[[Options, FilterContext], Filter]
    reads_early: bool = False


@dataclass(frozen=True)
class OutputPlugin(Plugin):
    """The descriptor of an output."""

    kind = PluginKind.OUTPUT
    create: Callable[[Options, OutputContext], Output]
