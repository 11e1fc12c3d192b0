"""CloudWatch Logs of a local AWS without a data plane, and a group in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.logs.log_group import GROUP


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS for a module."""
    folder: Path = tmp_path_factory.mktemp("logs")
    with LocalAws(folder, factories=[]) as running:
        yield running


@pytest.fixture
def logs(aws: LocalAws) -> Iterator[Any]:
    """A client, and the group with two streams."""
    client = aws.client("logs")
    client.create_log_group(logGroupName=GROUP)
    for name in ("from-a", "from-b"):
        client.create_log_stream(logGroupName=GROUP, logStreamName=name)
    yield client
    client.delete_log_group(logGroupName=GROUP)
