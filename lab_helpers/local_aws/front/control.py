"""The lab's own endpoints on the local AWS: is it there, which instance, what does it do, whom did it refuse, which
calls came, and which faults is it to have.

They answer the lab alone: a call brings the token that `server.json` holds, in the header `X-Lab-Token`.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from lab_helpers.base.errors import SettingsError
from lab_helpers.base.injected_fault import InjectedFault
from lab_helpers.local_aws.front.gateway import json_answer
from lab_helpers.local_aws.kit.api import WsgiApp

PREFIX = "/_lab/"
MAX_BODY_BYTES = 4096
TOKEN_HEADER = "HTTP_X_LAB_TOKEN"


class Faults(Protocol):
    """What switches faults on and off: testing.injection.Injection."""

    def add(self, fault: InjectedFault) -> str: ...

    def clear(self, number: str = "") -> list[dict[str, Any]]: ...

    def rows(self) -> list[dict[str, Any]]: ...


class ControlRoutes:
    """GET /_lab/health, /_lab/status, /_lab/denials (rows of iam.explain), /_lab/events and /_lab/faults, as JSON.

    /_lab/events are the calls of late (trail.feed), with ?after=NUMBER those behind that one. /_lab/board is all that
    the pipeline's board shows, in one answer.
    POST /_lab/faults switches a fault on (base.injected_fault), DELETE /_lab/faults and /_lab/faults/NUMBER off.
    `faults` is set when there is a layer that makes them.
    """

    faults: Faults | None = None

    def __init__(
        self,
        instance_id: str,
        token: str,
        status: Callable[[], dict[str, Any]],
        denials: Callable[[], list[Any]],
        events: Callable[[int], list[Any]] = lambda after: [],  # noqa: ARG005
        board: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._token = token
        self._answers: dict[str, Callable[[], Any]] = {
            "health": lambda: {"instance_id": instance_id, "pid": os.getpid()},
            "status": status,
            "denials": denials,
            "board": board,
        }
        self._events = events

    def routes(self) -> dict[str, WsgiApp]:
        return {PREFIX: self._answer}

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not hmac.compare_digest(environ.get(TOKEN_HEADER, "").encode("latin-1"), self._token.encode()):
            return json_answer(start_response, 403, {"message": "the lab's own pages want the lab's token"})
        name = environ.get("PATH_INFO", "")[len(PREFIX) :].strip("/")
        if self.faults is not None and (name == "faults" or name.startswith("faults/")):
            return self._faults_answer(self.faults, environ, name.partition("/")[2], start_response)
        if environ["REQUEST_METHOD"] == "GET" and name == "events":
            return json_answer(start_response, 200, self._events(_after(environ)))
        if environ["REQUEST_METHOD"] != "GET" or name not in self._answers:
            return json_answer(start_response, 404, {"message": f"no such page; there are {sorted(self._answers)}"})
        return json_answer(start_response, 200, self._answers[name]())

    def _faults_answer(
        self, faults: Faults, environ: dict[str, Any], number: str, start_response: Any
    ) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method == "GET":
            return json_answer(start_response, 200, faults.rows())
        if method == "DELETE":
            return json_answer(start_response, 200, faults.clear(number))
        # A page of another origin cannot send this type without being asked first.
        if method != "POST" or environ.get("CONTENT_TYPE", "").partition(";")[0] != "application/json":
            return json_answer(start_response, 400, {"message": "a fault is a POST of application/json"})
        try:
            request = Request(environ)
            request.max_content_length = MAX_BODY_BYTES
            fault = InjectedFault.of(json.loads(request.get_data(cache=False)))
        except (ValueError, RecursionError, RequestEntityTooLarge) as error:
            return json_answer(start_response, 400, {"message": f"that is no fault: {type(error).__name__}"})
        except SettingsError as error:
            return json_answer(start_response, 400, {"message": str(error)})
        return json_answer(start_response, 200, {"number": faults.add(fault)})


def _after(environ: dict[str, Any]) -> int:
    """Return the number of ?after=NUMBER; without a number 0, from which on all is shown."""
    found = dict(parse_qsl(environ.get("QUERY_STRING", ""))).get("after", "")
    return int(found[:18]) if found.isascii() and found.isdigit() else 0
