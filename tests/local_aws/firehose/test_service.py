"""Firehose seen through its API: what goes in comes out, in order, once, as the stream's definition says."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.firehose import FirehoseService, Quota
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.clock import ManualClock, SystemClock
from tests.local_aws.firehose.fakes import BUCKET, ROLE, STREAM, Fakes, make_service, work


@pytest.fixture
def fakes() -> Fakes:
    return Fakes()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2021, 11, 7, 9, 14, 2, tzinfo=UTC))


@pytest.fixture
def service(tmp_path: Path, fakes: Fakes, clock: ManualClock) -> FirehoseService:
    return make_service(tmp_path, fakes, clock)


def put(fakes: Fakes, *records: bytes) -> dict[str, Any]:
    encoded = [{"Data": base64.b64encode(data).decode()} for data in records]
    return fakes.call("PutRecordBatch", {"DeliveryStreamName": STREAM, "Records": encoded})


def bodies(fakes: Fakes) -> list[bytes]:
    return [gzip.decompress(body) for body in fakes.objects.values()]


def counters(service: FirehoseService) -> dict[str, Any]:
    figures: dict[str, Any] = service.status()["streams"][f"ap-northeast-1/{STREAM}"]
    assert figures["received"] == sum(figures[name] for name in ("delivered", "held", "expired", "discarded"))
    return figures


def test_nothing_before_the_interval_everything_at_it(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """60 s after the first record one GZIP object holds all records, concatenated in order."""
    fakes.create()
    put(fakes, b'{"n":1}\n', b'{"n":2}\n')
    clock.advance(30)
    put(fakes, b'{"n":3}\n')
    clock.advance(29.9)
    work(service)
    assert fakes.objects == {}
    clock.advance(0.1)
    work(service)
    assert bodies(fakes) == [b'{"n":1}\n{"n":2}\n{"n":3}\n']
    assert counters(service)["delivered"] == 3


def test_key_layout(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """The key is YYYY/MM/DD/HH/<stream>-<version>-<time of the oldest record>-<uuid>.gz."""
    fakes.create()
    put(fakes, b"x")
    clock.advance(60)
    work(service)
    ((bucket, key),) = fakes.objects
    assert bucket == "inomaso-dev-firelens"
    assert key.startswith(f"2021/11/07/09/{STREAM}-1-2021-11-07-09-14-02-")
    assert key.endswith(".gz")


def test_size_comes_before_the_interval(service: FirehoseService, fakes: Fakes):
    """1 MiB is delivered at once, what follows waits for its own interval."""
    fakes.create()
    put(fakes, b"a" * 700_000)
    put(fakes, b"b" * 400_000)
    put(fakes, b"c")
    work(service)
    assert [len(body) for body in bodies(fakes)] == [1_100_000]
    assert counters(service)["held"] == 1


def test_delivery_is_done_by_the_firehose_role(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """S3 sees the stream's role, assumed by firehose.amazonaws.com in the stream's region."""
    fakes.create()
    put(fakes, b"x")
    clock.advance(60)
    work(service)
    assert fakes.calls == [("s3", f"{ROLE} firehose.amazonaws.com ap-northeast-1 firehose-{STREAM}")]


def test_denied_delivery_logs_one_event_keeps_all_and_heals(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """Row D2 and D3: one event with the article's fields and sentence; after healing all arrives, once, in order."""
    fakes.create()
    fakes.refuse = "AccessDenied"
    put(fakes, b"1")
    for _ in range(30):
        clock.advance(10)
        put(fakes, b"+")
        work(service)
    assert fakes.objects == {}
    ((group, stream, message),) = fakes.events
    assert (group, stream) == ("/ecs/firelens", "kinesis_error")
    assert json.loads(message) == {
        "deliveryStreamARN": f"arn:aws:firehose:ap-northeast-1:123456789012:deliverystream/{STREAM}",
        "destination": BUCKET,
        "deliveryStreamVersionId": 1,
        "message": "Access was denied. Ensure that the trust policy for the provided IAM role allows Firehose to "
        "assume the role, and the access policy allows access to the S3 bucket.",
        "errorCode": "S3.AccessDenied",
    }
    fakes.refuse = None
    clock.advance(15)
    work(service)
    assert b"".join(bodies(fakes)) == b"1" + b"+" * 30
    assert counters(service) | {"held": 0, "received": 31, "delivered": 31} == counters(service)


def test_a_second_outage_is_a_second_event(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """Failing again after a success is news."""
    fakes.create()
    for _ in range(2):
        fakes.refuse = "AccessDenied"
        put(fakes, b"x")
        clock.advance(60)
        work(service)
        fakes.refuse = None
        clock.advance(15)
        work(service)
    assert len(fakes.events) == 2


def test_no_event_without_group_and_stream(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """Row E5: Firehose creates neither, so the event is nowhere; the data is kept all the same."""
    fakes.create()
    fakes.log_streams.clear()
    fakes.refuse = "AccessDenied"
    put(fakes, b"x")
    clock.advance(60)
    work(service)
    assert fakes.events == []
    assert fakes.log_streams == set()
    assert counters(service)["held"] == 1


def test_a_role_that_does_not_trust_firehose_is_access_denied(
    service: FirehoseService, fakes: Fakes, clock: ManualClock
):
    """AssumeRole refused counts as S3.AccessDenied; nobody can write the event then."""
    fakes.create()
    fakes.refuse_role = "AccessDenied"
    put(fakes, b"x")
    clock.advance(60)
    work(service)
    assert counters(service)["failing_with"] == "S3.AccessDenied"
    assert fakes.events == []


def test_a_fault_of_ours_is_an_internal_error_and_tried_again(
    service: FirehoseService, fakes: Fakes, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    """An unexpected exception neither ends delivery for ever nor loses anything."""
    fakes.create()
    put(fakes, b"x")
    clock.advance(60)
    with monkeypatch.context() as broken:
        broken.setattr(fakes, "put_object", lambda **_: 1 / 0)
        work(service)
    assert counters(service)["failing_with"] == "InternalError"
    assert json.loads(fakes.events[0][2])["message"].startswith("An internal error occurred while attempting")
    clock.advance(5)
    work(service)
    assert bodies(fakes) == [b"x"]
    assert counters(service)["failing_with"] is None


def test_another_reason_is_another_event(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """When the reason of an outage changes, the new one is logged, too."""
    fakes.create()
    put(fakes, b"x")
    for reason in ("AccessDenied", "NoSuchBucket", "NoSuchBucket"):
        fakes.refuse = reason
        clock.advance(60)
        work(service)
    assert [json.loads(event[2])["errorCode"] for event in fakes.events] == ["S3.AccessDenied", "S3.NoSuchBucket"]


def test_lost_after_24_hours(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """What cannot be delivered for 24 hours is dropped, and counted."""
    fakes.create()
    fakes.refuse = "NoSuchBucket"
    put(fakes, b"x")
    clock.advance(60)
    work(service)
    clock.advance(24 * 3600 - 61)
    work(service)
    assert counters(service)["expired"] == 0
    clock.advance(20)
    work(service)
    assert counters(service)["expired"] == 1
    assert json.loads(fakes.events[0][2])["errorCode"] == "S3.NoSuchBucket"


def test_killed_server_loses_nothing_accepted(tmp_path: Path, fakes: Fakes, clock: ManualClock):
    """A new server takes up the journal of one that never stopped."""
    make_service(tmp_path, fakes, clock)
    fakes.create()
    put(fakes, b"kept 1\n", b"kept 2\n")
    again = make_service(tmp_path, fakes, clock)
    again.start()
    put(fakes, b"new\n")
    again.stop()
    assert b"".join(bodies(fakes)) == b"kept 1\nkept 2\nnew\n"


def test_an_old_labs_records_never_reach_another_stream(tmp_path: Path, fakes: Fakes, clock: ManualClock):
    """Records of a stream that is gone are dropped, also when one of the same name and ARN is made later."""
    make_service(tmp_path, fakes, clock)
    fakes.create()
    put(fakes, b"old 1\n", b"old 2\n")
    fakes.streams.clear()
    again = make_service(tmp_path, fakes, clock)
    again.start()
    fakes.create()
    put(fakes, b"new\n")
    again.stop()
    assert b"".join(bodies(fakes)) == b"new\n"


def test_a_stream_made_anew_at_another_time_drops_what_was_held(tmp_path: Path, fakes: Fakes, clock: ManualClock):
    """The creation time tells two streams of one name apart, though the service saw the one go unnoticed."""
    make_service(tmp_path, fakes, clock)
    fakes.create()
    put(fakes, b"old\n")
    fakes.streams[STREAM]["CreateTimestamp"] = clock.now()
    again = make_service(tmp_path, fakes, clock)
    again.start()
    put(fakes, b"new\n")
    again.stop()
    assert b"".join(bodies(fakes)) == b"new\n"


def test_stop_delivers_what_is_held(service: FirehoseService, fakes: Fakes):
    """stop() flushes, and may be called twice and before start."""
    fakes.create()
    put(fakes, b"x")
    service.stop()
    service.stop()
    assert bodies(fakes) == [b"x"]


def test_the_thread_delivers_by_itself(tmp_path: Path, fakes: Fakes):
    """With interval 0 a started service delivers at once."""
    service = make_service(tmp_path, fakes, SystemClock())
    arrived = threading.Event()
    put_object = fakes.put_object
    fakes.put_object = lambda **kwargs: (put_object(**kwargs), arrived.set())  # type: ignore[method-assign,assignment]
    service.start()
    try:
        fakes.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
        put(fakes, b"x")
        assert arrived.wait(10)
    finally:
        service.stop()
    assert bodies(fakes) == [b"x"]


def test_the_thread_survives_a_fault(tmp_path: Path, fakes: Fakes, monkeypatch: pytest.MonkeyPatch):
    """A fault of ours in one attempt does not end the delivery of what follows."""
    service = make_service(tmp_path, fakes, SystemClock())
    told, original = threading.Semaphore(0), fakes.put_object

    def broken(**_: Any) -> None:
        told.release()
        monkeypatch.setattr(fakes, "put_object", original)
        raise RuntimeError("no such fault")

    monkeypatch.setattr(fakes, "put_object", broken)
    monkeypatch.setattr("lab_helpers.local_aws.firehose.buffering.RETRY_FIRST_S", 0.01)
    service.start()
    try:
        fakes.create(BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 0})
        put(fakes, b"first")
        assert told.acquire(timeout=10)
        put(fakes, b"second")
    finally:
        service.stop()
    assert bodies(fakes) == [b"first", b"second"]


def test_a_stopped_stream_takes_nothing(service: FirehoseService, fakes: Fakes):
    """A call that comes while its stream is deleted is refused, not lost."""
    fakes.create()
    worker = service._worker("ap-northeast-1", STREAM)
    assert worker is not None
    fakes.call("DeleteDeliveryStream", {"DeliveryStreamName": STREAM})
    with pytest.raises(AwsError, match="being stopped or deleted"):
        worker.accept([b"x"])


def test_update_destination_counts_in_key_and_is_felt_at_once(
    service: FirehoseService, fakes: Fakes, clock: ManualClock
):
    """After UpdateDestination keys carry the new version, and the new hints and compression hold."""
    fakes.create()
    update = {"CompressionFormat": "UNCOMPRESSED", "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 5}}
    fakes.call("UpdateDestination", {"DeliveryStreamName": STREAM, "ExtendedS3DestinationUpdate": update})
    put(fakes, b"x")
    clock.advance(5)
    work(service)
    ((_, key),) = fakes.objects
    assert f"{STREAM}-2-" in key
    assert fakes.objects["inomaso-dev-firelens", key] == b"x"


def test_delete_discards_what_is_held(service: FirehoseService, fakes: Fakes, tmp_path: Path):
    """A deleted stream takes no records any more and leaves no file."""
    fakes.create()
    put(fakes, b"x")
    fakes.call("DeleteDeliveryStream", {"DeliveryStreamName": STREAM})
    assert list(tmp_path.rglob("*.records")) == []
    with pytest.raises(AwsError, match=f"Firehose {STREAM} under account 123456789012 not found."):
        put(fakes, b"y")
    assert service.status() == {"streams": {}}


def test_unknown_stream(service: FirehoseService, fakes: Fakes):
    """AWS's code and sentence for a stream that does not exist."""
    with pytest.raises(AwsError) as refused:
        put(fakes, b"x")
    assert refused.value.code == "ResourceNotFoundException"
    assert refused.value.message == f"Firehose {STREAM} under account 123456789012 not found."
    assert service.status() == {"streams": {}}


def test_throttled_records_fail_one_by_one(tmp_path: Path, fakes: Fakes, clock: ManualClock):
    """Records beyond the quota answer ServiceUnavailableException, Slow down.; they are not kept."""
    service = make_service(tmp_path, fakes, clock, quota_of=lambda _: Quota(size_bytes=100, burst_s=1))
    fakes.create()
    answer = put(fakes, b"a" * 60, b"b" * 60)
    assert answer["FailedPutCount"] == 1
    assert answer["RequestResponses"][1] == {
        "ErrorCode": "ServiceUnavailableException",
        "ErrorMessage": "Slow down.",
    }
    assert counters(service)["throttled"] == 1
    with pytest.raises(AwsError, match="Slow down"):
        fakes.call("PutRecord", {"DeliveryStreamName": STREAM, "Record": {"Data": base64.b64encode(b"c" * 60)}})
    clock.advance(1)
    assert put(fakes, b"b" * 60)["FailedPutCount"] == 0


def test_delimiter_processor(service: FirehoseService, fakes: Fakes):
    """AppendDelimiterToRecord puts its delimiter behind every record."""
    processor = {
        "Type": "AppendDelimiterToRecord",
        "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
    }
    fakes.create(ProcessingConfiguration={"Enabled": True, "Processors": [processor]})
    put(fakes, b"a", b"b")
    service.stop()
    assert bodies(fakes) == [b"a\nb\n"]


def test_backup_gets_the_records_as_they_came(service: FirehoseService, fakes: Fakes):
    """With S3 backup on, the source records go to the backup bucket under its own prefix, too."""
    backup = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::copy", "Prefix": "source/"}
    fakes.create(S3BackupMode="Enabled", S3BackupDescription=backup)
    put(fakes, b"a")
    service.stop()
    written = {bucket: (key, body) for (bucket, key), body in fakes.objects.items()}
    assert written["copy"][0].startswith("source/2021/11/07/09/")
    assert written["copy"][1] == b"a"
    assert gzip.decompress(written["inomaso-dev-firelens"][1]) == b"a"


def told(service: FirehoseService, fakes: Fakes) -> dict[str, float]:
    """What CloudWatch was told by now: the last sum of each metric."""
    service._metrics.send()
    sums = {item["MetricName"]: item["StatisticValues"]["Sum"] for item in fakes.metrics if "StatisticValues" in item}
    return {**sums, **{item["MetricName"]: item["Values"][-1] for item in fakes.metrics if "Values" in item}}


def test_metrics(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """A delivery tells CloudWatch records, bytes, success and freshness."""
    fakes.create()
    put(fakes, b"abc", b"de")
    clock.advance(60)
    work(service)
    assert told(service, fakes) == {
        "PutRecordBatch.Requests": 1.0,
        "PutRecordBatch.Records": 2.0,
        "PutRecordBatch.Bytes": 5.0,
        "IncomingPutRequests": 1.0,
        "IncomingRecords": 2.0,
        "IncomingBytes": 5.0,
        "ThrottledRecords": 0.0,
        "DeliveryToS3.Success": 1.0,
        "DeliveryToS3.Records": 2.0,
        "DeliveryToS3.Bytes": 5.0,
        "DeliveryToS3.DataFreshness": 60.0,
    }


def test_data_grow_old_while_s3_refuses(service: FirehoseService, fakes: Fakes, clock: ManualClock):
    """DataFreshness is the age of the oldest record that is held, delivered or not."""
    fakes.create()
    fakes.refuse = "AccessDenied"
    put(fakes, b"a")
    clock.advance(200)
    service._metrics.measure()
    assert told(service, fakes)["DeliveryToS3.DataFreshness"] == 200.0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"BufferingHints": {"SizeInMBs": 129, "IntervalInSeconds": 60}}, "InvalidArgumentException"),
        ({"BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 901}}, "InvalidArgumentException"),
        ({"CompressionFormat": "BZIP2"}, "ValidationException"),
        ({"Prefix": "a/!{timestamp:yyyy}/"}, "InvalidArgumentException"),
        ({"CustomTimeZone": "Mars/Olympus"}, "InvalidArgumentException"),
        ({"DynamicPartitioningConfiguration": {"Enabled": True}}, "InvalidArgumentException"),
        (
            {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}},
            "InvalidArgumentException",
        ),
    ],
)
def test_impossible_definitions_are_refused(service: FirehoseService, fakes: Fakes, changes: Any, code: str):
    """What AWS refuses, and what is not modelled, is refused when the stream is made; nothing is made."""
    with pytest.raises(AwsError) as refused:
        fakes.create(**changes)
    assert refused.value.code == code
    assert fakes.streams == {}
    assert service.status() == {"streams": {}}


@pytest.mark.parametrize("name", ["a b", "a/b", "..", ".", "", None, "x" * 65])
def test_impossible_names(service: FirehoseService, fakes: Fakes, tmp_path: Path, name: str | None):
    """A name outside AWS's pattern is refused, and never becomes part of a path."""
    params = {"DeliveryStreamName": name, "ExtendedS3DestinationConfiguration": {"RoleARN": ROLE, "BucketARN": BUCKET}}
    with pytest.raises(AwsError) as refused:
        fakes.call("CreateDeliveryStream", params)
    assert refused.value.code == "ValidationException"
    assert list(tmp_path.iterdir()) == []
    assert service.status() == {"streams": {}}


def test_put_without_a_name(service: FirehoseService, fakes: Fakes):
    """AWS's validation error, no traceback."""
    with pytest.raises(AwsError, match="Value null at 'deliveryStreamName'"):
        fakes.call("PutRecord", {"Record": {"Data": "eA=="}})
    assert service.status() == {"streams": {}}


def test_describe_has_the_defaults(service: FirehoseService, fakes: Fakes):
    """Members that Terraform reads back are there although moto does not answer them."""
    fakes.call(
        "CreateDeliveryStream",
        {"DeliveryStreamName": STREAM, "S3DestinationConfiguration": {"RoleARN": ROLE, "BucketARN": BUCKET}},
    )
    described = fakes.describe_delivery_stream(STREAM)["DeliveryStreamDescription"]["Destinations"][0]
    extended = described["ExtendedS3DestinationDescription"]
    assert extended["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 300}
    assert extended["CompressionFormat"] == "UNCOMPRESSED"
    assert extended["EncryptionConfiguration"] == {"NoEncryptionConfig": "NoEncryption"}
    assert extended["CloudWatchLoggingOptions"] == {"Enabled": False}
    assert extended["S3BackupMode"] == "Disabled"
    assert "S3BackupMode" not in described["S3DestinationDescription"]
    assert service.status()["streams"] != {}


def test_a_role_that_firehose_may_not_assume_is_refused(service: FirehoseService, fakes: Fakes) -> None:  # noqa: ARG001
    """When the stream is made, and when its destination changes; nothing is made or changed."""
    fakes.refuse_role = "AccessDenied"
    told = f"Firehose is unable to assume role {ROLE}. Please check the role provided."
    with pytest.raises(AwsError, match=told):
        fakes.create()
    assert fakes.streams == {}
    fakes.refuse_role = None
    fakes.create()
    fakes.refuse_role = "AccessDenied"
    update = {"DeliveryStreamName": STREAM, "ExtendedS3DestinationUpdate": {"RoleARN": ROLE, "Prefix": "other/"}}
    with pytest.raises(AwsError, match=told):
        fakes.call("UpdateDestination", update)
    assert fakes.streams[STREAM]["VersionId"] == "1"
