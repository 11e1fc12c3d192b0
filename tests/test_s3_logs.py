from __future__ import annotations

import gzip
from datetime import datetime
from typing import Any

import pandas as pd
import pytest
from botocore.exceptions import ClientError, IncompleteReadError
from botocore.stub import Stubber

from lab_helpers import s3_logs
from lab_helpers.base.clients import Clients
from lab_helpers.base.errors import AccessDeniedError, AwsCallError, NotFoundError, SettingsError
from lab_helpers.base.parallel import Progress
from lab_helpers.logs import frames
from tests.support.fake_aws import FakeS3, at
from tests.support.log_samples import gzipped, ndjson, record, request_line
from tests.support.throttled import Quota, serving_s3

KEY = "2021/11/07/09/lab-firehose-1-2021-11-07-09-{:02}-00-0a1b2c3d-1111-2222-3333-444455556666.gz"


def bucket(**changed: bytes) -> FakeS3:
    """Four objects with three lines each, delivered at 09:11 to 09:14, a minute after the time in their keys."""
    objects: dict[str, tuple[bytes, datetime]] = {}
    for n in range(4):
        body = gzipped(*(record(request_line(f"r-{n}-{i}")) for i in range(3)))
        objects[KEY.format(10 + n)] = changed.get(f"object{n}", body), at(11 + n)
    return FakeS3(objects)


def ids(frame: pd.DataFrame) -> list[str]:
    return frame["query"].str.removeprefix("id=").tolist()


ALL = [f"r-{n}-{i}" for n in range(4) for i in range(3)]


def test_all_lines_in_the_order_of_keys() -> None:
    """Every line of every object, with its object and when that was delivered."""
    seen = list[Progress]()
    frame = s3_logs.read_objects(bucket(), "b", on_progress=seen.append)
    assert ids(frame) == ALL
    assert frame.columns.tolist() == frames.LOG_SCHEMA.names
    assert frame["s3_key"].astype(str).unique().tolist() == [KEY.format(10 + n) for n in range(4)]
    assert frame["delivered_at"].iloc[-1] == pd.Timestamp(at(14))
    assert s3_logs.damaged(frame).empty
    assert seen[-1] == Progress(4, 4, "objects")


def test_the_range_is_over_delivery_time() -> None:
    """`since` belongs to the range (whole seconds, as S3 knows them), `until` does not."""
    assert ids(s3_logs.read_objects(bucket(), "b", since=at(13).replace(microsecond=900_000))) == ALL[6:]
    assert ids(s3_logs.read_objects(bucket(), "b", until=at(12))) == ALL[:3]
    assert ids(s3_logs.read_objects(bucket(), "b", "2020/")) == []


def test_generator_gives_some_objects_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator form gives the same lines without holding them all."""
    monkeypatch.setattr(s3_logs, "BATCH_BYTES", 2000)
    parts = list(s3_logs.iter_objects(bucket(object2=b"<html>"), "b"))
    assert [len(part) for part in parts] == [6, 4]
    assert [len(s3_logs.damaged(part)) for part in parts] == [0, 1]


class CountingS3(FakeS3):
    asked = 0

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.asked += 1
        return super().get_object(Bucket=Bucket, Key=Key)


def test_memory_is_bounded_by_what_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many objects there are, only so many are fetched before a consumer asks for more."""
    monkeypatch.setattr(s3_logs, "BATCH_BYTES", 1)
    body = gzipped(record(request_line("r")))
    s3 = CountingS3({f"{n:04}.gz": (body, at(10)) for n in range(60)}, page_size=1000)
    parts = s3_logs.iter_objects(s3, "b", workers=4)
    assert len(next(parts)) == 1
    parts.close()  # type: ignore[attr-defined]
    in_flight = 2 * 4 + 2 + s3_logs.READERS + 1
    assert 1 <= s3.asked <= in_flight
    assert sum(len(part) for part in s3_logs.iter_objects(s3, "b", workers=4)) == 60


@pytest.mark.parametrize(
    ("body", "why", "lines"),
    [
        (gzipped(*(record(request_line(f"x-{i}")) for i in range(3)))[:-30], "truncated gzip data", None),
        (ndjson(record(request_line("x-0"))), "not gzip as its name says", 1),
        (b"<html>", "not gzip as its name says", 1),
        (b"", "not gzip as its name says, but empty", 0),
        (gzipped(record(request_line("x-0"))) + b"rubbish", "7 bytes behind the gzip data", 1),
        (gzip.compress(b"", mtime=0)[:5], "truncated gzip data", 0),
    ],
)
def test_damaged_objects_are_named_and_the_rest_is_read(body: bytes, why: str, lines: int | None) -> None:
    """What can be read of a damaged object is in the frame; the object, why and how much are listed."""
    frame = s3_logs.read_objects(bucket(object1=body), "b")
    report = s3_logs.damaged(frame)
    assert report["key"].tolist() == [KEY.format(11)]
    assert report["why"].tolist() == [why]
    assert lines is None or report["lines_read"].tolist() == [lines]
    assert len(frame) == 9 + report["lines_read"].sum()
    assert set(ALL[:3] + ALL[6:]) <= set(ids(frame))


class BreakingS3(FakeS3):
    """Bodies of the first object break off some times; the second object is deleted after the listing."""

    def __init__(self, breaks: int) -> None:
        super().__init__(bucket().objects)
        self.breaks = breaks

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if KEY.format(11) == Key:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "GetObject")
        if KEY.format(10) == Key and self.breaks:
            self.breaks -= 1
            return {"Body": BrokenBody()}
        return super().get_object(Bucket=Bucket, Key=Key)


class BrokenBody:
    def read(self) -> bytes:
        raise IncompleteReadError(actual_bytes=1, expected_bytes=2)


def test_bodies_that_break_off_are_read_again_and_deleted_objects_are_named() -> None:
    """A torn answer costs nothing but time, up to a bound; an object that lifecycle took away is listed as damaged."""
    frame = s3_logs.read_objects(BreakingS3(3), "b")
    assert ids(frame) == ALL[:3] + ALL[6:]
    assert s3_logs.damaged(frame)["why"].tolist() == ["deleted since it was listed"]
    with pytest.raises(AwsCallError, match="IncompleteReadError"):
        s3_logs.read_objects(BreakingS3(4), "b")


def test_listing_tells_sizes_and_fill_times() -> None:
    """The key's time is the first record's; from it to the delivery the buffer was filling."""
    frame = s3_logs.list_objects(bucket(), "b")
    assert frame["fill_s"].tolist() == [60.0] * 4
    assert (frame["size"] > 50).all()


@pytest.mark.parametrize("key", ["a.gz", KEY.replace("11-07-09", "13-07-09").format(1), ""])
def test_keys_that_are_not_firehoses(key: str) -> None:
    """A key of another layout, or with an impossible time, has no time."""
    assert s3_logs.key_time(key) is None


def test_no_objects_give_the_same_columns() -> None:
    """An empty bucket gives an empty frame with the documented dtypes."""
    assert s3_logs.read_objects(FakeS3({}), "b").dtypes.equals(frames.empty().dtypes)


def test_an_empty_range_is_empty() -> None:
    """Also within the second in which an object was delivered."""
    moment = at(13).replace(microsecond=900_000)
    assert s3_logs.read_objects(bucket(), "b", since=moment, until=moment).empty


def test_a_reversed_range_is_refused() -> None:
    """`since` after `until` is an error of the caller."""
    with pytest.raises(SettingsError):
        s3_logs.read_objects(bucket(), "b", since=at(14), until=at(13))


@pytest.mark.parametrize(("code", "error"), [("NoSuchBucket", NotFoundError), ("AccessDenied", AccessDeniedError)])
def test_unknown_buckets_and_denials_are_errors(code: str, error: type[Exception]) -> None:
    """AWS's refusal comes as the lab's error."""
    s3 = Clients.local("http://127.0.0.1:1", "ap-northeast-1").client("s3")
    with Stubber(s3) as stub:
        stub.add_client_error("list_objects_v2", code, "no")
        with pytest.raises(error):
            s3_logs.read_objects(s3, "b")


def test_slow_down_is_respected_and_loses_nothing() -> None:
    """S3 refuses calls beyond its rate with 503: they are made again later, and every line is read once."""
    body = {KEY.format(n): (gzipped(record(request_line(f"r-{n}"))), at(n)) for n in range(24)}
    quota = Quota(per_second=8)
    with serving_s3(FakeS3(body), quota) as url:
        frame = s3_logs.read_objects(Clients.local(url, "ap-northeast-1").client("s3"), "b")
    assert ids(frame) == [f"r-{n}" for n in range(24)]
    assert s3_logs.damaged(frame).empty
    assert quota.refused > 0, "the reader was never fast enough for the quota: the test shows nothing"
