"""Chunks: the records of one tag that travel to the outputs together.

Source: Fluent Bit 4.2.8: one open chunk for each input and tag, closed by the flush timer or when it passes 2,048,000
bytes. Not modelled: metrics and traces.
"""

from __future__ import annotations

import os
import threading
import time

from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.lines import Lines, joined
from lab_helpers.router.records.parts import MadePart, Part, RawPart, made_part, table_part
from lab_helpers.router.records.record import Record
from lab_helpers.router.records.storage import ChunkFile, StoredBatch

CHUNK_BYTES = 2_048_000
# FLB_INPUT_CHUNK_FS_MAX_SIZE


class Chunk:
    """Records of one tag, shared read-only by all outputs; decoded and encoded once, on demand, under a lock.

    `size_bytes` is the msgpack size, what was appended included: what Mem_Buf_Limit counts; `unreadable` how many of
    the `count` entries turned out to be no records. `name` is unique and looks
    like Fluent Bit's (`PID-SECONDS.NANOSECONDS.flb`).
    """

    def __init__(self, tag: str, input_name: str, escape_unicode: bool = True, name: str = "") -> None:
        now_ns = time.time_ns()
        self.name = name or f"{os.getpid()}-{now_ns // 10**9}.{now_ns % 10**9}.flb"
        self.tag, self.input_name = tag, input_name
        self.count = self.size_bytes = self.unreadable = 0
        self.file: ChunkFile | None = None
        self._escape_unicode = escape_unicode
        self._parts: list[Part] | None = []
        self._lock = threading.Lock()
        self._records: list[Record] | None = None
        self._lines: Lines | None = None

    def add(self, batch: Batch) -> int:
        """Append the batch, to the chunk's file too where it has one; return the bytes it takes. Raises OSError."""
        part = self._made(batch)
        size = part.size_bytes if part is not None else len(batch.packed())
        if self.file is not None:
            self.file.append(batch)
        parts = self.parts()
        if part is None:
            _extend(parts, batch.appended, batch.packed(), batch.count)
        elif not (parts and isinstance(parts[-1], MadePart) and parts[-1].take(part)):
            parts.append(part)
        self.count += batch.count
        size += batch.count * sum(len(key) + len(value) + 2 for key, value in batch.appended)
        self.size_bytes += size
        return size

    def _made(self, batch: Batch) -> MadePart | None:
        """Return the part for records that filters have made; None where bytes are needed, or are there already."""
        if batch.table is not None and self.file is None:
            return table_part(batch.table, batch.appended, self._escape_unicode)
        made = batch.made() if self.file is None else None
        if made is None:
            return None
        try:
            return made_part(*made, batch.appended, self._escape_unicode)
        except (ValueError, RecursionError):  # nested too deeply for what is packed together
            return None

    def is_full(self) -> bool:
        """Whether the chunk takes no more records."""
        return self.size_bytes >= CHUNK_BYTES

    def records(self) -> list[Record]:
        """Return the decoded records; treat them as read-only."""
        with self._lock:
            if self._records is None:
                self._records = [record for part in self.parts() for record in part.records()]
                self.unreadable = self.count - len(self._records)
            return self._records

    def lines(self) -> Lines:
        """Return the records' JSON."""
        with self._lock:
            if self._lines is None:
                self._lines = joined([part.lines(self._escape_unicode) for part in self.parts()])
                self.unreadable = self.count - len(self._lines.parts)
            return self._lines

    def json_lines(self) -> list[bytes]:
        """Return each body as Fluent Bit's JSON, without a newline."""
        return self.lines().complete()

    def forget_decoded(self) -> None:
        """Free what was decoded and encoded; it is made again when asked for."""
        with self._lock:
            self._records = self._lines = None
            for part in self._parts or ():
                part.forget_lines()

    def let_go(self) -> None:
        """Keep only the file in memory's place, where the chunk has one: it will wait for long."""
        with self._lock:
            if self.file is not None:
                self._parts = self._records = self._lines = None

    def is_up(self) -> bool:
        """Whether its bytes are in memory."""
        return self._parts is not None

    def parts(self) -> list[Part]:
        """Return the raw parts; read back from the file where they were let go."""
        if self._parts is None:
            assert self.file is not None
            self._parts = _parts_of(self.file.load()[1])
        return self._parts


def chunk_from_file(file: ChunkFile, input_name: str, escape_unicode: bool) -> Chunk:
    """Return the chunk in a file of an earlier run. Raises OSError, ValueError."""
    tag, batches = file.load()
    chunk = Chunk(tag, input_name, escape_unicode, name=os.path.basename(file.path))
    for one in batches:
        chunk.add(Batch(raw=one.raw, count=one.count, appended=one.appended))
    chunk.file = file
    return chunk


def _parts_of(batches: list[StoredBatch]) -> list[Part]:
    parts: list[Part] = []
    for one in batches:
        _extend(parts, one.appended, one.raw, one.count)
    return parts


def _extend(parts: list[Part], appended: tuple[tuple[str, str], ...], raw: bytes, count: int) -> None:
    last = parts[-1] if parts else None
    if not isinstance(last, RawPart) or last.appended != appended:
        last = RawPart(appended)
        parts.append(last)
    last.pieces.append(raw)
    last.count += count
