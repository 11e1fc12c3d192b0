from __future__ import annotations

import json

import pandas as pd
import pytest

from lab_helpers.logs import frames, records
from lab_helpers.logs.apache import BROKEN_REQUEST, NOT_ACCESS_LOG
from tests.support.log_samples import TASKS, ndjson, record, request_line


def read(data: bytes) -> pd.DataFrame:
    return frames.to_frame([records.read(data)[0]])


def test_a_record_becomes_a_typed_row() -> None:
    """Metadata, access-log fields and the line, each in its column with its type."""
    row = read(ndjson(record(request_line("r-0")))).iloc[0]
    assert row[["task", "container", "cluster", "task_definition", "source"]].tolist() == [
        TASKS[0],
        "httpd",
        "lab-cluster",
        "lab-httpd:1",
        "stdout",
    ]
    assert row[["remote_host", "method", "path", "query", "protocol", "status", "size"]].tolist() == [
        "10.0.12.144",
        "GET",
        "/",
        "id=r-0",
        "HTTP/1.1",
        200,
        45,
    ]
    assert row["request_time"] == pd.Timestamp("2021-11-07T09:14:02Z")
    assert row["line"] == request_line("r-0")
    assert pd.isna(row["problem"])


def test_key_order_is_free() -> None:
    """Plugins print keys in different orders; the row is the same."""
    one = record(request_line("r-0"))
    other = dict(sorted(one.items(), reverse=True))
    pd.testing.assert_frame_equal(read(ndjson(one)), read(ndjson(other)))


@pytest.mark.parametrize(
    ("data", "problems"),
    [
        (b"{bad\n", [records.NOT_JSON]),
        (b"[1]\n", [records.NOT_JSON]),
        (b'"text"\n', [records.NOT_JSON]),
        (b'{"a": 1}\n', [records.NO_LOG]),
        (b'{"log": "x\xff"}\n', [records.NOT_UTF8]),
        (b'{"log": null}\n{"log": 5}\n{"log": {"a": 1}}\n', [NOT_ACCESS_LOG] * 3),
        (ndjson(record("[notice] resuming normal operations")), [NOT_ACCESS_LOG]),
        (ndjson(record('h - - [07/Nov/2021:09:14:02 +0000] "-" 408 -')), [BROKEN_REQUEST]),
        (b"\n  \n", []),
        (b"", []),
        (b'{"log": "\\ud800"}', [NOT_ACCESS_LOG]),
        (b"[" * 100_000, [records.NOT_JSON]),
        (b'{"log": "cut of', [records.NOT_JSON]),
    ],
)
def test_what_cannot_be_read_is_kept_and_marked(data: bytes, problems: list[str]) -> None:
    """Each line of an object is a row, with the reason when fields are missing."""
    frame = read(data)
    assert frame["problem"].astype(object).tolist() == problems
    assert frame["line"].notna().all()


def test_glued_records_are_taken_apart() -> None:
    """Firehose adds no delimiter: records without a newline between them are as many rows, all of one line."""
    glued = b"".join(json.dumps(record(request_line(f"r-{n}"))).encode() for n in range(3))
    table, origin = records.read(glued + b" rest\n" + ndjson(record(request_line("r-3"))))
    frame = frames.to_frame([table])
    assert frame["query"].dropna().tolist() == ["id=r-0", "id=r-1", "id=r-2", "id=r-3"]
    assert frame["problem"].astype(object).tolist()[3] == records.NOT_JSON
    assert list(origin) == [0, 0, 0, 0, 1]
