"""The clients by which a trial asks its local AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from lab_helpers.backends.local import LocalBackend, ServerState
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
