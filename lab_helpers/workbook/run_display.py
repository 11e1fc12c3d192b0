"""How far a headless run is, in a terminal: one line that is rewritten, or, in a log, a line every so often."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO

from lab_helpers.workbook.report import NotebookResult, silent_sentence

TERMINAL_S = 0.5
LOG_S = 20.0


class RunDisplay:
    """Shows notebook i of n, cell k of m and the elapsed time while the run goes on."""

    def __init__(self, names: Sequence[str], out: TextIO = sys.stdout) -> None:
        self._names, self._out = list(names), out
        self._started = time.monotonic()
        self._line = "starting"
        self._begun: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="run-display", daemon=True)

    def __enter__(self) -> RunDisplay:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._out.isatty():
            print("\r\033[K", end="", file=self._out, flush=True)

    def on_cell(self, name: str, number: int, count: int) -> None:
        """Take note of the cell that begins; a new notebook gets a line of its own in a log."""
        position = self._names.index(name) + 1
        self._line = f"notebook {position} of {len(self._names)} ({name}), cell {number} of {count}"
        if name not in self._begun:
            self._begun.add(name)
            self._show()

    def close(self, results: Sequence[NotebookResult], seconds: float) -> None:
        """Print each notebook's status and seconds, those of the whole run, and which cells were silent."""
        for result in results:
            print(f"{result.status:8} {result.seconds:7.1f} s  {result.name}  {result.error}".rstrip(), file=self._out)
        print(f"         {seconds:7.1f} s  in all", file=self._out, flush=True)
        print(silent_sentence(results), file=self._out, flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(TERMINAL_S if self._out.isatty() else LOG_S):
            self._show()

    def _show(self) -> None:
        elapsed_s = time.monotonic() - self._started
        minutes, seconds = divmod(int(elapsed_s), 60)
        text = f"{minutes}:{seconds:02} {self._line}"
        print(f"\r\033[K{text}" if self._out.isatty() else text, end="" if self._out.isatty() else "\n", file=self._out)
        self._out.flush()
