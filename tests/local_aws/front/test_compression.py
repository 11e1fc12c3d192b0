"""Compressed bodies are read as what was compressed; what is none is refused."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab_helpers.local_aws.front import compression
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.server import LocalAws

GZIP = {"HTTP_CONTENT_ENCODING": "gzip"}


def test_a_body_is_unpacked() -> None:
    """By its Content-Encoding; another body stays as it is."""
    assert compression.plain(GZIP, gzip.compress(b'{"a": 1}')) == b'{"a": 1}'
    assert compression.plain({}, b"\x1f\x8b") == b"\x1f\x8b"


@pytest.mark.parametrize("body", [b"", b"{}", gzip.compress(b"x" * 100)[:-9]])
def test_what_is_no_gzip_is_refused(body: bytes) -> None:
    """Nothing, something else, half of one."""
    with pytest.raises(AwsError, match=r"no gzip"):
        compression.plain(GZIP, body)


def test_what_unpacks_to_too_much_is_refused() -> None:
    """Sixteen kilobytes hold sixteen megabytes."""
    with pytest.raises(AwsError, match=r"too much"):
        compression.plain(GZIP, gzip.compress(bytes(compression.MOST_BYTES + 1)))


def test_many_metrics_at_once_are_taken(tmp_path: Path) -> None:
    """botocore compresses PutMetricData from 10 KiB on: under load the lab's own metrics were refused."""
    data = [
        {"MetricName": f"metric-{number:03}", "Value": number, "Timestamp": datetime.now(UTC), "Unit": "Count"}
        for number in range(300)
    ]
    with LocalAws(tmp_path) as aws:
        cloudwatch = aws.client("cloudwatch")
        cloudwatch.put_metric_data(Namespace="many", MetricData=data)
        pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="many")
        assert len({each["MetricName"] for page in pages for each in page["Metrics"]}) == 300
