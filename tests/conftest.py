"""For all tests: the long ones first, so that side by side they do not come last and alone."""

from __future__ import annotations

import pytest

LONG = ("lab", "terraform", "conformance", "browser", "account")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole files with long tests in front; the order within a file stays."""
    long_files = {item.path for item in items if any(item.get_closest_marker(name) for name in LONG)}
    items.sort(key=lambda item: item.path not in long_files)
