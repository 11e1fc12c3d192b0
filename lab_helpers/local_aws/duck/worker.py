"""The process that SQL runs in: `python -m lab_helpers.local_aws.duck.worker MOST_BYTES`, one JSON request a line.

A value outside of DuckDB's own memory limit (`repeat('x', 3000000000)`) is bounded by the process's address space
where the system keeps such a limit (Linux), else (macOS) by a look at its memory every few milliseconds.
Requests: {"do": "open", "settings"}, {"do": "execute", "sql", "rows"}, {"do": "select", "sql", "parameters",
"most_bytes", "most_rows", "printed_by"}, {"do": "close"}. Answers: {"done"}, {"columns"}, {"rows"}, {"error", "text"}.
Ends with its standard input, whatever it is at.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb

TOO_LARGE = 86
"""The status it ends with when it has taken more memory than it may."""
BLOCK_ROWS, ROW_BYTES = 256, 64
_LOOK_EVERY_S = 0.02

Answer = dict[str, Any]
Print = Callable[[Any], str | None]


class ResultTooLargeError(Exception):
    """A result is larger than was asked for."""


class Session:
    """One connection at a time, from "open" to "close"."""

    def __init__(self) -> None:
        self._connection: Any = None

    def answers(self, request: Mapping[str, Any]) -> Iterator[Answer]:
        """Do what a request says."""
        match request["do"]:
            case "open":
                self._connection = duckdb.connect(":memory:", config={"threads": 1})  # not one for each core
                for setting in request["settings"]:
                    self._connection.execute(setting)
            case "execute" if request.get("rows"):
                self._connection.executemany(request["sql"], request["rows"])
            case "execute":
                self._connection.execute(request["sql"])
            case "select":
                yield from self._select(request)
            case "close":
                self._connection.close()
        yield {"done": True}

    def _select(self, request: Mapping[str, Any]) -> Iterator[Answer]:
        cursor = self._connection.execute(request["sql"], request["parameters"])
        yield {"columns": [[column[0], str(column[1])] for column in cursor.description or ()]}
        printed, left, size_bytes = _named(request["printed_by"]), request["most_rows"], 0
        while left > 0 and (block := cursor.fetchmany(min(left, BLOCK_ROWS))):
            told = [[printed(value) for value in row] for row in block]
            left -= len(told)
            size_bytes += sum(ROW_BYTES + sum(len(value) for value in row if value) for row in told)
            if size_bytes > request["most_bytes"]:
                raise ResultTooLargeError
            yield {"rows": told}


def serve(requests: Iterator[Mapping[str, Any]], tell: Callable[[Answer], None]) -> None:
    """Answer requests in their order; what fails is told by the error's name and text."""
    session = Session()
    for request in requests:
        try:
            for answer in session.answers(request):
                tell(answer)
        except (duckdb.Error, MemoryError, ResultTooLargeError) as error:
            tell({"error": type(error).__name__, "text": str(error)})


def main() -> None:
    """Serve standard input and output."""
    _bound(int(sys.argv[1]))
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests,), name="requests", daemon=True).start()
    serve((json.loads(requests.get()) for _ in iter(int, 1)), _tell)


def _bound(most_bytes: int) -> None:
    """Take no more memory than this; raises nothing: what a system cannot limit is watched."""
    if sys.platform != "darwin":
        resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    else:
        threading.Thread(target=_watch, args=(most_bytes,), name="memory", daemon=True).start()


def _watch(most_bytes: int) -> None:
    while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < most_bytes:  # in bytes on macOS
        time.sleep(_LOOK_EVERY_S)
    os._exit(TOO_LARGE)


def _read(requests: queue.SimpleQueue[str]) -> None:
    """Hand over lines; the end of them is the end of the process, in the middle of a statement too."""
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)


def _tell(answer: Answer) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _named(name: str) -> Print:
    module, _, function = name.partition(":")
    found: Print = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    main()
