"""One local AWS for all drills of a test run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers.backends.local import LocalBackend
from tests.drills import lab_kit


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lab's home."""
    return tmp_path_factory.mktemp("drills")


@pytest.fixture(scope="session")
def backend(home: Path) -> Iterator[LocalBackend]:
    """A local AWS in a process of its own, with what the drills need of an applied lab."""
    backend = LocalBackend(lab_kit.settings(home))
    backend.start()
    try:
        lab_kit.build(backend)
        yield backend
    finally:
        backend.stop()
