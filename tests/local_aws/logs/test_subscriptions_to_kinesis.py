"""Subscription filters that send to a data stream: record by record, as the permission in AWS's guide wants."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.clock import SystemClock
from lab_helpers.local_aws.kit.metrics import MetricPublisher
from lab_helpers.local_aws.logs import subscriptions
from lab_helpers.local_aws.logs.subscriptions import RECORD_BYTES, Batch, Forwarder

DESTINATION = "arn:aws:kinesis:ap-northeast-1:123456789012:stream/s"


@dataclass(frozen=True)
class Filter:
    """A subscription filter for all events."""

    name: str = "f"
    pattern: str = ""
    destination_arn: str = DESTINATION
    role_arn: str = "r"


class Kinesis:
    """Has the records that it took; refuses the calls whose numbers are in `refused`, with a code."""

    def __init__(self, refused: dict[int, str]) -> None:
        self.refused, self.asked = refused, 0
        self.taken: list[str] = []

    def put_record(self, Data: bytes, **_: Any) -> None:  # noqa: N803 (boto3's name)
        self.asked += 1
        if code := self.refused.get(self.asked):
            raise ClientError({"Error": {"Code": code, "Message": ""}}, "PutRecord")
        self.taken += [event["id"] for event in json.loads(gzip.decompress(Data))["logEvents"]]

    def as_role(self, *_: str) -> Kinesis:
        return self

    as_service = as_role


@pytest.mark.parametrize(
    ("refused", "taken"),
    [
        ({}, ["0", "1", "2"]),
        ({2: "ProvisionedThroughputExceededException"}, ["0", "1", "2"]),
        ({2: "AccessDeniedException"}, ["0"]),
    ],
)
def test_what_was_taken_is_not_sent_again(
    monkeypatch: pytest.MonkeyPatch, refused: dict[int, str], taken: list[str]
) -> None:
    """A stream that is full for a moment gets what it has not taken yet; one that may not be written to, no more."""
    monkeypatch.setattr(subscriptions, "RETRY_S", 0.0)
    kinesis = Kinesis(refused)
    forwarder = Forwarder(kinesis, SystemClock(), MetricPublisher(lambda _: kinesis, SystemClock()))  # type: ignore[arg-type]
    forwarder.start()
    big = "x" * (RECORD_BYTES * 2 // 3)  # so each is a record of its own
    events = [{"id": str(number), "timestamp": number, "message": big} for number in range(3)]
    forwarder.send(Batch("ap-northeast-1", "123456789012", "/g", "s", Filter(), events))
    assert forwarder.wait_idle(20)
    forwarder.stop()
    assert kinesis.taken == taken
