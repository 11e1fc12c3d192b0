"""Filesystem storage: chunks that survive the router (`storage.type filesystem` under `storage.path`).

One file a chunk, in a folder a input, named as Fluent Bit names them; inside it is ours: a header and then one msgpack
frame
`[appended pairs, count, entries]` for each batch, so that a file torn by a kill is good up to its last whole frame.
Source: Fluent Bit 4.2.8 behaves so. Not modelled: checksums, its file format, `storage.type memrb`.
"""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

from lab_helpers.router.records.batch import Batch

MAGIC = "firelens-lab chunk 1"


@dataclass(frozen=True)
class StoredBatch:
    """One frame of a chunk's file."""

    appended: tuple[tuple[str, str], ...]
    count: int
    raw: bytes


class ChunkFile:
    """The file behind one chunk."""

    def __init__(self, path: str, sync: bool = False) -> None:
        self.path, self._sync = path, sync

    def begin(self, tag: str) -> None:
        """Create the file. Raises OSError."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self._write(msgpack.packb([MAGIC, tag], unicode_errors="surrogateescape"), "xb")

    def append(self, batch: Batch) -> None:
        """Add a batch. Raises OSError."""
        frame = [[list(pair) for pair in batch.appended], batch.count, batch.packed()]
        self._write(msgpack.packb(frame, unicode_errors="surrogateescape"), "ab")

    def load(self) -> tuple[str, list[StoredBatch]]:
        """Return (tag, batches). Raises OSError, ValueError for a file that is none of ours."""
        unpacker = msgpack.Unpacker(unicode_errors="surrogateescape", max_buffer_size=0x7FFF_FFFF)
        with open(self.path, "rb") as file:
            unpacker.feed(file.read())
        frames = _whole_frames(unpacker)
        head = next(frames, None)
        if not isinstance(head, list) or len(head) != 2 or head[0] != MAGIC:
            raise ValueError(f"{self.path} is no chunk of this router")
        return str(head[1]), [
            StoredBatch(tuple((key, value) for key, value in pairs), count, raw) for pairs, count, raw in frames
        ]

    def delete(self) -> None:
        """Remove the file; missing is fine."""
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _write(self, data: bytes, mode: str) -> None:
        with open(self.path, mode) as file:
            file.write(data)
            if self._sync:
                file.flush()
                os.fsync(file.fileno())


def left_over(root: str) -> list[str]:
    """Return the chunk files under the storage path, oldest first."""
    return sorted(glob.glob(os.path.join(glob.escape(root), "*", "*.flb")), key=_made_at)


def _made_at(path: str) -> tuple[int, int, str]:
    """Return (seconds, nanoseconds, name) of a chunk file named PID-SECONDS.NANOSECONDS.flb."""
    name = os.path.basename(path)
    seconds, _, nanoseconds = name.removesuffix(".flb").rpartition("-")[2].partition(".")
    return int(seconds) if seconds.isdigit() else 0, int(nanoseconds) if nanoseconds.isdigit() else 0, name


def _whole_frames(unpacker: Any) -> Iterator[Any]:
    with contextlib.suppress(ValueError):  # what a kill has cut off ends the file
        yield from unpacker
