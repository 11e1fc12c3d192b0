"""Clients that answer from memory as boto3's do: enough of logs and s3 for the readers, with small pages."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any


class FakeLogs:
    """Streams of (timestamp ms, message); pages of `page_size` events; both ends of a range included, as in AWS."""

    def __init__(self, streams: dict[str, list[tuple[int, str]]], page_size: int = 5) -> None:
        self.streams, self.page_size = streams, page_size
        self.calls: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> FakeLogs:
        assert operation == "describe_log_streams"
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        for name, events in self.streams.items():
            times = [at for at, _ in events]
            known = {"firstEventTimestamp": min(times), "lastEventTimestamp": max(times)} if times else {}
            yield {"logStreams": [{"logStreamName": name, "creationTime": 1, **known}]}

    def filter_log_events(
        self,
        *,
        logGroupName: str,  # noqa: N803  boto3's names
        logStreamNames: list[str],  # noqa: N803
        startTime: int = 0,  # noqa: N803
        endTime: int = 1 << 60,  # noqa: N803
        nextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self.calls.append({"group": logGroupName, "streams": logStreamNames, "start": startTime, "end": endTime})
        found = [
            {"logStreamName": name, "timestamp": at, "message": message, "ingestionTime": at + 500}
            for name in logStreamNames
            for at, message in sorted(self.streams[name], key=lambda event: event[0])
            if startTime <= at <= endTime
        ]
        begin = int(nextToken)
        end = begin + self.page_size
        return {"events": found[begin:end]} | ({"nextToken": str(end)} if end < len(found) else {})


class FakeS3:
    """Objects by key: (bytes, time of the last change); listings of `page_size` keys."""

    def __init__(self, objects: dict[str, tuple[bytes, datetime]], page_size: int = 2) -> None:
        self.objects, self.page_size = objects, page_size

    def get_paginator(self, operation: str) -> FakeS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert Bucket
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        for at in range(0, max(len(keys), 1), self.page_size):
            page = keys[at : at + self.page_size]
            contents = [{"Key": k, "Size": len(self.objects[k][0]), "LastModified": self.objects[k][1]} for k in page]
            yield {"Contents": contents} if contents else {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket
        return {"Body": io.BytesIO(self.objects[Key][0])}


def at(minute: int, second: int = 0) -> datetime:
    """A moment of 7 November 2021, some minutes after nine."""
    return datetime(2021, 11, 7, 9, minute, second, tzinfo=UTC)
