"""A local AWS whose signatures are judged by a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.server import REGION, LocalAws


@pytest.fixture(scope="module")
def signing_clock() -> ManualClock:
    """The time by which signatures are judged: this machine's, until a test moves it (and back)."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, signing_clock: ManualClock) -> Iterator[LocalAws]:
    """A local AWS with moto's services, and a bucket."""
    with LocalAws(tmp_path_factory.mktemp("aws"), factories=[], signing_clock=signing_clock) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket="kept", Key="a b/c+d é", Body=b"content")
        yield running
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket="kept"):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket="kept", Key=each["Key"])
        s3.delete_bucket(Bucket="kept")
