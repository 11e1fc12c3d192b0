"""The lab's own endpoints on the local AWS: is it there, which instance, what does it do, whom did it refuse."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from lab_helpers.local_aws.front.gateway import json_answer
from lab_helpers.local_aws.kit.api import WsgiApp

PREFIX = "/_lab/"


class ControlRoutes:
    """GET /_lab/health, /_lab/status and /_lab/denials (rows of iam.explain), as JSON."""

    def __init__(
        self, instance_id: str, status: Callable[[], dict[str, Any]], denials: Callable[[], list[Any]]
    ) -> None:
        self._answers: dict[str, Callable[[], Any]] = {
            "health": lambda: {"instance_id": instance_id, "pid": os.getpid()},
            "status": status,
            "denials": denials,
        }

    def routes(self) -> dict[str, WsgiApp]:
        return {PREFIX: self._answer}

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        name = environ.get("PATH_INFO", "")[len(PREFIX) :].strip("/")
        if environ["REQUEST_METHOD"] != "GET" or name not in self._answers:
            return json_answer(start_response, 404, {"message": f"no such page; there are {sorted(self._answers)}"})
        return json_answer(start_response, 200, self._answers[name]())
