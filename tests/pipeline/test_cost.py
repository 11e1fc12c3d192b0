"""The lab's own lines, measured for a bill."""

from __future__ import annotations

import gzip
import io
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from lab_helpers import cloudwatch
from lab_helpers.base.errors import NotYetError
from lab_helpers.lab import Lab
from lab_helpers.pipeline import cost

BODY = gzip.compress(b'{"log":"GET /"}\n' * 100)


class Aws:
    """A load balancer of two nodes with two targets that are asked every ten seconds, and one object in S3."""

    def describe_target_groups(self, **_: Any) -> dict[str, Any]:
        return {"TargetGroups": [{"HealthCheckIntervalSeconds": 10}]}

    def describe_load_balancers(self, **_: Any) -> dict[str, Any]:
        return {"LoadBalancers": [{"AvailabilityZones": ["a", "c"]}]}

    def describe_target_health(self, **_: Any) -> dict[str, Any]:
        return {"TargetHealthDescriptions": [{}, {}]}

    def get_paginator(self, _: str) -> Any:
        item = {"Key": "a.gz", "Size": len(BODY), "LastModified": datetime(2026, 11, 29, tzinfo=UTC)}
        return SimpleNamespace(paginate=lambda **_: [{"Contents": [item]}])

    def get_object(self, **_: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(BODY)}


def lab() -> Lab:
    """A lab of these."""
    outputs = SimpleNamespace(httpd_log_group="g", target_group_arn="t", alb_arn="a", log_bucket="b")
    return cast(Lab, SimpleNamespace(client=lambda _: Aws(), outputs=outputs))


def test_lines_checks_and_packing_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mean length with its line feed, nodes times targets an interval, bytes in S3 for bytes of text, streams."""
    frame = pd.DataFrame({"message": ["x" * 99] * 3, "stream": ["a", "b", "a"]})
    monkeypatch.setattr(cloudwatch, "read_messages", lambda *_: frame)
    load = cost.measured(lab(), 50)
    assert (load.requests_per_s, load.line_bytes, load.checks_per_s, load.tasks) == (50, 100.0, 0.4, 2)
    assert load.packed_share == len(BODY) / 1600


def test_without_lines_there_is_no_bill(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the notebook that sends traffic."""
    monkeypatch.setattr(cloudwatch, "read_messages", lambda *_: pd.DataFrame({"message": [], "stream": []}))
    with pytest.raises(NotYetError, match="04"):
        cost.measured(lab(), 50)
