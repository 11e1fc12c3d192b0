"""The article's stack on a local AWS of its own, and the hands that break it."""

from __future__ import annotations

import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from tests.integration.stack import Stack
from tests.integration.target import Target

REGION = "ap-northeast-1"
DESTINATIONS = {"CloudWatch": "cloudwatch", "S3": "firehose"}
"""And a part of the name of the plugin that leads to each."""
_TASK = "ECS_CONTAINER_METADATA_URI_V4"


@dataclass(frozen=True)
class Stage:
    """A running stack; what is done to it here is what a person or a machine might do."""

    backend: LocalBackend
    stack: Stack

    def processes(self, part: str) -> list[psutil.Process]:
        """Return the processes of the httpd tasks that are a "router" or an "httpd", without their children."""
        server = psutil.Process(self.backend.status()["pid"])
        return [each for each in server.children() if _part(each) == part]

    def kill(self, part: str) -> None:
        """kill -9 of one router or httpd."""
        self.processes(part)[0].send_signal(signal.SIGKILL)

    def kill_task(self) -> None:
        """kill -9 of all of one task."""
        first = self.processes("router")[0]
        task = _task(first)
        for each in [first, *(each for each in self.processes("httpd") if _task(each) == task)]:
            os.killpg(each.pid, signal.SIGKILL)

    def stop_task(self) -> None:
        """StopTask, and wait for its end."""
        self.stack.stop(self.stack.tasks("httpd")[0]["taskArn"], "the soak")

    def deploy(self) -> None:
        """Force a new deployment; does not wait."""
        ecs = self.stack.target.client("ecs")
        ecs.update_service(cluster=self.stack.prefix, service="httpd", forceNewDeployment=True)

    def settle(self) -> None:
        """Wait until the service is steady and two targets are healthy again."""
        self.stack.steady("httpd", timeout_s=120)
        self.stack.target.wait(
            self.stack.healthy_targets, "two healthy targets", done=lambda found: len(found) == 2, timeout_s=120
        )

    def lost(self) -> dict[str, int] | None:
        """Return how many lines `lab status` counts as lost on the way to each destination, None where it does not say.

        What is lost before it is known where it goes (a driver's buffer, the socket of a killed router) is lost to all.
        """
        tasks = self.backend.status()["services"]["ecs"].get("log_records", {}).get("tasks")
        if tasks is None:
            return None
        places = [pair for task in tasks.values() for pair in task["losses"].items()]
        return {
            where: sum(count for place, count in places if _concerns(place, plugin))
            for where, plugin in DESTINATIONS.items()
        }

    @staticmethod
    def pause(seconds: float) -> None:
        """Let time go by."""
        threading.Event().wait(max(0.0, seconds))

    def memory_mb(self) -> float:
        """Return the server's resident memory."""
        return float(psutil.Process(self.backend.status()["pid"]).memory_info().rss) / 1e6


@contextmanager
def staged(home: Path) -> Iterator[Stage]:
    """Start a local AWS in a folder, build the stack, and stop it all at the end."""
    backend = LocalBackend(Settings(home=home, router="builtin", httpd="builtin", region=REGION))
    backend.start()
    try:
        account: Any = backend.client("sts").get_caller_identity()["Account"]
        stack = Stack(Target(backend, REGION, str(account)), f"soak-{secrets.token_hex(3)}")
        stack.build()
        yield Stage(backend, stack)
    finally:
        backend.stop()


def _part(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        line = " ".join(process.cmdline())
        if "lab_helpers.router" in line or "fluent-bit" in line:
            return "router"
        return "httpd" if "httpd" in line else ""
    return ""


def _task(process: psutil.Process) -> str:
    """Return what the metadata address of a container has in common with its task's others."""
    with suppress(psutil.Error):
        return str(process.environ().get(_TASK, "")).rpartition("-")[0]
    return ""


def _concerns(place: str, plugin: str) -> bool:
    """Whether what was lost at a place is lost to a plugin's destination."""
    return plugin in place or not any(other in place for other in DESTINATIONS.values())
