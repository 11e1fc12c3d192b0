"""What PutRecord and PutRecordBatch refuse, and in which words."""

from __future__ import annotations

import base64

import pytest

from lab_helpers.local_aws.firehose.limits import Quota, Throttle, decode_batch, decode_record, quota_of
from lab_helpers.local_aws.kit.api import AwsError


def record(size: int) -> dict[str, str]:
    return {"Data": base64.b64encode(b"x" * size).decode()}


def refusal(records: object) -> AwsError:
    with pytest.raises(AwsError) as refused:
        decode_batch(records)
    return refused.value


def test_limits_are_inclusive():
    """500 records, 1,000 KiB a record and 4 MiB a call are taken."""
    assert len(decode_batch([record(1)] * 500)) == 500
    assert sum(map(len, decode_batch([record(1024 * 1000)] * 4 + [record(4 * 1024 * 24)]))) == 4 * 1024 * 1024


def test_too_many_records():
    """501 records: ValidationException."""
    error = refusal([record(1)] * 501)
    assert error.code == "ValidationException"
    assert "at 'records' failed to satisfy constraint: Member must have length less than or equal to 500" in str(error)


def test_no_records():
    """An empty batch is refused."""
    assert refusal([]).code == "ValidationException"
    assert refusal(None).code == "ValidationException"


def test_record_too_large():
    """Above 1,000 KiB before base64: ValidationException, naming the record."""
    error = refusal([record(1), record(1024 * 1000 + 1)])
    assert error.code == "ValidationException"
    assert "'records.2.member.data'" in error.message
    assert error.message.endswith("Member must have length less than or equal to 1024000")


def test_call_too_large():
    """Above 4 MiB in sum: InvalidArgumentException with AWS's sentence."""
    error = refusal([record(1024 * 1000)] * 4 + [record(4 * 1024 * 24 + 1)])
    assert (error.code, error.message) == ("InvalidArgumentException", "Records size exceeds 4 MB limit")


@pytest.mark.parametrize("given", [{"Data": "no base64!"}, {}, {"Data": None}, "text", None])
def test_malformed_records(given: object):
    """No traceback for what is no record."""
    with pytest.raises(AwsError):
        decode_record(given, "record")


def test_quota_refills_with_time():
    """A stream takes its quota again as time passes, never more than its burst."""
    throttle = Throttle(Quota(records=10, calls=100, size_bytes=1000, burst_s=1), 0.0)
    assert throttle.admit([1] * 15, 0.0) == 10
    assert throttle.admit([1], 0.0) == 0
    assert throttle.admit([1] * 15, 0.5) == 5
    assert throttle.admit([1] * 15, 1000.0) == 10


def test_calls_are_limited_too():
    """Calls beyond the quota are refused as a whole."""
    throttle = Throttle(Quota(records=10, calls=2, size_bytes=1000, burst_s=1), 0.0)
    assert [throttle.admit([1], 0.0) for _ in range(3)] == [1, 1, 0]


def test_regions_differ():
    """Tokyo's default quota is a fifth of Virginia's in bytes."""
    assert quota_of("us-east-1").size_bytes == 5 * quota_of("ap-northeast-1").size_bytes
