"""What PutRecord and PutRecordBatch refuse, with AWS's codes and words.

Source: PutRecord and PutRecordBatch in the Firehose API reference; Amazon Data Firehose quota (Direct PUT).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

RECORD_BYTES = 1000 * 1024
BATCH_RECORDS = 500
BATCH_BYTES = 4 * 1024 * 1024
SLOW_DOWN = ("ServiceUnavailableException", "Slow down.")


@dataclass(frozen=True)
class Quota:
    """What one stream takes a second, and how many seconds' worth it takes at once (`burst_s`: our choice)."""

    records: float = 100_000
    calls: float = 1_000
    size_bytes: float = 1024 * 1024
    burst_s: float = 8.0


LARGE_REGIONS = frozenset({"us-east-1", "us-west-2", "eu-west-1"})


def quota_of(region: str) -> Quota:
    """Return AWS's default quota of a region."""
    if region in LARGE_REGIONS:
        return Quota(records=500_000, calls=2_000, size_bytes=5 * 1024 * 1024)
    return Quota()


def decode_record(record: Any, where: str) -> bytes:
    """Return a record's data; raises AwsError when it is missing, no base64, or above 1,000 KiB."""
    data = record.get("Data") if isinstance(record, Mapping) else None
    if data is None:
        raise invalid("null", f"{where}.data", "Member must not be null")
    if isinstance(data, str):
        try:
            data = base64.b64decode(data, validate=True)
        except binascii.Error as exc:
            raise AwsError("SerializationException", f"The data of {where} is no base64.") from exc
    if len(data) > RECORD_BYTES:
        shown = f"java.nio.HeapByteBuffer[pos=0 lim={len(data)} cap={len(data)}]"
        raise invalid(f"'{shown}'", f"{where}.data", f"Member must have length less than or equal to {RECORD_BYTES}")
    return bytes(data)


def decode_batch(records: Any) -> list[bytes]:
    """Return the data of a batch; raises AwsError for an impossible one."""
    if not isinstance(records, Sequence) or isinstance(records, str):
        raise invalid("null", "records", "Member must not be null")
    if not records:
        raise invalid("'[]'", "records", "Member must have length greater than or equal to 1")
    if len(records) > BATCH_RECORDS:
        bound = f"Member must have length less than or equal to {BATCH_RECORDS}"
        raise invalid(f"'[{len(records)} records]'", "records", bound)
    decoded = [decode_record(record, f"records.{nth}.member") for nth, record in enumerate(records, 1)]
    if sum(map(len, decoded)) > BATCH_BYTES:
        raise AwsError("InvalidArgumentException", "Records size exceeds 4 MB limit")
    return decoded


def not_found(name: str, account_id: str) -> AwsError:
    """Return the error for a stream that does not exist."""
    return AwsError("ResourceNotFoundException", f"Firehose {name} under account {account_id} not found.")


class Throttle:
    """A stream's quota as token buckets; its owner calls it from one thread at a time. Times are seconds."""

    def __init__(self, quota: Quota, now_s: float) -> None:
        self._quota, self._at_s = quota, now_s
        self._full = (quota.records * quota.burst_s, quota.calls * quota.burst_s, quota.size_bytes * quota.burst_s)
        self._left = list(self._full)

    def admit(self, sizes_bytes: Sequence[int], now_s: float) -> int:
        """Return how many of a call's records, from the first on, are within the quota; 0 refuses the call."""
        self._refill(now_s)
        if self._left[1] < 1:
            return 0
        self._left[1] -= 1
        admitted = 0
        for size in sizes_bytes:
            if self._left[0] < 1 or self._left[2] < size:
                break
            self._left[0] -= 1
            self._left[2] -= size
            admitted += 1
        return admitted

    def _refill(self, now_s: float) -> None:
        passed = max(0.0, now_s - self._at_s)
        self._at_s = now_s
        rates = (self._quota.records, self._quota.calls, self._quota.size_bytes)
        self._left = [
            min(full, left + rate * passed) for full, left, rate in zip(self._full, self._left, rates, strict=True)
        ]


def invalid(value: str, member: str, constraint: str) -> AwsError:
    """Return AWS's error for one member that breaks the API's own rules; `value` as it is to be shown."""
    message = f"1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
    return AwsError("ValidationException", message)
