"""The batches that records travel in, from an input through the filters to a chunk.

A batch stays the msgpack bytes it arrived as until somebody asks for its records, and again becomes bytes in a chunk.
What a path does to every record alike (record_modifier's `Record key value`) is kept beside them as `appended`: nothing
per record. Times and bodies are two columns, so that a filter can treat a thousand values by one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from lab_helpers.router.records.record import Record, columns, encode, put_last

Body = dict[Any, Any]


class Batch:
    """Records of one tag on their way from an input through the filters.

    Either `raw` (concatenated msgpack entries `[time, body]`) or decoded records, or both while nobody has changed
    them; `appended` are (key, value) pairs that each body gets at its end, not yet applied to either.
    """

    __slots__ = ("_bodies", "_raw", "_times_ns", "appended", "count")

    def __init__(
        self,
        raw: bytes | None = None,
        count: int = 0,
        records: list[Record] | None = None,
        appended: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._raw, self._times_ns, self._bodies = raw, list[int](), None if records is None else list[Body]()
        self.count, self.appended = count, appended
        if records is not None:
            self._put([record.time_ns for record in records], [record.body for record in records])

    def records(self) -> list[Record]:
        """Return the decoded records, what was appended included; treat bodies as yours to change."""
        times_ns, bodies = self.columns()
        for body in bodies if self.appended else ():
            put_last(body, self.appended)
        self.appended, self._raw = (), None
        return list(map(Record, times_ns, bodies))

    def replace(self, records: list[Record]) -> None:
        """Put these records in the place of the batch's."""
        self.appended = ()
        self._put([record.time_ns for record in records], [record.body for record in records])

    def append_to_all(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Give every record these keys at its end; a key that is there already is replaced and moves to the end."""
        last = dict[str, str]()
        put_last(last, (*self.appended, *pairs))
        self.appended = tuple(last.items())

    def bodies(self, *keys: str) -> list[Body]:
        """Return the bodies to look at these keys: with what is appended where one of them is among it."""
        if any(key in keys for key, _ in self.appended):
            self.records()
        return self.columns()[1]

    def columns(self) -> tuple[list[int], list[Body]]:
        """Return times in nanoseconds and bodies, without what is appended. Decoded once; change nothing in them."""
        if self._bodies is None:
            self._times_ns, self._bodies = columns(self._raw or b"", self.count)
        return self._times_ns, self._bodies

    def copy_of(self, at: int) -> Record:
        """Return a record of its own, what is appended included."""
        times_ns, bodies = self.columns()
        body = dict(bodies[at])
        put_last(body, self.appended)
        return Record(times_ns[at], body)

    def change(self, times_ns: list[int], bodies: list[Body]) -> None:
        """Put these in the place of the columns; what is appended to each stays so."""
        self._put(times_ns, bodies)

    def keep(self, stays: Sequence[bool]) -> None:
        """Drop the records for which this is False."""
        if not all(stays):
            times_ns, bodies = self.columns()
            self._put(list(compress(times_ns, stays)), list(compress(bodies, stays)))

    def packed(self) -> bytes:
        """Return the entries as msgpack bytes, `appended` not included."""
        if self._raw is None:
            self._raw = encode(zip(self._times_ns, self._bodies or (), strict=True))
        return self._raw

    def made(self) -> tuple[list[int], list[Body]] | None:
        """Return the columns of records that a filter or an input has made; None where the bytes are all there is."""
        return None if self._bodies is None or self._raw is not None else (self._times_ns, self._bodies)

    def _put(self, times_ns: list[int], bodies: list[Body]) -> None:
        self._raw, self._times_ns, self._bodies, self.count = None, times_ns, bodies, len(bodies)
