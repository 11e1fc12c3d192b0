"""What a container asks its surroundings over HTTP: task metadata v4, credentials; and the files of a task's router.

Routes, below "/_ecs/":
  v4/<container id>[/task|/stats|/task/stats]   task metadata endpoint, version 4 (v3 answers alike)
  credentials/<id>                               the task role's credentials, as the agent hands them out
  tasks/<task id>/files/                         names of the router's configuration files, as JSON
  tasks/<task id>/files/<name>                   one of them, as text
Source: "Task metadata endpoint version 4" and "Task IAM role" in the ECS developer guide.
Not modelled: stats (empty), network rate, task metadata with tags from the API.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.base.errors import PathOutsideError
from lab_helpers.local_aws.ecs import arns
from lab_helpers.local_aws.ecs.containers.container import Container
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.runner import TaskRunner
from lab_helpers.local_aws.ecs.runtimes.router_files import COPIES
from lab_helpers.local_aws.ecs.task import RunningTask
from lab_helpers.local_aws.ecs.world import TASKS_PRINCIPAL, World
from lab_helpers.local_aws.kit.api import Credentials

log = logging.getLogger(__name__)

PREFIX = "/_ecs/"
REFRESH_BEFORE_S = 900.0
"""Credentials with less life left than this are replaced, as the agent does."""
_JSON, _TEXT = "application/json", "text/plain; charset=utf-8"


class MetadataEndpoint:
    """A WSGI application for everything below "/_ecs/"."""

    def __init__(self, world: World, runner: TaskRunner) -> None:
        self._world, self._runner = world, runner
        self._lock = threading.Lock()
        self._credentials: dict[str, Credentials] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        token = str(environ.get("HTTP_AUTHORIZATION", ""))
        status, kind, body = self._answer(str(environ.get("PATH_INFO", "")), token)
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, path: str, token: str) -> tuple[str, str, bytes]:
        parts = [part for part in path.removeprefix(PREFIX).split("/") if part]
        match parts:
            case ["v3" | "v4", runtime_id, *rest]:
                return self._metadata(runtime_id, "/".join(rest))
            case ["credentials", credentials_id]:
                return self._role_credentials(credentials_id, token)
            case ["tasks", task_id, "files"]:
                return self._files(task_id)
            case ["tasks", task_id, "files", *names]:
                return self._file(task_id, "/".join(names))
        return _error("404 Not Found", f"Nothing is at {path}.")

    def _metadata(self, runtime_id: str, what: str) -> tuple[str, str, bytes]:
        running = self._runner.find(lambda each: each.by_runtime_id(runtime_id) is not None)
        container = running.by_runtime_id(runtime_id) if running else None
        if running is None or container is None:
            return _error("404 Not Found", f"No container {runtime_id} runs.")
        with self._world.store.held():
            if what == "":
                return _json(_container_shape(running.task, container))
            if what in ("task", "taskWithTags"):
                return _json(_task_shape(running))
        if what in ("stats", "task/stats"):
            return _json({})
        return _error("404 Not Found", f"The task metadata endpoint has no {what}.")

    def _role_credentials(self, credentials_id: str, token: str) -> tuple[str, str, bytes]:
        """Answer the task that has both the id and the token: one of them alone is not enough."""
        running = self._runner.find(lambda each: each.by_credentials(credentials_id, token))
        role = running.task.spec.task_role_arn if running else None
        if running is None or role is None:
            return _error("400 Bad Request", "Credentials not found.")
        try:
            return _json(_credentials_shape(self._fresh(role, running.task)))
        except (ClientError, BotoCoreError) as exc:
            log.warning("Task %s gets no credentials: %s", running.task.id, exc)
            return _error("500 Internal Server Error", str(exc))

    def _fresh(self, role: str, task: Task) -> Credentials:
        with self._lock:
            held = self._credentials.get(task.id)
            if held is None or held.expires_at - self._world.store.now() < REFRESH_BEFORE_S:
                clients = self._world.context.clients
                held = self._credentials[task.id] = clients.assume(role, task.id, TASKS_PRINCIPAL, task.region)
            return held

    def forget(self, task: Task) -> None:
        """Forget the credentials of a task that ended."""
        with self._lock:
            self._credentials.pop(task.id, None)

    def _files(self, task_id: str) -> tuple[str, str, bytes]:
        names = sorted(self._listed(task_id))
        return _json(names) if names else _error("404 Not Found", f"Task {task_id} has no log router.")

    def _listed(self, task_id: str) -> dict[str, Path]:
        try:
            folder = self._world.task_folder(arns.last_part(task_id)) / "firelens"
        except PathOutsideError:
            return {}
        kept = [*folder.glob("*"), *(folder / COPIES).rglob("*")]
        return {path.relative_to(folder).as_posix(): path for path in kept if path.is_file() and not path.is_symlink()}

    def _file(self, task_id: str, name: str) -> tuple[str, str, bytes]:
        listed = self._listed(task_id)
        if name not in listed:  # also refuses names that lead out of the folder
            return _error("404 Not Found", f"Task {task_id} has no file {name}.")
        return "200 OK", _TEXT, listed[name].read_bytes()


def _json(value: Any) -> tuple[str, str, bytes]:
    return "200 OK", _JSON, json.dumps(value).encode()


def _error(status: str, message: str) -> tuple[str, str, bytes]:
    code = status.partition(" ")[0]
    return status, _JSON, json.dumps({"code": code, "message": message}).encode()


def _when(seconds: float | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z") if seconds else None


def _credentials_shape(credentials: Credentials) -> dict[str, Any]:
    return {
        "RoleArn": credentials.role_arn,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token,
        "Expiration": _when(float(int(credentials.expires_at))),
    }


def _task_shape(running: RunningTask) -> dict[str, Any]:
    task = running.task
    return {
        "Cluster": task.cluster_arn,
        "TaskARN": task.arn,
        "Family": task.spec.family,
        "Revision": str(task.spec.revision),
        "ServiceName": arns.last_part(task.service) if task.service else "",
        "DesiredStatus": task.desired_status,
        "KnownStatus": str(task.status),
        "Limits": {"CPU": int(task.spec.cpu or 0) / 1024, "Memory": int(task.spec.memory or 0)},
        "PullStartedAt": _when(task.times.get("pull_started")),
        "PullStoppedAt": _when(task.times.get("pull_stopped")),
        "AvailabilityZone": task.interface.availability_zone if task.interface else "",
        "LaunchType": task.launch_type,
        "Containers": [_container_shape(task, each) for each in running.containers.values()],
    }


def _container_shape(task: Task, container: Container) -> dict[str, Any]:
    record, spec = container.record, container.spec
    shape: dict[str, Any] = {
        "DockerId": record.runtime_id,
        "Name": record.name,
        "DockerName": record.name,
        "Image": record.image,
        "ImageID": record.image_digest,
        "Labels": {
            "com.amazonaws.ecs.cluster": task.cluster_arn,
            "com.amazonaws.ecs.container-name": record.name,
            "com.amazonaws.ecs.task-arn": task.arn,
            "com.amazonaws.ecs.task-definition-family": task.spec.family,
            "com.amazonaws.ecs.task-definition-version": str(task.spec.revision),
        },
        "DesiredStatus": task.desired_status,
        "KnownStatus": record.status,
        "Limits": {"CPU": spec.cpu or 2, **({"Memory": spec.memory_mib} if spec.memory_mib else {})},
        "CreatedAt": _when(record.started_at),
        "StartedAt": _when(record.started_at),
        "Type": "NORMAL",
        "ContainerARN": record.arn,
        "LogDriver": spec.log.driver if spec.log else "",
        "LogOptions": dict(spec.log.options) if spec.log else {},
    }
    if spec.restart is not None:
        shape["RestartCount"] = record.restart_count
    if task.interface is not None:
        shape["Networks"] = [{"NetworkMode": "awsvpc", "IPv4Addresses": [task.interface.address]}]
    return shape
