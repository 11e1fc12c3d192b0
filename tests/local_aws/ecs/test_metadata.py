"""The credentials endpoint refreshes what it hands out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from lab_helpers.local_aws.ecs.metadata import MetadataEndpoint
from lab_helpers.local_aws.ecs.model import NetworkSettings, Task
from lab_helpers.local_aws.ecs.runner import TaskRunner
from lab_helpers.local_aws.ecs.spec import TaskSpec
from lab_helpers.local_aws.ecs.store import Store
from lab_helpers.local_aws.ecs.world import World
from lab_helpers.local_aws.kit.api import Credentials
from lab_helpers.local_aws.kit.clock import ManualClock

ROLE = "arn:aws:iam::123456789012:role/task"


@dataclass
class FakeClients:
    """Hands out credentials that live for an hour."""

    clock: ManualClock
    assumed: list[tuple[str, str, str]] = field(default_factory=list)

    def assume(self, role_arn: str, session_name: str, principal: str, region: str) -> Credentials:
        del region
        self.assumed.append((role_arn, session_name, principal))
        return Credentials(f"AK{len(self.assumed)}", "secret", "token", self.clock.now().timestamp() + 3600, role_arn)


@dataclass
class FakeRunner:
    """One running task."""

    task: Task

    def find(self, wanted: Any) -> Any:
        running = SimpleNamespace(task=self.task, by_credentials=lambda *given: given == ("uuid", "token"))
        return running if wanted(running) else None


def _endpoint(clients: FakeClients, folder: Path) -> MetadataEndpoint:
    arn = "arn:aws:ecs:ap-northeast-1:123456789012:task/c/abc"
    spec = TaskSpec("arn", "f", 1, (), task_role_arn=ROLE)
    task = Task("abc", arn, "cluster", spec, "g", NetworkSettings(()), 0.0)
    store = Store(lambda: clients.clock.now().timestamp())
    context = SimpleNamespace(clients=clients, data_dir=folder)
    world = World(cast(Any, context), store, cast(Any, None), cast(Any, None), (), cast(Any, None))
    return MetadataEndpoint(world, cast(TaskRunner, FakeRunner(task)))


def _get(endpoint: MetadataEndpoint, path: str, token: str = "token") -> tuple[str, Any]:
    statuses: list[str] = []
    environ = {"PATH_INFO": path, "HTTP_AUTHORIZATION": token}
    body = b"".join(endpoint(environ, lambda status, headers: statuses.append(status)))  # noqa: ARG005
    return statuses[0], json.loads(body)


def test_credentials_are_kept_and_renewed_in_time(tmp_path: Path) -> None:
    """The same ones until a quarter of an hour before they expire, then new ones: with the task's id as session."""
    clients = FakeClients(ManualClock())
    endpoint = _endpoint(clients, tmp_path)
    status, first = _get(endpoint, "/_ecs/credentials/uuid")
    assert status == "200 OK"
    assert first == {
        "RoleArn": ROLE,
        "AccessKeyId": "AK1",
        "SecretAccessKey": "secret",
        "Token": "token",
        "Expiration": "2021-11-07T10:14:02Z",
    }
    clients.clock.advance(2699)
    assert _get(endpoint, "/_ecs/credentials/uuid")[1] == first
    clients.clock.advance(2)
    assert _get(endpoint, "/_ecs/credentials/uuid")[1]["AccessKeyId"] == "AK2"
    assert clients.assumed == [(ROLE, "abc", "ecs-tasks.amazonaws.com")] * 2


def test_unknown_ids_get_nothing(tmp_path: Path) -> None:
    """Only who knows the id of a running task's credentials gets them."""
    status, body = _get(_endpoint(FakeClients(ManualClock()), tmp_path), "/_ecs/credentials/other")
    assert status == "400 Bad Request"
    assert "AccessKeyId" not in body


def test_files_stay_inside_their_folder(tmp_path: Path) -> None:
    """What is not in the router's folder is not served, whatever the name."""
    folder = tmp_path / "tasks/abc/firelens"
    folder.mkdir(parents=True)
    (folder / "fluent-bit.conf").write_text("x")
    (tmp_path / "tasks/abc/secret").write_text("x")
    endpoint = _endpoint(FakeClients(ManualClock()), tmp_path)
    (folder / "included/etc").mkdir(parents=True)
    (folder / "included/etc/extra.conf").write_text("x")
    (folder / "included/link.conf").symlink_to(tmp_path / "tasks/abc/secret")
    (folder / "files").mkdir()
    assert _get(endpoint, "/_ecs/tasks/abc/files/")[1] == ["fluent-bit.conf", "included/etc/extra.conf"]
    for name in ("files", "included", "included/link.conf", "..", "../secret", "secret", "%2e%2e"):
        assert _get(endpoint, f"/_ecs/tasks/abc/files/{name}")[0] == "404 Not Found"


def test_credentials_are_a_tasks_own(tmp_path: Path) -> None:
    """The id that stands in an address is not enough: the task has a token besides."""
    endpoint = _endpoint(FakeClients(ManualClock()), tmp_path)
    for path, token in (("uuid", ""), ("uuid", "other"), ("", "token"), ("other", "token")):
        status, _ = _get(endpoint, f"/_ecs/credentials/{path}", token)
        assert status.startswith("40")
