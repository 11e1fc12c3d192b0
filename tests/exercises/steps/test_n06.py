"""Judges of notebook 06."""

from __future__ import annotations

import gzip
import threading
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from lab_helpers.exercises.steps import n06
from lab_helpers.pipeline import trace

HOUR = "2026/02/02/23"
BODY = gzip.compress(b'{"log": "my-request"}\n')


class Bucket:
    """S3 with one bucket, whose objects a listing and a reader find at different moments."""

    def __init__(self) -> None:
        self.objects = {f"{HOUR}/one.gz": BODY}

    def put_object(self, **given: Any) -> None:
        self.objects[given["Key"]] = given["Body"]

    def delete_object(self, **given: Any) -> None:
        self.objects.pop(given["Key"])


def test_queries_that_are_judged_at_once_do_not_miss_each_others_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The object of another hour is there as long as a query runs, and no judge lists that of another."""
    bucket, both = Bucket(), threading.Barrier(2)
    lab: Any = SimpleNamespace(client=lambda _: bucket, outputs=SimpleNamespace(log_bucket="logs"))

    def each_object(_: Any, __: str, prefix: str = "") -> list[tuple[Any, Any]]:
        listed = [key for key in bucket.objects if key.startswith(prefix)]
        meet()
        return [(SimpleNamespace(key=key, size=len(bucket.objects[key])), _text(bucket.objects[key])) for key in listed]

    def ask(_: Any, __: str) -> pd.DataFrame:
        assert n06.OTHER_HOUR in bucket.objects
        meet()
        assert n06.OTHER_HOUR in bucket.objects
        rows = pd.DataFrame({"lines": [1]})
        rows.attrs["scanned_bytes"] = len(BODY)
        return rows

    def meet() -> None:
        """Let the other judge, should it be at work too, go on to where it is seen."""
        try:
            both.wait(0.05)
        except threading.BrokenBarrierError:
            both.reset()

    monkeypatch.setattr(n06.s3_logs, "each_object", each_object)
    monkeypatch.setattr(n06.sql, "ask", ask)
    monkeypatch.setattr(trace, "traced_id", lambda _: "my-request")
    found: list[Any] = []

    def judge() -> None:
        try:
            found.append(n06.reads_one_hour(lab, "SELECT count(*) AS lines FROM httpd"))
        except (AssertionError, KeyError) as exc:
            found.append(exc)

    threads = [threading.Thread(target=judge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [getattr(each, "is_passed", each) for each in found] == [True, True]


def _text(body: bytes) -> Any:
    return SimpleNamespace(data=gzip.decompress(body))
