"""Fixtures of the ECS tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.local_aws.ecs.kit import Stand


@pytest.fixture(scope="package")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """One local AWS for all tests through the API."""
    with Stand(tmp_path_factory.mktemp("aws") / "a path with spaces") as made:
        yield made
