from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.logs import frames, records
from lab_helpers.logs.fast import access_anchors, record_scan
from lab_helpers.logs.fast.byte_columns import Buffer, Scratch
from tests.support.log_samples import HEALTH_CHECK, TASKS, ndjson, record, request_line

LINES = [
    HEALTH_CHECK,
    request_line("r-1"),
    request_line("r-2", host="2001:db8::ff00:42:8329"),
    request_line("r-3").replace(" - - ", " - alice "),
    request_line("r-4").replace(" - - ", " - jo doe "),
    request_line("r-5").replace(" 200 45", " 304 -"),
    request_line("r-6").replace(" 200 45", " - 123456789012345678"),
    request_line("r-7").replace("+0000", "+0900"),
    request_line("r-8").replace(":02 ", ":60 "),
    request_line("r-9").replace("07/Nov", "31/Feb"),
    request_line("r?10?x=?").replace("HTTP/1.1", "HTTP/2.0"),
    HEALTH_CHECK.replace("GET / ", "GET /? "),
    HEALTH_CHECK.replace("GET / HTTP/1.1", "-"),
    HEALTH_CHECK.replace("GET", "GÄT"),
    HEALTH_CHECK + ' "-" "ELB-HealthChecker/2.0"',
    request_line("r-11") + ' "http://a/?b" "Mozilla/5.0 (X11; Linux) Gecko"',
    request_line("r-12") + ' "" ""',
    request_line("r-13") + r' "-" "a \"quoted\" agent"',
    request_line("r-14") + r' "-" "tab\tand \xc3\xa9"',
    request_line("x" * 1500),
    "[notice] AH00094: Command line: 'httpd -D FOREGROUND'",
    "",
]
"""Lines of each kind that the fast reader takes, and of each kind that it must leave to the slow one."""
MEANINGFUL = (*b'\0 "\\?-:06\n\t{},', 0x7F, 0x80, 0xC3, 0xFF)


def assert_agrees(data: bytes, reader: records.Reader | None = None) -> None:
    """The fast reader's rows and their origins are the slow reader's, value for value."""
    fast, lines = (reader or records.Reader()).read(data)
    slow, slow_lines = records.read_slowly(data)
    pd.testing.assert_frame_equal(plain(frames.to_frame([fast])), plain(frames.to_frame([slow])))
    assert np.array_equal(lines, slow_lines)


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories as values: their order may differ."""
    return frame.astype({name: object for name in frame.columns if frame[name].dtype == "category"})


@pytest.mark.parametrize("line", LINES)
def test_each_kind_of_line(line: str) -> None:
    """Every kind of line is read as the slow reader reads it, alone and among others."""
    assert_agrees(ndjson(record(line)))
    assert_agrees(ndjson(record(HEALTH_CHECK), record(line), record(request_line("r-0"), TASKS[1])))


@given(st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(TASKS), st.sampled_from(["stdout", "stderr"]))))
@settings(max_examples=30, deadline=None)
def test_any_mixture(mixture: list[tuple[str, str, str]]) -> None:
    """Tasks, sources and kinds of lines in any mixture and order."""
    made = [record(line, task) | {"source": source} for line, task, source in mixture]
    assert_agrees(ndjson(*made))


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_any_damage(place: int, replacement: bytes) -> None:
    """Whatever bytes are put in whatever place, both readers see the same."""
    data = bytearray(ndjson(*(record(line, TASKS[n % 2]) for n, line in enumerate(LINES[:12]))))
    data[place % len(data) : place % len(data) + len(replacement)] = replacement
    assert_agrees(bytes(data))


def test_what_was_learned_from_one_object_serves_the_next() -> None:
    """A reader that has seen a task reads its later records with the same result, and other records too."""
    reader = records.Reader()
    for task in (*TASKS, *TASKS):
        assert_agrees(ndjson(*(record(line, task) for line in LINES)), reader)
    assert_agrees(ndjson(*({"log": line} for line in LINES)), reader)


@pytest.mark.parametrize(
    "form",
    [
        lambda r: json.dumps(dict(sorted(r.items()))),
        lambda r: json.dumps(r, separators=(",", ":")),
        lambda r: json.dumps({"date": random.Random(r["log"]).random(), **r}),
        lambda r: json.dumps({**r, "log": "first", "extra": {"log": r["log"]}}),
        lambda r: json.dumps(r) + "  ",
        lambda r: json.dumps({**r, "container_name": None, "ecs_cluster": 5}),
        lambda r: '{"log": "a", ' + json.dumps(r)[1:],
    ],
)
def test_other_forms_of_records(form: object) -> None:
    """Key order, spacing, keys that change with each record, nested and doubled keys change nothing."""
    assert callable(form)
    assert_agrees("\n".join(form(record(line)) for line in LINES).encode())


def test_most_lines_take_the_fast_way() -> None:
    """Regular lines leave nothing to the slow reader: the speed rests on it."""
    lines = [line for line in LINES if line.startswith(("10.", "2001"))]
    regular = [record(line, TASKS[n % 2]) for n, line in enumerate(lines[:3] * 50)]
    scanned = record_scan.scan(Buffer([ndjson(*regular)], Scratch()), [])
    assert sum(table.num_rows for table in scanned.tables) == 150
    assert scanned.others == []


def _damaged(line: str, replacements: Iterable[int], *, all_of_it: bool = False) -> bytes:
    """Return the record of a line with each byte of the line (or of all of it) replaced in turn, each in a line."""
    raw = ndjson(record(line)).rstrip(b"\n")
    start = 0 if all_of_it else raw.index(b'"log": "') + 8
    end = len(raw) if all_of_it else raw.index(b'"', start + len(json.dumps(line)) - 2)
    places = [(at, byte) for at in range(start, end) for byte in replacements]
    return b"".join(raw[:at] + bytes((byte,)) + raw[at + 1 :] + b"\n" for at, byte in places)


@pytest.mark.parametrize("line", [LINES[1], LINES[5], HEALTH_CHECK])
def test_every_damage_to_a_usual_line(line: str) -> None:
    """Each byte of it replaced by each other byte is seen as the slow reader sees it: all of them, none sampled."""
    assert_agrees(ndjson(record(line)) + _damaged(line, range(256)))


@pytest.mark.parametrize("line", [line for line in LINES if 0 < len(line) < 1000])
def test_every_damage_that_means_something(line: str) -> None:
    """In each kind of line, each byte replaced by each that has a meaning for a reader of bytes."""
    assert_agrees(ndjson(record(line)) + _damaged(line, MEANINGFUL))


@pytest.mark.parametrize("replacement", MEANINGFUL)
def test_every_damage_to_what_is_around_a_line(replacement: int) -> None:
    """The record around the line, its keys and values, its braces and its end."""
    intact = ndjson(*(record(HEALTH_CHECK, task) for task in TASKS))
    assert_agrees(intact + _damaged(HEALTH_CHECK, [replacement], all_of_it=True))


def test_usual_lines_take_the_fastest_way() -> None:
    """Common-format lines without user are read from both ends, whatever their size, query or status."""
    texts = [json.dumps(line)[1:-1].encode() for line in (LINES[1], LINES[5], HEALTH_CHECK, LINES[3])]
    buffer = Buffer(texts, Scratch())
    columns, found = access_anchors.read(buffer, *buffer.lines())
    assert found.tolist() == [0, 1, 2]
    assert columns["size"].to_pylist() == [45, None, 45]
    assert columns["path"].to_pylist() == ["/", "/", "/"]
    assert columns["query"].to_pylist() == ["id=r-1", "id=r-5", None]


@pytest.mark.parametrize("how", ["off", "missing"])
def test_everything_works_without_the_fast_readers(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off, or with their folder deleted: the same rows, origins and parts."""
    parts = [ndjson(*(record(line) for line in LINES)), b"", ndjson(record(HEALTH_CHECK)).rstrip(b"\n"), b"torn {"]
    fast, owners = records.Reader().read_parts(parts)
    if how == "off":
        monkeypatch.setenv(records.FAST_READERS, "off")
    else:
        monkeypatch.setitem(sys.modules, "lab_helpers.logs.fast", None)
    slow, slow_owners = records.Reader().read_parts(parts)
    pd.testing.assert_frame_equal(plain(frames.to_frame([fast])), plain(frames.to_frame([slow])))
    assert np.array_equal(owners, slow_owners)


def test_nobody_needs_the_fast_readers() -> None:
    """Outside of their folder they are named in one place, late, so that the folder can be deleted."""
    package = Path(records.__file__).parents[1]
    users = [path for path in package.rglob("*.py") if "logs.fast" in path.read_text() and path.parent.name != "fast"]
    assert users == [Path(records.__file__)]
