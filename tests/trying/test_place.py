"""A trial's local AWS: the clients that ask it, and when it goes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from lab_helpers.backends.local import LocalBackend, ServerState
from lab_helpers.base import config
from lab_helpers.base.wait import wait_until
from lab_helpers.trying import place


@dataclass
class _Backend:
    """A backend that says where it is, and hands out one client of its own."""

    port: int

    def running(self) -> ServerState:
        return ServerState(1, "i", f"http://127.0.0.1:{self.port}", "AKID", "secret", "token")

    def client(self, service: str) -> str:
        return f"the trial's {service}"


def _client(port: int, region: str) -> Any:
    return place.client(cast(LocalBackend, _Backend(port)), "logs", region)


def test_a_regions_client_is_made_once_a_trial() -> None:
    """Another Region, or the next trial's local AWS, has another; a text that names no Region has the trial's own."""
    made = _client(1, "eu-west-1")
    assert _client(1, "eu-west-1") is made
    assert (made.meta.region_name, made.meta.endpoint_url) == ("eu-west-1", "http://127.0.0.1:1")
    assert _client(1, "us-east-1").meta.region_name == "us-east-1"
    assert _client(2, "eu-west-1").meta.endpoint_url == "http://127.0.0.1:2"
    assert _client(1, "${AWS_REGION}") == "the trial's logs"


_OWNER = """
import sys
from lab_helpers.trying import place
with place.local_aws("eu-west-1", keep="keep" in sys.argv) as aws:
    state = aws.backend.running()
    print(state.pid, aws.home, flush=True)
    "keep" in sys.argv or sys.stdin.read()
"""


@contextmanager
def _owner(*words: str) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """Have another process start a local AWS; yield that process, the server's pid, and its home."""
    command = [sys.executable, "-c", _OWNER, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid, _, home = process.stdout.readline().strip().partition(" ")
        try:
            yield process, int(pid), Path(home)
        finally:
            process.kill()


@pytest.mark.timeout(120)
def test_it_goes_with_its_owner_however_that_ends() -> None:
    """A killed pytest, a closed terminal: neither a server nor its folder is left."""
    with _owner() as (process, _, home):
        assert home.is_dir()
        process.kill()
        wait_until(lambda: not home.exists(), 60.0, 0.05, "the local AWS to go")


@pytest.mark.timeout(120)
def test_one_that_is_kept_stays_when_its_owner_has_ended() -> None:
    """`--keep`: it is stopped by hand."""
    with _owner("keep") as (process, pid, home):
        assert process.wait() == 0
        kept = LocalBackend(replace(config.load(), home=home, backend="local", port=0, region="eu-west-1"))
        state = kept.running()
        assert state is not None
        assert state.pid == pid
        assert kept.stop()
        assert home.is_dir(), "what is kept can be looked at"
        shutil.rmtree(home)
