"""The batches that records travel in, from an input through the filters to a chunk.

A batch stays the msgpack bytes it arrived as until somebody asks for its records, and again becomes bytes in a chunk.
What a path does to every record alike (record_modifier's `Record key value`) is kept beside them as `appended`: nothing
per record. Times and bodies are two columns, so that a filter can treat a thousand values by one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import msgpack

from lab_helpers.router.records.accessor import Path
from lab_helpers.router.records.record import Record, columns, encode, packable, put_last
from lab_helpers.router.records.table import Table
from lab_helpers.router.records.uniform import KEY, Alike, cut_alike

Body = dict[Any, Any]
TEXT_HEAD_BYTES, MAP_HEAD_BYTES = 5, 2
# of msgpack, at most: of a map only what it grows by
FEW = 8
# records: to look whether so many are alike costs more than to decode them


class Batch:
    """Records of one tag on their way from an input through the filters.

    Either `raw` (concatenated msgpack entries `[time, body]`), or decoded records, or records that are alike, or a
    table, or several of these while nobody has changed them; `appended` are (key, value) pairs that each body gets at
    its end, not yet applied to any.
    """

    __slots__ = ("_alike", "_bodies", "_may_be_alike", "_raw", "_times_ns", "appended", "count", "table")

    def __init__(
        self,
        raw: bytes | None = None,
        count: int = 0,
        records: list[Record] | None = None,
        appended: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._raw, self._times_ns, self._bodies = raw, list[int](), None if records is None else list[Body]()
        self.count, self.appended = count, appended
        self._alike: Alike | None = None
        self.table: Table | None = None
        self._may_be_alike = count >= FEW
        if records is not None:
            self._put([record.time_ns for record in records], [record.body for record in records])

    def records(self) -> list[Record]:
        """Return the decoded records, what was appended included; treat bodies as yours to change."""
        times_ns, bodies = self.columns()
        for body in bodies if self.appended else ():
            put_last(body, self.appended)
        self.appended, self._raw, self._alike, self.table, self._may_be_alike = (), None, None, None, False
        return list(map(Record, times_ns, bodies))

    def replace(self, records: list[Record]) -> None:
        """Put these records in the place of the batch's."""
        self.appended = ()
        self._put([record.time_ns for record in records], [record.body for record in records])

    def append_to_all(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Give every record these keys at its end; a key that is there already is replaced and moves to the end."""
        self._append((*self.appended, *pairs))

    def append_before(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Give every record these keys, too, in front of what is appended already."""
        self._append((*pairs, *self.appended))

    def texts(self, path: Path) -> list[str | None]:
        """Return the text at the path in each record, None where it is none; what is appended counts."""
        if any(key == path.root for key, _ in self.appended):
            self.records()
        if self.table is not None:
            return self.table.texts(path.root)
        alike = self.alike()
        if alike is None:
            return path.texts(self.columns()[1])
        return [*alike.texts] if path.root == KEY else [path.text(alike.body)] * self.count

    def may_hold(self, path: Path, text: str) -> bool:
        """Whether a record may have a text with this one in it at the path: False only where the bytes say so."""
        if self._raw is None or any(key == path.root for key, _ in self.appended):
            return True
        return text.encode("utf-8", "surrogateescape") in self._raw

    def alike(self) -> Alike | None:
        """Return the records, without what is appended, where they differ in time and in `log` alone."""
        if self._may_be_alike:
            self._may_be_alike = False
            found = cut_alike(self._raw or b"")
            self._alike = found if found is not None and len(found.texts) == self.count else None
        return self._alike

    def columns(self) -> tuple[list[int], list[Body]]:
        """Return times in nanoseconds and bodies, without what is appended. Decoded once; change nothing in them."""
        if self._bodies is None:
            if self.table is not None:
                self._times_ns, self._bodies = self.table.times_ns, self.table.bodies()
            elif self._alike is None:
                self._times_ns, self._bodies = columns(self._raw or b"", self.count)
            else:
                times_ns, texts, body = self._alike
                self._times_ns, self._bodies = times_ns, [{**body, KEY: text} for text in texts]
        return self._times_ns, self._bodies

    def copy_of(self, at: int) -> Record:
        """Return a record of its own, what is appended included."""
        times_ns, bodies = self.columns()
        body = dict(bodies[at])
        put_last(body, self.appended)
        return Record(times_ns[at], body)

    def picked(self, places: Sequence[int]) -> Batch:
        """Return the records at these places as a batch of its own, with what is appended to them."""
        batch = Batch(appended=self.appended)
        if self.table is not None:
            batch.tabulate(self.table.picked(places))
        elif self._alike is not None:
            times_ns, texts, body = self._alike
            batch._be_alike(Alike([times_ns[at] for at in places], [texts[at] for at in places], body))
        else:
            times_ns, bodies = self.columns()
            batch._put([times_ns[at] for at in places], [dict(bodies[at]) for at in places])
        return batch

    def most_bytes(self) -> int:
        """Return what the bodies take at most as msgpack, with what is appended. Raises ValueError, RecursionError."""
        if self.table is not None:
            size = self.table.packed().size_bytes
        else:
            size = len(msgpack.packb(self.columns()[1], unicode_errors="surrogateescape", default=packable))
        texts = [text for pair in self.appended for text in pair]
        more = sum(len(text.encode("utf-8", "surrogateescape")) + TEXT_HEAD_BYTES for text in texts)
        return size + self.count * (more + MAP_HEAD_BYTES)

    def tabulate(self, table: Table) -> None:
        """Put these records in the place of the batch's; what is appended to each stays so."""
        self._put(table.times_ns, [])
        self._bodies, self.table, self.count = None, table, len(table.times_ns)

    def change(self, times_ns: list[int], bodies: list[Body]) -> None:
        """Put these in the place of the columns; what is appended to each stays so."""
        self._put(times_ns, bodies)

    def keep(self, stays: Sequence[bool]) -> None:
        """Drop the records for which this is False."""
        if all(stays):
            return
        if self.table is not None:
            self.tabulate(self.table.kept(stays))
        elif self._alike is not None:
            times_ns, texts, body = self._alike
            self._be_alike(Alike(list(compress(times_ns, stays)), list(compress(texts, stays)), body))
        else:
            times_ns, bodies = self.columns()
            self._put(list(compress(times_ns, stays)), list(compress(bodies, stays)))

    def packed(self) -> bytes:
        """Return the entries as msgpack bytes, `appended` not included."""
        if self._raw is None:
            self._raw = encode(zip(*self.columns(), strict=True))
        return self._raw

    def made(self) -> tuple[list[int], list[Body]] | None:
        """Return the columns of records that a filter or an input has made; None where there are bytes that say so."""
        return None if self._raw is not None else self.columns()

    def _append(self, pairs: Sequence[tuple[str, str]]) -> None:
        last = dict[str, str]()
        put_last(last, pairs)
        self.appended = tuple(last.items())

    def _be_alike(self, alike: Alike) -> None:
        self._put(alike.times_ns, [])
        self._bodies, self._alike, self.count = None, alike, len(alike.texts)

    def _put(self, times_ns: list[int], bodies: list[Body]) -> None:
        self._raw, self._alike, self.table, self._may_be_alike = None, None, None, False
        self._times_ns, self._bodies, self.count = times_ns, bodies, len(bodies)
