"""An output that keeps chunks in a file in place of sending them to a destination outside AWS.

There only where the environment variable RECORD_IN names a folder (`lab try` does); without it a router knows none
of these plugins. It takes the real plugin's options, refuses in its words, and opens no connection.
Not modelled: compression, authentication, limits and answers of the destination: everything is taken at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgpack

from lab_helpers.router.core.options import Options
from lab_helpers.router.plugin import FlushResult, Output, OutputContext, OutputPlugin, PluginInitError
from lab_helpers.router.recording import RECORD_IN
from lab_helpers.router.recording.catalogue import Outside, outsides
from lab_helpers.router.records.buffer import Chunk
from lab_helpers.router.records.record import Record, decode, encode

_HEAD, _CHUNKS = ".json", ".chunks"


@dataclass(frozen=True)
class Recorded:
    """What one output was given: its plugin, options and core properties as the router read them, and its chunks."""

    plugin: str
    instance: str
    options: Mapping[str, Any]
    core: Mapping[str, str]
    chunks: tuple[tuple[str, tuple[Record, ...]], ...]
    """Tag and records."""


class Recorder(Output):
    """The output: two files of its own in the folder."""

    def __init__(self, outside: Outside, folder: Path, options: Options, context: OutputContext) -> None:
        if outside.needs and not any(options.is_set(name) for name in outside.needs):
            raise PluginInitError(*outside.missing)
        self._file = folder / f"{context.name}{_CHUNKS}"
        head = {
            "plugin": outside.name,
            "options": {name: options[name] for name in options},
            "core": dict(context.properties),
        }
        self._file.with_suffix(_HEAD).write_text(json.dumps(head), encoding="utf-8")
        self._file.write_bytes(b"")

    def flush(self, chunk: Chunk) -> FlushResult:
        with self._file.open("ab") as file:
            file.write(msgpack.packb([chunk.tag, encode(chunk.records())], unicode_errors="surrogateescape"))
        return FlushResult.OK

    def stop(self) -> None:
        """Nothing is held."""


def plugin(name: str, environment: Mapping[str, str]) -> OutputPlugin | None:
    """Return the stand-in for an output; None where nothing is recorded, or the output does not lead outside AWS."""
    folder, outside = environment.get(RECORD_IN), outsides().get(name.lower())
    if not folder or outside is None:
        return None
    return OutputPlugin(
        outside.name,
        "Keep what would be sent outside AWS.",
        partial(Recorder, outside, Path(folder)),
        outside.options,
        accepts_any=outside.any_option,
        config_error="",
    )


def recorded(folder: Path) -> Iterator[Recorded]:
    """Return what was kept in a folder, output by output."""
    for head in sorted(folder.glob(f"*{_HEAD}")):
        facts = json.loads(head.read_text(encoding="utf-8"))
        unpacker = msgpack.Unpacker(unicode_errors="surrogateescape", max_buffer_size=0x7FFF_FFFF)
        unpacker.feed(head.with_suffix(_CHUNKS).read_bytes())
        chunks = tuple((tag, tuple(decode(raw))) for tag, raw in unpacker)
        yield Recorded(facts["plugin"], head.stem, facts["options"], facts["core"], chunks)
