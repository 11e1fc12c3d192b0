"""Processes that SQL runs in, seen from the server: one is kept warm, one that was killed is replaced."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers.local_aws.duck.literals import literal

_LOG = logging.getLogger(__name__)
IDLE_S = 120
"""An idle process is 60 MB."""
_FRUGAL = {"MALLOC_ARENA_MAX": "2"}
"""glibc sets 64 MiB of addresses aside for each thread that asks for memory, unless it is told not to."""
_MODULE = "lab_helpers.local_aws.duck.worker"
_OUT_OF_MEMORY = frozenset({"OutOfMemoryException", "MemoryError"})


@dataclass(frozen=True)
class Bounds:
    """What one query may take: memory of its process, memory that DuckDB counts itself, spilled to disk, time, result.

    `result_bytes` counts text, and some for each row.
    """

    process_bytes: int = 1 << 30
    duckdb_memory: str = "400MB"
    spilled: str = "1GB"
    seconds: float = 300
    result_bytes: int = 64 << 20
    threads: int = 2


class TooMuchError(Exception):
    """A query is larger or longer than it may be here; the text says the bound. `is_time`: it was too long."""

    def __init__(self, text: str, *, is_time: bool = False) -> None:
        super().__init__(text)
        self.is_time = is_time


class SqlError(Exception):
    """DuckDB refuses a statement; `kind` is the name of its exception, the text its first line."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class CancelledError(Exception):
    """The query was stopped while it ran."""


def confined(bounds: Bounds, folder: Path) -> list[str]:
    """Settings of a connection from which SQL reaches nothing but the files in `folder`."""
    return [
        f"SET memory_limit='{bounds.duckdb_memory}'",
        f"SET threads={bounds.threads}",
        "SET TimeZone='UTC'",
        f"SET temp_directory={literal(folder / 'spill')}",
        f"SET allowed_directories=[{literal(folder)}]",
        f"SET max_temp_directory_size='{bounds.spilled}'",
        "SET enable_external_access=false",
        "SET lock_configuration=true",
    ]


class Worker:
    """One process, for one query at a time; `kill` may come from another thread at any moment."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._process = subprocess.Popen(
            [sys.executable, "-m", _MODULE, str(bounds.process_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **_FRUGAL},
        )
        self.pid = self._process.pid
        self.is_fit = True
        self._why: Exception | None = None

    def execute(self, sql: str, rows: Sequence[Sequence[Any]] = ()) -> None:
        """Run a statement, once or once a row of parameters. Raises SqlError, TooMuchError, CancelledError."""
        for _ in self._answers({"do": "execute", "sql": sql, "rows": rows}):
            pass

    def select(
        self, sql: str, printed_by: str, parameters: Sequence[Any] = (), most_rows: int = sys.maxsize
    ) -> tuple[list[tuple[str, str]], list[tuple[str | None, ...]]]:
        """Return a query's columns (name, DuckDB's type) and all of its rows; raises like `execute`.

        Each value is printed by the function of that name ("module:function").
        """
        columns, blocks = self.blocks(sql, printed_by, parameters, most_rows)
        return columns, [row for block in blocks for row in block]

    def blocks(
        self, sql: str, printed_by: str, parameters: Sequence[Any] = (), most_rows: int = sys.maxsize
    ) -> tuple[list[tuple[str, str]], Iterator[list[tuple[str | None, ...]]]]:
        """Return a query's columns, and its rows in blocks as they come: the process waits for who takes them.

        Nothing else may be asked before the last block was taken; taking one raises like `execute`, too.
        """
        bound = {"most_bytes": self._bounds.result_bytes, "most_rows": most_rows}
        question = {"do": "select", "sql": sql, "parameters": parameters, "printed_by": printed_by, **bound}
        answers = self._answers(question)
        columns = [(name, kind) for name, kind in next(answers)["columns"]]
        return columns, ([tuple(row) for row in answer["rows"]] for answer in answers)

    def kill(self, why: Exception) -> None:
        """End the process at once; who waits for its answer gets `why`. Safe twice: the first reason counts."""
        self._why, self.is_fit = self._why or why, False
        self._process.kill()

    def close(self) -> None:
        """End the process and wait for that; safe twice."""
        self.is_fit = False
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None, "opened with PIPE"
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked again."""
        return self.is_fit and self._process.poll() is None

    @contextmanager
    def session(self, settings: Sequence[str]) -> Iterator[None]:
        """Have a connection, and no more time than a query may take, for the length of a block."""
        seconds = self._bounds.seconds
        late = TooMuchError(f"Query exhausted time limit: it ran for {seconds} s", is_time=True)
        overdue = threading.Timer(seconds, self.kill, (late,))
        overdue.daemon = True
        try:
            self._all({"do": "open", "settings": list(settings)})
            overdue.start()
            try:
                yield
            except SqlError:  # the statement's own fault
                self._all({"do": "close"})
                raise
            self._all({"do": "close"})
        except SqlError:
            raise
        except BaseException:
            self.is_fit = False  # what it holds is unknown, and may be much
            raise
        finally:
            overdue.cancel()

    def _all(self, request: Mapping[str, Any]) -> None:
        for _ in self._answers(request):
            pass

    def _answers(self, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None, "opened with PIPE"
        assert told is not None, "opened with PIPE"
        try:
            asked.write(json.dumps(request) + "\n")
            asked.flush()
        except OSError:
            raise self._end() from None
        for line in told:
            if not line.endswith("\n"):
                break
            answer: dict[str, Any] = json.loads(line)
            if "error" in answer:
                raise self._error(answer["error"], answer["text"])
            if "done" in answer:
                return
            yield answer
        raise self._end()

    def _error(self, kind: str, text: str) -> Exception:
        if kind in _OUT_OF_MEMORY:
            return self._too_much()
        if kind == "ResultTooLargeError":
            bound = f"its result is larger than {self._bounds.result_bytes >> 20:,} MiB"
            return TooMuchError(f"Query exhausted resources at this scale factor: {bound}")
        return SqlError(kind, (text.splitlines() or [kind])[0])

    def _end(self) -> Exception:
        """Why the process gave no answer: it was killed by us, or died of what it was asked."""
        status = self._process.wait()
        if self._why is not None:
            return self._why
        _LOG.warning("a process that SQL runs in ended with status %d", status)
        return self._too_much()

    def _too_much(self) -> TooMuchError:
        bounds = self._bounds
        said = f"it needs more than {bounds.process_bytes >> 20:,} MiB, of which {bounds.duckdb_memory} for its tables"
        return TooMuchError(f"Query exhausted resources at this scale factor: {said}")


class Workers:
    """Hands out workers and keeps one that is idle, for `IDLE_S` seconds; owner of all of them."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._lock = threading.Lock()
        self._idle: Worker | None = None
        self._retirement: threading.Timer | None = None
        self._is_open = True

    def start(self) -> None:
        """Keep a worker again after `close`; safe twice."""
        with self._lock:
            self._is_open = True

    def warm(self) -> None:
        """Have a worker ready: loading DuckDB takes longer than many a query."""
        with self._lock:
            if self._idle is None and self._is_open:
                self._keep(Worker(self.bounds))

    @contextmanager
    def one(self) -> Iterator[Worker]:
        """A worker for the length of a block; it is kept for the next one unless it was killed or has failed."""
        worker = self._taken()
        if worker is not None and not worker.is_alive:
            worker.close()
            worker = None
        worker = worker or Worker(self.bounds)
        try:
            yield worker
        finally:
            self._take_back(worker)

    def close(self) -> None:
        """End the idle worker, and keep none from now on; safe twice."""
        with self._lock:
            self._is_open = False
        self._retire()

    def _taken(self) -> Worker | None:
        with self._lock:
            worker, self._idle = self._idle, None
            if self._retirement is not None:
                self._retirement.cancel()
            return worker

    def _take_back(self, worker: Worker) -> None:
        with self._lock:
            if worker.is_alive and self._idle is None and self._is_open:
                self._keep(worker)
                return
        worker.close()
        self.warm()

    def _keep(self, worker: Worker) -> None:
        self._idle, self._retirement = worker, threading.Timer(IDLE_S, self._retire)
        self._retirement.daemon = True
        self._retirement.start()

    def _retire(self) -> None:
        worker = self._taken()
        if worker is not None:
            worker.close()
