"""Requests through the load balancer, and where their log lines arrived."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from lab_helpers import traffic
from tests.integration.stack import ERRORS, Stack

RATE_PER_S = 50.0
ROTATED_S = 60.0
"""Longest wait for a line: the router's flush, its one retry (5 to 11 s), Firehose's buffer and its retry."""


def send(stack: Stack, count: int, rate_per_s: float = RATE_PER_S) -> str:
    """Send requests that are all answered with 200; return the id that their paths hold."""
    run = traffic.new_run_id()
    rows = traffic.send(stack.url, count, rate_per_s, run)
    assert rows["status"].eq(200).all(), rows[rows["status"].ne(200)]
    return run


class Load:
    """Requests that go on, each answered or not, until told to stop; `rows` are those that were sent."""

    def __init__(self, stack: Stack, rate_per_s: float) -> None:
        self.run, self.rows = traffic.new_run_id(), pd.DataFrame()
        self._stack, self._rate_per_s, self._over = stack, rate_per_s, threading.Event()
        self._thread = threading.Thread(target=self._send, name="load")

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def ids(self) -> list[str]:
        return list(self.rows["id"])

    @property
    def lost(self) -> pd.DataFrame:
        """The requests that were not answered with 200."""
        return self.rows[self.rows["status"].ne(200).fillna(value=True)]

    def _send(self) -> None:
        parts = []
        while not self._over.is_set():  # one second's worth at a time
            parts.append(traffic.send(self._stack.url, round(self._rate_per_s), self._rate_per_s, self._next_id(parts)))
        self.rows = pd.concat(parts, ignore_index=True)

    def _next_id(self, parts: list[pd.DataFrame]) -> str:
        return f"{self.run}-{len(parts)}"


def ids_of(run: str, count: int) -> list[str]:
    """Return the ids that `send` gave its requests."""
    return [f"{run}-{number}" for number in range(count)]


def arrive_once(stack: Stack, run: str, ids: Iterable[str]) -> None:
    """Check that each request's line comes to CloudWatch and to S3, and comes once."""
    expected = Counter(ids)
    for where, look in (("CloudWatch", in_cloudwatch), ("S3", in_s3)):
        found = stack.target.wait(
            lambda look=look: look(stack, run),  # type: ignore[misc]
            f"{len(expected)} lines in {where}",
            done=lambda found: found.total() >= expected.total() and not expected - found,
            timeout_s=ROTATED_S,
            every_s=0.25,
        )
        assert found == expected, where


def in_cloudwatch(stack: Stack, run: str) -> Counter[str]:
    """Count the lines of a run's requests in the group that the router made."""
    return _ids(run, (each["message"] for each in httpd_events(stack, run)))


def in_s3(stack: Stack, run: str) -> Counter[str]:
    """Count the lines of a run's requests in the delivered objects."""
    return _ids(run, delivered_lines(stack))


def httpd_events(stack: Stack, text: str) -> list[dict[str, Any]]:
    """Return the events of httpd's log that hold a text."""
    return events(stack, stack.httpd_log_group, filterPattern=f'"{text}"')


def router_log(stack: Stack, text: str) -> list[dict[str, Any]]:
    """Return the events of the routers' own logs that hold a text."""
    return events(stack, stack.log_group, filterPattern=f'"{text}"')


def delivery_errors(stack: Stack) -> list[dict[str, Any]]:
    """Return what Firehose wrote about deliveries that failed."""
    return [json.loads(each["message"]) for each in events(stack, stack.log_group, logStreamNames=[ERRORS])]


def events(stack: Stack, group: str, **criteria: Any) -> list[dict[str, Any]]:
    """Return a log group's events; none when there is no such group."""
    logs = stack.target.client("logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **criteria)
    try:
        return [each for page in pages for each in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def keys(stack: Stack) -> list[str]:
    """Return the keys of the delivered objects in the bucket: Athena's answers, in `_athena/`, are none."""
    pages = stack.target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.bucket)
    found = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return [key for key in found if not key.startswith("_athena/")]


def delivered_lines(stack: Stack) -> Iterator[str]:
    """Yield the lines of all delivered objects in the bucket."""
    for key in keys(stack):
        yield from lines_of(stack, key)


def lines_of(stack: Stack, key: str) -> list[str]:
    """Return the lines of one delivered object."""
    body = stack.target.client("s3").get_object(Bucket=stack.bucket, Key=key)["Body"].read()
    return gzip.decompress(body).decode().splitlines()


def _ids(run: str, lines: Iterable[str]) -> Counter[str]:
    pattern = re.compile(rf"[?&]id=({re.escape(run)}-[\d-]+)")
    return Counter(found[1] for line in lines if (found := pattern.search(line)))
