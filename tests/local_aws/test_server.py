"""The composition root: starts whole or not at all, and leaves nothing behind."""

from __future__ import annotations

import json
import socket
import threading
import urllib.request
from pathlib import Path

import pytest

from lab_helpers.base.errors import LocalAwsStartError
from lab_helpers.local_aws.front import handlers
from lab_helpers.local_aws.moto_bridge import MotoBridge
from lab_helpers.local_aws.server import LocalAws


def test_taken_port_is_named(tmp_path: Path) -> None:
    """A port that another program has is said with its number and what to do; nothing is left running."""
    before = threading.active_count()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalAwsStartError, match=f"port {port} .* taken .*LAB_PORT"):
            LocalAws(tmp_path, port=port, factories=[]).start()
    assert threading.active_count() == before


def test_failing_service_stops_what_was_started(tmp_path: Path) -> None:
    """When one service cannot start, all are stopped, the threads are gone, and the reason is the service's own."""
    stopped, before = [], set(threading.enumerate())

    class Broken:
        name = "broken"

        def __init__(self, context: object) -> None:
            self.context = context

        def overrides(self) -> dict[object, object]:
            return {}

        routes = status = overrides

        def start(self) -> None:
            raise LocalAwsStartError("no disk")

        def stop(self) -> None:
            stopped.append(self.name)

    with pytest.raises(LocalAwsStartError, match="no disk"):
        LocalAws(tmp_path, factories=[Broken]).start()  # type: ignore[list-item]
    assert stopped == ["broken"]
    assert _serving_since(before) == []


def _serving_since(before: set[threading.Thread]) -> list[str]:
    """Name the server's threads that are new: another file's last connection may still be closing."""
    return [each.name for each in threading.enumerate() if each.name.startswith("http-") and each not in before]


def test_listens_on_loopback_only(tmp_path: Path) -> None:
    """Nobody outside this machine can reach it."""
    with LocalAws(tmp_path, factories=[]) as aws:
        assert {server.server_address[0] for server in aws._servers} == {"127.0.0.1"}


def test_health_names_the_instance(tmp_path: Path) -> None:
    """Who asks can tell one instance from another."""
    with LocalAws(tmp_path, factories=[]) as aws:
        page = urllib.request.Request(aws.endpoint_url + "/_lab/health", headers={"X-Lab-Token": aws.lab_token})
        with urllib.request.urlopen(page) as answer:
            assert json.load(answer)["instance_id"] == aws.instance_id


def test_stop_is_safe_before_start_and_twice(tmp_path: Path) -> None:
    """Stopping what does not run is no error."""
    before = set(threading.enumerate())
    aws = LocalAws(tmp_path, factories=[])
    aws.stop()
    aws.start()
    aws.stop()
    aws.stop()
    assert _serving_since(before) == []


def test_every_override_is_an_operation_of_aws(tmp_path: Path) -> None:
    """A misspelt operation in the table would silently leave the call to moto."""
    with LocalAws(tmp_path) as aws:
        table = handlers.overrides(aws._services, MotoBridge())
        assert handlers.check_known(table) == []
        assert len(table) > 30
