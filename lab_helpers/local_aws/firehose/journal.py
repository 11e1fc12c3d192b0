"""What Firehose has accepted and not yet delivered, on disk: one folder a stream, append-only segments in order.

Every record is written before its call is answered, so a killed server loses nothing that it accepted. Segments are
synced to the disk when they are closed, not at every call: a power cut may cost the open segment, a kill does not.
A record is framed as (arrival in epoch seconds: 8 bytes, length: 4 bytes, data); an unfinished frame at a
segment's end was never acknowledged and is cut off when the journal is opened again.
"""

from __future__ import annotations

import os
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.base.files.whole_file import write_whole

_FRAME = struct.Struct(">dI")
_SUFFIX = ".records"
_IDENTITY = "stream"
"""The file that says whose records these are: a name alone may be that of a stream that was made anew."""


@dataclass(frozen=True)
class Segment:
    """A closed piece of the journal: one object to be delivered. Times are epoch seconds."""

    path: Path
    object_id: str
    records: int
    size_bytes: int
    oldest_at: float
    newest_at: float


@dataclass
class _Open:
    path: Path
    descriptor: int
    records: int = 0
    size_bytes: int = 0
    file_bytes: int = 0
    oldest_at: float = 0.0
    newest_at: float = 0.0


class Journal:
    """One stream's records; its owner calls it from one thread at a time, except `read`."""

    def __init__(self, folder: Path, identity: str = "") -> None:
        """Open a stream's journal; what another stream of that name left in the folder is dropped (`dropped`)."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.dropped = self._drop_foreign(identity)
        paths = sorted(folder.glob(f"*{_SUFFIX}"))
        self.closed: list[Segment] = [found for path in paths if (found := _recover(path))]
        self._next = 1 + max((int(path.name.split("-", 1)[0]) for path in paths), default=0)
        self._open: _Open | None = None

    def _drop_foreign(self, identity: str) -> int:
        """Remove the segments unless they are this stream's; return how many records went."""
        named = self.folder / _IDENTITY
        if identity_of(self.folder) == identity:
            return 0
        segments = [found for path in self.folder.glob(f"*{_SUFFIX}") if (found := _recover(path))]
        for segment in segments:
            segment.path.unlink()
        write_whole(named, identity.encode())
        return sum(segment.records for segment in segments)

    @property
    def open_bytes(self) -> int:
        """Bytes of data in the open segment."""
        return self._open.size_bytes if self._open else 0

    @property
    def held_records(self) -> int:
        """Records that are not dropped yet."""
        return sum(segment.records for segment in self.closed) + (self._open.records if self._open else 0)

    @property
    def held_bytes(self) -> int:
        """Bytes of data that are not dropped yet."""
        return sum(segment.size_bytes for segment in self.closed) + self.open_bytes

    @property
    def oldest_at(self) -> float | None:
        """When the oldest record that is not dropped arrived (epoch seconds); None: there is none."""
        if self.closed:
            return self.closed[0].oldest_at
        return self._open.oldest_at if self._open else None

    @property
    def is_open(self) -> bool:
        """Whether records arrived since the last cut."""
        return self._open is not None

    def append(self, records: Sequence[bytes], arrived_at: float) -> None:
        """Write records to the open segment; raises OSError, and then holds none of them."""
        target = self._open or self._begin(arrived_at)
        frames = b"".join(_FRAME.pack(arrived_at, len(data)) + data for data in records)
        try:
            _write_all(target.descriptor, frames)
        except OSError:
            os.ftruncate(target.descriptor, target.file_bytes)
            raise
        target.file_bytes += len(frames)
        target.records += len(records)
        target.size_bytes += sum(map(len, records))
        target.newest_at = arrived_at

    def cut(self) -> None:
        """Close the open segment: it joins `closed` as the last one."""
        done, self._open = self._open, None
        if done is None:
            return
        os.fsync(done.descriptor)
        os.close(done.descriptor)
        self.closed.append(
            Segment(done.path, _object_id(done.path), done.records, done.size_bytes, done.oldest_at, done.newest_at)
        )

    def drop(self, segment: Segment) -> None:
        """Forget a closed segment."""
        self.closed.remove(segment)
        segment.path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Forget everything, folder included."""
        self.cut()
        for segment in list(self.closed):
            self.drop(segment)
        (self.folder / _IDENTITY).unlink(missing_ok=True)
        self.folder.rmdir()

    def _begin(self, arrived_at: float) -> _Open:
        path = self.folder / f"{self._next:012d}-{uuid.uuid4()}{_SUFFIX}"
        self._next += 1
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._open = _Open(path, descriptor, oldest_at=arrived_at, newest_at=arrived_at)
        return self._open


def identity_of(folder: Path) -> str:
    """Return whose records a folder holds, empty where nobody said."""
    named = folder / _IDENTITY
    return named.read_text() if named.exists() else ""


def read(segment: Segment) -> list[bytes]:
    """Return a segment's records in order; raises OSError."""
    return [data for _, data in _frames(segment.path.read_bytes())]


def _frames(content: bytes) -> Iterator[tuple[float, bytes]]:
    at = 0
    while at + _FRAME.size <= len(content):
        arrived_at, length = _FRAME.unpack_from(content, at)
        at += _FRAME.size
        # A power cut may leave a tail of zeros where the data should be.
        if at + length > len(content) or arrived_at <= 0:
            return
        yield arrived_at, content[at : at + length]
        at += length


def _recover(path: Path) -> Segment | None:
    frames = list(_frames(path.read_bytes()))
    if not frames:
        path.unlink()
        return None
    size_bytes = sum(len(data) for _, data in frames)
    os.truncate(path, size_bytes + _FRAME.size * len(frames))
    return Segment(path, _object_id(path), len(frames), size_bytes, frames[0][0], frames[-1][0])


def _object_id(path: Path) -> str:
    return path.name.removesuffix(_SUFFIX).split("-", 1)[1]


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
