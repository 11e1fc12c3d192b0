from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_aws.athena.harness import WORKERS


@pytest.fixture(scope="session", autouse=True)
def _workers_end() -> Iterator[None]:
    yield
    WORKERS.end()
