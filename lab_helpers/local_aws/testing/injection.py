"""Faults that are injected from outside: a layer in front of the gateway that hits some calls, and counts them.

`lab fault` and `lab.fault(…)` tell it what by `/_lab/faults`. It costs nothing while there is no fault. The local AWS's
own services are callers too: a fault on the role of Firehose hits its deliveries.
Source: "Error retries" of the SDK reference for the codes; "Common errors" of each service for InternalFailure.
Not modelled: answers that are cut off in the middle; faults of the network below HTTP.
"""

from __future__ import annotations

import contextlib
import io
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request

from lab_helpers.base.injected_fault import InjectedFault
from lab_helpers.local_aws.front import protocol
from lab_helpers.local_aws.identity import sigv4
from lab_helpers.local_aws.identity.credentials import CredentialStore
from lab_helpers.local_aws.kit.api import AwsError, Caller, WsgiApp
from lab_helpers.local_aws.testing.weather import throttled
from lab_helpers.local_aws.trail.feed import CallFeed

_INTERNAL = {"s3": "InternalError", "firehose": "ServiceUnavailableException", "logs": "ServiceUnavailableException"}
_LOOK_S = 0.1
"""How soon a call that gets no answer notices that its client has gone, or that the fault has ended."""


@dataclass
class _Active:
    """A fault that is on: `matched` calls were of its kind, `hit` of them were hit."""

    fault: InjectedFault
    until: float
    matched: int = 0
    hit: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._dice = self.fault.dice()

    def strikes(self) -> bool:
        """Count a call, and say whether it is hit."""
        self.matched += 1
        struck = self._dice.random() < self.fault.share
        self.hit += struck
        return struck


class Injection:
    """The layer; `add`, `clear` and `rows` are what `/_lab/faults` offers."""

    def __init__(
        self,
        app: WsgiApp,
        store: CredentialStore,
        monotonic: Callable[[], float] = time.monotonic,
        feed: CallFeed | None = None,
    ) -> None:
        """`feed` is told of the calls that are refused here: the gateway does not see them."""
        self._app, self._store, self._monotonic, self._feed = app, store, monotonic, feed
        self._lock = threading.Lock()
        self._faults: dict[str, _Active] = {}
        self._made = 0

    def add(self, fault: InjectedFault) -> str:
        """Switch a fault on; return its number."""
        until = self._monotonic() + fault.seconds if fault.seconds else float("inf")
        with self._lock:
            self._made += 1
            self._faults[str(self._made)] = _Active(fault, until)
            return str(self._made)

    def clear(self, number: str = "") -> list[dict[str, Any]]:
        """Switch one fault off, or all; return their rows as they were at the end."""
        with self._lock:
            gone = [each for each in self._faults if not number or each == number]
            rows = [self._row(each) for each in gone]
            for each in gone:
                self._faults.pop(each).ended.set()
        return rows

    def rows(self) -> list[dict[str, Any]]:
        """Return each fault with its number, whether it is over, how many calls it concerned and how many it hit."""
        with self._lock:
            return [self._row(number) for number in self._faults]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not self._faults or "AWS4-HMAC-SHA256" not in environ.get("HTTP_AUTHORIZATION", ""):
            return self._pass(environ, start_response)
        caller = self._caller(environ)
        if caller is None:  # no client of the lab's; the gateway refuses it, with its body unread
            return self._pass(environ, start_response)
        body = Request(environ).get_data(cache=False)
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        try:
            call = protocol.parse(environ, body)
        except AwsError:
            return self._pass(environ, start_response)
        struck = self._struck(call, _name(caller))
        if struck is None:
            return self._pass(environ, start_response)
        refusal = _refusal(struck.fault.kind, call.service)
        if refusal is None:
            return self._hit(struck, environ, start_response)
        if self._feed is not None:
            self._feed.add(
                caller, call.service, call.operation, call.region, call.params, environ, refusal.code, refusal.message
            )
        return _refused(refusal, call, environ, start_response)

    def _caller(self, environ: dict[str, Any]) -> Caller | None:
        try:
            signature = sigv4.read(environ)
        except sigv4.MalformedSignatureError:
            return None
        known = self._store.find(signature.access_key_id) if signature else None
        return known.caller if known else None

    def _struck(self, call: protocol.Call, role: str) -> _Active | None:
        """Return the first fault that hits this call."""
        with self._lock:
            now = self._monotonic()
            on = [each for each in self._faults.values() if each.until > now]
            meant = [each for each in on if each.fault.concerns(call.service, call.operation, role)]
            return next((each for each in meant if each.strikes()), None)

    def _hit(self, struck: _Active, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        kind = struck.fault.kind
        if kind == "slow":
            struck.ended.wait(struck.fault.delay_s)
            return self._pass(environ, start_response)
        if kind == "drop-after":
            for _ in self._app(environ, lambda *_: None):
                pass
        if kind == "silence":
            self._hold(struck, environ)
        return _dropped(environ)

    def _pass(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answered: Iterable[bytes] = self._app(environ, start_response)
        return answered

    def _hold(self, struck: _Active, environ: dict[str, Any]) -> None:
        """Keep a call without an answer until its client goes or the fault ends."""
        connection: socket.socket = environ["werkzeug.socket"]
        while self._monotonic() < struck.until and not struck.ended.wait(_LOOK_S):
            with contextlib.suppress(OSError, ValueError):
                readable, _, _ = select.select([connection], [], [], 0)
                if readable and not connection.recv(1, socket.MSG_PEEK):
                    return

    def _row(self, number: str) -> dict[str, Any]:
        each = self._faults[number]
        figures = {"over": each.until <= self._monotonic(), "matched": each.matched, "hit": each.hit}
        return {"number": number, **each.fault.as_members(), **figures}


def _refusal(kind: str, service: str) -> AwsError | None:
    """Return what a fault of this kind answers, None when it answers nothing of its own."""
    if kind == "throttle":
        return throttled(service)
    if kind == "500":
        code = _INTERNAL.get(service, "InternalFailure")
        return AwsError(code, "An internal error occurred; the local AWS was asked for it.", 500)
    return None


def _refused(error: AwsError, call: protocol.Call, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    status, headers, body = protocol.refusal(call.protocol, error, environ["REQUEST_METHOD"])
    start_response(f"{status} Injected", [*headers, ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _dropped(environ: dict[str, Any]) -> Iterable[bytes]:
    """Close the connection without a word; werkzeug takes the error for a client that has gone."""
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("dropped on demand")


def _name(caller: Caller | None) -> str:
    """Return what a fault's `role` is compared with."""
    if caller is None:
        return ""
    if caller.role_arn:
        return caller.role_arn.rpartition("/")[2]
    return caller.principal or caller.kind
