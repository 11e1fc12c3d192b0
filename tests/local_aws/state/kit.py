"""A local AWS as a process of its own, over a folder, that is killed at the end."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.exceptions import BotoCoreError

from lab_helpers.base.wait import wait_until
from lab_helpers.local_aws.server import LocalAws
from lab_helpers.local_aws.state.journal import LIST
from lab_helpers.local_aws.state.store import FILE

REGION = "ap-northeast-1"


class Server:
    """What a test asks of it."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def client(self, service: str) -> Any:
        """Return a client with the operator's keys."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.state["endpoint_url"],
            aws_access_key_id=self.state["access_key_id"],
            aws_secret_access_key=self.state["secret_access_key"],
        )


class Maker(Protocol):
    """Makes things one by one, and notes what was answered."""

    def make(self, number: int) -> None:
        """Make the next."""


@contextmanager
def without_freezing(data_dir: Path, **settings: Any) -> Iterator[LocalAws]:
    """Start one in this process that keeps its state, and writes no backend of itself: what is kept are its calls."""
    with LocalAws(data_dir, keeps_state=True, **settings) as running:
        moto_state(running)._not_before = float("inf")
        yield running


@contextmanager
def killed_at_the_end(data_dir: Path) -> Iterator[Server]:
    """Start a server over `data_dir`; at the end it is killed with SIGKILL."""
    argv = [sys.executable, "-m", "lab_helpers.local_aws", "--data-dir", str(data_dir)]
    argv += ["--httpd", "builtin", "--router", "builtin"]
    state_file = data_dir / "server.json"
    state_file.unlink(missing_ok=True)
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(state_file.exists, timeout_s=60, every_s=0.05, what="the local AWS to be ready")
            yield Server(json.loads(state_file.read_text()))
        finally:
            process.kill()


def until_killed(maker: Maker) -> None:
    """Make things until the server is gone."""
    with suppress(BotoCoreError):
        for number in range(100_000):
            maker.make(number)


def noted(data_dir: Path) -> int:
    """Return how many calls wait in a state's file to be repeated."""
    with closing(sqlite3.connect(data_dir / FILE)) as db:
        return int(db.execute("SELECT count(*) FROM grown WHERE list = ?", (LIST,)).fetchone()[0])


def moto_state(aws: LocalAws) -> Any:
    """Return what keeps moto's state in a server that keeps it."""
    assert aws._state is not None
    return aws._state.moto
