"""Where the tail input was in each file when the router ended: a small SQLite database.

Source: Fluent Bit 4.2.8's table, so that both can go on where the other stopped.
"""

from __future__ import annotations

import time
from typing import Any

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS in_tail_files (id INTEGER PRIMARY KEY, name TEXT NOT NULL, offset INTEGER, "
    "inode INTEGER, created INTEGER, rotated INTEGER DEFAULT 0)"
)


class Offsets:
    """The database; used by the loop's thread only. Raises OSError where it cannot be opened."""

    def __init__(self, path: str) -> None:
        import sqlite3  # only where a DB is configured: it costs memory

        try:
            self._connection: Any = sqlite3.connect(path, isolation_level=None)
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_SCHEMA)
        except sqlite3.Error as exc:
            raise OSError(f"cannot open database {path}: {exc}") from exc

    def get(self, path: str, inode: int, *, by_name: bool = False) -> int | None:
        """Return the offset of the file with this inode (and name, where asked for), None when it is not known."""
        query = "SELECT offset FROM in_tail_files WHERE inode = ? ORDER BY id DESC"
        row = self._connection.execute(query, (inode,)).fetchone()
        if by_name:
            query = "SELECT offset FROM in_tail_files WHERE inode = ? AND name = ? ORDER BY id DESC"
            row = self._connection.execute(query, (inode, path)).fetchone()
        return None if row is None else int(row[0])

    def put(self, path: str, inode: int, offset: int) -> None:
        """Keep the offset of this file."""
        done = self._connection.execute("UPDATE in_tail_files SET offset = ? WHERE inode = ?", (offset, inode))
        if done.rowcount == 0:
            self._connection.execute(
                "INSERT INTO in_tail_files (name, offset, inode, created) VALUES (?, ?, ?, ?)",
                (path, offset, inode, int(time.time())),
            )

    def forget(self, inode: int) -> None:
        """Forget a file that is gone."""
        self._connection.execute("DELETE FROM in_tail_files WHERE inode = ?", (inode,))

    def close(self) -> None:
        """Close the database; safe twice."""
        self._connection.close()
