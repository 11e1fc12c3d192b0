"""How long a cell says nothing is counted, and told in the report."""

from __future__ import annotations

import json
from pathlib import Path

from lab_helpers.workbook import report
from lab_helpers.workbook.silence import Listener, Silence


class Clock:
    """A clock that stands still unless moved."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_longest_pause_of_a_cell_counts() -> None:
    """Before its first message, between two, and after the last; a cell that speaks in time is not named."""
    clock = Clock()
    listener = Listener(clock)
    for cell, heard, end in (("begin", [6.0], 7.0), ("end", [1.0], 6.5), ("talks", [4.0, 8.0, 12.0], 17.0)):
        clock.now = 0.0
        listener.begin()
        for at in heard:
            clock.now = at
            listener.hear()
        clock.now = end
        listener.end(cell)
    assert listener.silent == [Silence("begin", 6.0), Silence("end", 5.5)]


def test_a_pause_between_two_cells_is_nobodys() -> None:
    """What papermill does between them is not shown to anybody."""
    clock = Clock()
    listener = Listener(clock)
    clock.now = 60.0
    listener.begin()
    listener.end("quick")
    assert listener.silent == []


def test_the_report_names_silent_cells(tmp_path: Path) -> None:
    """On its page, in its figures and in the terminal's sentence."""
    results = [
        report.NotebookResult("01_a", "passed", 9.0, "", (Silence("01-05", 6.2),)),
        report.NotebookResult("02_b", "passed", 9.0),
    ]
    told = "1 cells were silent for more than 5 s: 01_a 01-05 6.2 s."
    assert report.silent_sentence(results) == told
    assert report.silent_sentence(results[1:]) == "0 cells were silent for more than 5 s."
    page = report.write_report(tmp_path, results, [], tmp_path / "checks")
    assert told in page.read_text()
    books = json.loads((tmp_path / "report.json").read_text())["notebooks"]
    assert [book["silent"] for book in books] == [[{"cell": "01-05", "seconds": 6.2}], []]
