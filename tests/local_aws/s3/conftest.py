"""For all tests of S3: a local AWS without services of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab_helpers.local_aws.server import LocalAws


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """One local AWS for each file: nothing there lasts beyond its test."""
    with LocalAws(tmp_path_factory.mktemp("s3") / "aws", factories=[]) as running:
        yield running
