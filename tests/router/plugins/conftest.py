"""Fixtures of the plugin tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.router.plugins.bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """One bench per test; its loop is closed afterwards."""
    one = Bench()
    yield one
    one.loop.close()
