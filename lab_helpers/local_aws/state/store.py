"""One SQLite file for all state that is not a file by itself: whole after a kill at any moment.

A change is with the kernel when its call is answered (write-ahead log, no fsync at each commit): a killed process loses
nothing, a power cut at most the last seconds, and never half a change. Source: "Write-Ahead Logging" and the pragma
`synchronous` of SQLite's documentation.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab_helpers.base.errors import StateDamagedError, StateVersionError

FILE = "state.db"
CHECKPOINT_PAGES = 2_000
"""How long the write-ahead log may grow, in pages of 4 KiB, before it is worked in."""
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (room TEXT, name TEXT, data BLOB NOT NULL, PRIMARY KEY (room, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT, key TEXT, data BLOB NOT NULL, files TEXT NOT NULL, PRIMARY KEY (bucket, key));
CREATE TABLE IF NOT EXISTS grown (list TEXT, at INTEGER, data BLOB NOT NULL, PRIMARY KEY (list, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    serial INTEGER PRIMARY KEY, stream INTEGER NOT NULL, place INTEGER NOT NULL, timestamp INTEGER NOT NULL,
    ingestion INTEGER NOT NULL, message TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS events_by_place ON events (stream, place);
CREATE INDEX IF NOT EXISTS events_by_time ON events (stream, timestamp, serial);
"""


class StateStore:
    """The file; safe to use from several threads. `path` None: in memory, for a server that keeps nothing."""

    def __init__(self, path: Path | None, version: str, readable: Collection[str] = ()) -> None:
        """Open or make the file; one of a `readable` version is of `version` from now on.

        Raises StateVersionError, or StateDamagedError for a file that is no database.
        """
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        if path is not None and not path.exists():
            path.touch(mode=0o600)
        self._db = sqlite3.connect(str(path or ":memory:"), check_same_thread=False, isolation_level=None)
        try:
            self._prepare(version, readable)
        except sqlite3.DatabaseError as exc:
            self._db.close()
            raise StateDamagedError(str(path), str(exc)) from exc
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, version: str, readable: Collection[str]) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        self._db.executescript(_TABLES)
        found = self.meta("version")
        if found is None or found in readable:
            self.set_meta("version", version)
        elif found != version:
            raise StateVersionError(str(self.path), found, version)

    def close(self) -> None:
        """Work the log in and close; safe twice."""
        with self._lock:
            self._db.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a transaction, which nested ones join; all of it is kept, or nothing."""
        with self._lock:
            if self._depth:
                yield self._db
                return
            self._depth += 1
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            else:
                self._db.execute("COMMIT")
            finally:
                self._depth -= 1

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def meta(self, name: str) -> str | None:
        """Return a fact about the state as a whole ("version", "instance", "port"), None when it was never set."""
        found = self.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return str(found[0][0]) if found else None

    def set_meta(self, name: str, value: str) -> None:
        """Keep a fact about the state as a whole."""
        with self.change() as db:
            db.execute("REPLACE INTO meta VALUES (?, ?)", (name, value))

    def get(self, room: str, name: str) -> bytes | None:
        """Return what was put, None when nothing was."""
        found = self.rows("SELECT data FROM kept WHERE room = ? AND name = ?", (room, name))
        return bytes(found[0][0]) if found else None

    def put(self, room: str, name: str, data: bytes) -> None:
        """Keep some bytes under a room (a service) and a name in it."""
        with self.change() as db:
            db.execute("REPLACE INTO kept VALUES (?, ?, ?)", (room, name, data))

    def drop(self, room: str, name: str) -> None:
        """Forget what was put, if anything."""
        with self.change() as db:
            db.execute("DELETE FROM kept WHERE room = ? AND name = ?", (room, name))

    def names(self, room: str) -> list[str]:
        """Return the names in a room, sorted."""
        return [str(name) for (name,) in self.rows("SELECT name FROM kept WHERE room = ? ORDER BY name", (room,))]

    def grow(self, name: str, at: int, pieces: Iterable[bytes]) -> None:
        """Append to a list that only grows; `at` is the place of the first piece."""
        with self.change() as db:
            rows = ((name, at + i, data) for i, data in enumerate(pieces))
            db.executemany("REPLACE INTO grown VALUES (?, ?, ?)", rows)

    def shrink(self, name: str) -> None:
        """Forget a growing list."""
        with self.change() as db:
            db.execute("DELETE FROM grown WHERE list = ?", (name,))

    def grown(self, name: str) -> list[bytes]:
        """Return a growing list's pieces in order."""
        return [bytes(data) for (data,) in self.rows("SELECT data FROM grown WHERE list = ? ORDER BY at", (name,))]

    @contextmanager
    def standing_still(self) -> Iterator[Path | None]:
        """Yield the file while nothing is written, with everything worked in: it may be copied."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            yield self.path
