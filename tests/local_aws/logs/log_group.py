"""The group that the tests write to, what they put there, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = "/ecs/firelens/httpd"
ARN = f"arn:aws:logs:ap-northeast-1:123456789012:log-group:{GROUP}"


def put(logs: Any, stream: str, *messages: str, at: int | None = None) -> dict[str, Any]:
    """Put messages, a millisecond apart; without `at` (ms) they are of a minute ago."""
    start = int(time.time() * 1000) - 60_000 if at is None else at
    events = [{"timestamp": start + i, "message": message} for i, message in enumerate(messages)]
    return dict(logs.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events))


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    """Return code and message of the error that the call is answered with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
