"""Log events on disk: a stream's events look like a list, of which memory holds the length only."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, overload

from lab_helpers.local_aws.state.store import StateStore

PAGE = 2_000
_COLUMNS = "timestamp, message, ingestion, serial, place"


class StoredEvent(NamedTuple):
    """One event: times in epoch milliseconds, `event_id` in order of arrival over all streams, `place` in its own."""

    timestamp: int
    message: str
    ingestion_time: int
    event_id: int
    place: int

    def to_response_dict(self) -> dict[str, Any]:
        """The event as GetLogEvents answers it."""
        return {"ingestionTime": self.ingestion_time, "message": self.message, "timestamp": self.timestamp}


class EventTable:
    """The events of all streams; safe to use from several threads."""

    def __init__(self, store: StateStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        ((last,),) = store.rows("SELECT max(serial) FROM events")
        self._serial = last or 0

    def append(self, stream: int, place: int, events: Sequence[Any]) -> None:
        """Write events (with timestamp, message, ingestion_time) behind the `place` that a stream has."""
        with self._lock:
            first = self._serial + 1
            self._serial += len(events)
            rows = [
                (first + i, stream, place + i, each.timestamp, each.ingestion_time, each.message)
                for i, each in enumerate(events)
            ]
            with self.store.change() as db:
                db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows)

    def forget_all_but(self, streams: Iterable[int]) -> int:
        """Remove the events of streams that are gone; return how many streams went."""
        kept = set(streams)
        found: set[int] = {row[0] for row in self.store.rows("SELECT DISTINCT stream FROM events")}
        gone: set[int] = found - kept
        for number in gone:
            self.forget(number)
        return len(gone)

    def forget(self, stream: int) -> None:
        """Remove a stream's events."""
        with self.store.change() as db:
            db.execute("DELETE FROM events WHERE stream = ?", (stream,))


class EventList(Sequence[StoredEvent]):
    """The events of one stream, in order of arrival; `+=` writes them to disk before it returns."""

    def __init__(self, table: EventTable, number: int) -> None:
        self._table, self.number = table, number
        sql = "SELECT coalesce(max(place) + 1, 0) FROM events WHERE stream = ?"
        self._length = int(table.store.rows(sql, (number,))[0][0])

    def __len__(self) -> int:
        return self._length

    def __iadd__(self, events: Iterable[Any]) -> EventList:
        written = list(events)
        self._table.append(self.number, self._length, written)
        self._length += len(written)
        return self

    @overload
    def __getitem__(self, at: int) -> StoredEvent: ...
    @overload
    def __getitem__(self, at: slice) -> list[StoredEvent]: ...
    def __getitem__(self, at: int | slice) -> StoredEvent | list[StoredEvent]:
        if isinstance(at, slice):
            start, stop, step = at.indices(self._length)
            return self._select("place >= ? AND place < ? ORDER BY place", start, stop)[:: step if step > 0 else 1]
        place = at + self._length if at < 0 else at
        found = self._select("place = ?", place)
        if not found:
            raise IndexError(at)
        return found[0]

    def __iter__(self) -> Iterator[StoredEvent]:
        for start in range(0, self._length, PAGE):
            yield from self[start : start + PAGE]

    def between(self, first: int, last: int, newest_first: bool = False) -> Iterator[StoredEvent]:
        """Yield the events of a range of epoch milliseconds, both ends included, in order of time, then of arrival."""
        order = "DESC" if newest_first else "ASC"
        beyond = "(timestamp, serial) < (?, ?)" if newest_first else "(timestamp, serial) > (?, ?)"
        after = (last + 1, -1) if newest_first else (first, -1)
        ends = "timestamp >= ?" if newest_first else "timestamp <= ?"
        while True:
            page = self._select(
                f"{beyond} AND {ends} ORDER BY timestamp {order}, serial {order} LIMIT {PAGE}",
                *after,
                first if newest_first else last,
            )
            yield from page
            if len(page) < PAGE:
                return
            after = (page[-1].timestamp, page[-1].event_id)

    def number_between(self, first: int, last: int) -> int:
        """Return how many events lie in a range of epoch milliseconds."""
        sql = "SELECT count(*) FROM events WHERE stream = ? AND timestamp BETWEEN ? AND ?"
        return int(self._table.store.rows(sql, (self.number, first, last))[0][0])

    def page(self, first: int, last: int, start: int, limit: int) -> list[StoredEvent]:
        """Return up to `limit` events of a range in order of time, from the `start`-th on."""
        where = "timestamp BETWEEN ? AND ? ORDER BY timestamp, serial LIMIT ? OFFSET ?"
        return self._select(where, first, last, limit, start)

    def span(self) -> tuple[int | None, int | None]:
        """Return the times of the oldest and the newest event, None where there is none."""
        rows = self._table.store.rows(
            "SELECT min(timestamp), max(timestamp) FROM events WHERE stream = ?", (self.number,)
        )
        return (rows[0][0], rows[0][1])

    def taken_in(self) -> tuple[int, int | None]:
        """Return the characters of all messages, and when the last was taken in (epoch ms, None without one)."""
        sql = "SELECT coalesce(sum(length(message)), 0), max(ingestion) FROM events WHERE stream = ?"
        length, at = self._table.store.rows(sql, (self.number,))[0]
        return int(length), at

    def _select(self, where: str, *values: int) -> list[StoredEvent]:
        sql = f"SELECT {_COLUMNS} FROM events WHERE stream = ? AND {where}"
        return [StoredEvent(*row) for row in self._table.store.rows(sql, (self.number, *values))]
