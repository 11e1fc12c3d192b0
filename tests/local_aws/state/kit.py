"""A local AWS as a process of its own, over a folder, that is killed at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from lab_helpers.base.wait import wait_until

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
