"""For all tests: a state folder of the lab; and long tests first, so that they do not come last and alone."""

from __future__ import annotations

import contextlib
import gc
import getpass
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.stored_notebooks import lab

LONG = ("lab", "terraform", "conformance", "browser", "account")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector: what is loaded stays until the end, and was looked through each time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put whole files with long tests in front; the order within a file stays."""
    long_files = {item.path for item in items if any(item.get_closest_marker(name) for name in LONG)}
    items.sort(key=lambda item: item.path not in long_files)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name compressed bytes by their argument: gzip writes the time, and pytest's workers must find the same names."""
    return argname if isinstance(val, bytes) and val[:2] == b"\x1f\x8b" else None


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, dict[str, Any] | None, dict[str, Any] | None]:
    """Write what is no Unicode (a test's odd input, in a log or a message) as an escape: workers send UTF-8 alone."""
    return _sendable((yield))


def _sendable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sendable(key): _sendable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_sendable(each) for each in value)
    return value


@pytest.fixture(scope="session", autouse=True)
def _can_be_interrupted() -> None:
    """Take SIGINT as in a terminal: a shell has it ignored in what it starts in the background, and in its children."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Let the run's own end remove pytest's folder of all runs, once it is empty: registered first, done last."""
    if not hasattr(config, "workerinput"):
        config.add_cleanup(_remove_if_empty)


def _remove_if_empty() -> None:
    with contextlib.suppress(OSError):  # another run has its folder there, or a failed one left what is to be looked at
        Path(tempfile.gettempdir(), f"pytest-of-{getpass.getuser()}").rmdir()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A state folder of the lab; a local AWS that still runs there is stopped."""
    yield tmp_path
    lab(tmp_path, "down", timeout_s=90)
