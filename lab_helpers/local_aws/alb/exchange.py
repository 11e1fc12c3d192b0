"""One request and its response on the way through the load balancer.

Source: "Troubleshoot your Application Load Balancers" (what 400, 460, 502, 503 and 504 stand for).
Not modelled: authentication actions (answered 500), `routing.http.drop_invalid_header_fields`.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from lab_helpers.local_aws.alb import answers
from lab_helpers.local_aws.alb.access_log import Entry, Times
from lab_helpers.local_aws.alb.framing import Body, UntilCloseBody, request_body, response_body
from lab_helpers.local_aws.alb.heads import (
    HEAD_LIMIT_BYTES,
    BadHeadError,
    RequestHead,
    ResponseHead,
    parse_response,
    request_to_target,
    response_to_client,
)
from lab_helpers.local_aws.alb.model import TargetKey
from lab_helpers.local_aws.alb.rules import Action, Rule, choose, pick_weighted
from lab_helpers.local_aws.alb.target_connection import BlockedError, TargetConnection
from lab_helpers.local_aws.alb.wiring import Door

if TYPE_CHECKING:
    from lab_helpers.local_aws.alb.proxy import ClientConnection
    from lab_helpers.local_aws.alb.targets import GroupRuntime, Target

CONNECT_TIMEOUT_S = 10.0
"""Source: "HTTP 504: the load balancer failed to establish a connection to the target before the connection timeout
expired (10 seconds)"."""
CLIENT_GONE = 460

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_FRESH_S = 1.0  # a pooled connection idle for longer might be closed by the target just now: not for a POST
_WAITING_LIMIT_BYTES = 64 * 1024


class Exchange:
    """Carries one request to a target and the answer back; all methods run in the event loop's thread."""

    def __init__(self, client: ClientConnection, door: Door, head: RequestHead, head_bytes: int) -> None:
        self.client = client
        self.head = head
        self._door, self._wiring = door, door.balancer.wiring
        self._request_body: Body = request_body(head.length)
        self._waiting: list[bytes] = []  # for the connection to the target
        self._replay: list[bytes] | None = None  # what a stale pooled connection may have swallowed
        self._connection: TargetConnection | None = None
        self._response: ResponseHead | None = None
        self._response_body: Body | None = None
        self._payload: list[bytes] | None = None  # what is inside the chunks, for a client that knows none
        self._head_so_far = b""
        self._tunnel = False
        self._finished = False
        self._group: GroupRuntime | None = None
        self._target: Target | None = None
        self._tried: set[TargetKey] = set()
        self._trace_id = ""
        self._rule: Rule | None = None
        self._times = Times(self._wiring.clock.monotonic())
        self._touched = self._times.received
        self._received_bytes, self._sent_bytes = head_bytes, 0

    @property
    def request_done(self) -> bool:
        """Whether the request's body is complete: what follows is the next request."""
        return self._request_body.done and not self._tunnel

    def start(self) -> None:
        """Decide by the listener's rules, and act."""
        rule = choose(self._door.listener.rules, self.head)
        self._trace_id = _trace_id(self.head.header("x-amzn-trace-id"), self._wiring.clock.now().timestamp())
        self._rule, action = rule, rule.action if rule else Action("none")
        if action.kind == "forward":
            self._forward(action)
        else:
            self._answer(action)

    def from_client(self, data: bytes) -> bytes:
        """Take bytes of the request's body; returns those that are behind its end."""
        self._touch()
        if self._tunnel:
            self._send(data)
            return b""
        try:
            taken = self._request_body.take(data)
        except BadHeadError:
            self.fail(400)
            return b""
        self._received_bytes += taken
        self._send(data if taken == len(data) else data[:taken])
        return data[taken:]

    def from_target(self, data: bytes) -> None:
        """Take bytes of the response."""
        self._touch()
        self._replay = None
        if self._tunnel:
            self._pass_on(data)
        elif self._response_body is None:
            self._read_head(self._head_so_far + data)
        else:
            self._read_body(b"", data)

    def target_lost(self) -> None:
        """The target closed its connection, or it was cut."""
        connection, self._connection = self._connection, None
        if self._finished:
            return
        if self._response_body is not None or self._tunnel:
            self._end_with_target()
        elif connection is not None and connection.uses > 1 and self._replay is not None:
            self._waiting, self._replay = self._replay, None
            self._connect(fresh=True)
        else:
            self.fail(502)

    def client_lost(self) -> None:
        """The client went away: whatever the target is still doing is cut off."""
        if not self._finished:
            self._finish(self._response.status if self._response else CLIENT_GONE)
            self._drop_connection()

    def sweep(self, now: float) -> None:
        """Give up waiting where a time-out has passed."""
        if self._connection is None and now - self._times.received > CONNECT_TIMEOUT_S:
            self.fail(504)
        elif now - self._touched > self._door.balancer.settings.idle_timeout_s:
            self.fail(504 if self._request_body.done else 408)

    def pause_target(self) -> None:
        """The client is slow: read no more of the response."""
        if self._connection is not None:
            self._connection.pause_reading()

    def resume_target(self) -> None:
        """Read on."""
        if self._connection is not None:
            self._connection.resume_reading()

    def fail(self, status: int) -> None:
        """End with the load balancer's own error page, or by cutting the client off when an answer has begun."""
        self._drop_connection()
        if self._response is not None:
            self._finish(self._response.status)
            self.client.abort()
            return
        keep_alive = self._keeps_alive() and status not in (400, 408)
        self._reply(
            status, answers.error_page(status, self._wiring.clock.now(), keep_alive, self._head_only), keep_alive
        )

    # -- towards the target

    def _forward(self, action: Action) -> None:
        arn = action.weights[0][0] if len(action.weights) == 1 else pick_weighted(action.weights, random.random())
        self._group = self._wiring.groups.get(arn or "")
        if self._group is None:
            self.fail(503)
            return
        self._waiting.insert(
            0, request_to_target(self.head, self._door.listener.port, self._trace_id, self.client.node)
        )
        self._connect()

    def _connect(self, fresh: bool = False) -> None:
        target = self._group.pick(self._tried) if self._group else None
        if target is None:
            self.fail(502 if self._tried else 503)
            return
        self._target = target
        now = self._wiring.clock.monotonic()
        since = 0.0 if self.head.method in _IDEMPOTENT else now - _FRESH_S
        pooled = None
        if not fresh and self._may_pass(target):
            pooled = TargetConnection.reuse(target, self.client.node, since)
        if pooled is not None:
            self._carry_by(pooled)
        else:
            asyncio.get_running_loop().create_task(self._open(target))

    def _may_pass(self, target: Target) -> bool:
        return self._wiring.may_pass(self.client.node, self._door.balancer.settings.security_groups, target.key)

    async def _open(self, target: Target) -> None:
        groups = self._door.balancer.settings.security_groups
        try:
            connection = await TargetConnection.open(self._wiring, target, self.client.node, groups)
        except BlockedError:
            return  # packets are dropped without a word: `sweep` ends this
        except OSError:
            # Nothing was sent: another target may have it.
            self._tried.add(target.key)
            if not self._finished:
                self._connect()
            return
        if self._finished:
            connection.release(self._wiring.clock.monotonic())
        else:
            self._carry_by(connection)

    def _carry_by(self, connection: TargetConnection) -> None:
        data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting = []
        may_replay = connection.uses and self.head.method in _IDEMPOTENT
        self._replay = [data] if may_replay else None
        self._connection = connection
        connection.carry(self, data)
        self._times.sent = self._wiring.clock.monotonic()
        if not self._request_body.done:
            self.client.resume_reading()

    def _send(self, data: bytes) -> None:
        if not data:
            return
        if self._connection is None:
            self._waiting.append(data)
            if sum(map(len, self._waiting)) > _WAITING_LIMIT_BYTES:
                self.client.pause_reading()
            return
        self._connection.write(data)
        if self._replay is not None:
            self._replay.append(data)
            if sum(map(len, self._replay)) > _WAITING_LIMIT_BYTES:
                self._replay = None

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.exchange = None
            connection.abort()

    # -- towards the client

    def _read_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head_so_far = data
            if len(data) > HEAD_LIMIT_BYTES:
                self.fail(502)
            return
        self._head_so_far = b""
        try:
            response = parse_response(data[:end], self.head.method)
        except BadHeadError:
            self.fail(502)
            return
        self._begin_response(response, data[end + 4 :])

    def _begin_response(self, response: ResponseHead, rest: bytes) -> None:
        if response.status < 200 and response.status != 101:
            self._pass_on(response_to_client(response, keep_alive=True))
            if rest:
                self._read_head(rest)
            return
        self._times.answered = self._wiring.clock.monotonic()
        self._response = response
        self._tunnel = response.status == 101
        if self._tunnel:
            self._pass_on(response_to_client(response, keep_alive=True) + rest)
            self._send(self.client.take_ahead())
            return
        dechunk = response.chunked and self.head.version == "HTTP/1.0"
        self._payload = [] if dechunk else None
        self._response_body = response_body(response.length, response.chunked, self._payload)
        self._read_body(response_to_client(response, self._keeps_alive(), dechunk), rest)

    def _read_body(self, head: bytes, data: bytes) -> None:
        body = self._response_body
        assert body is not None
        try:
            taken = body.take(data) if data else 0
        except BadHeadError:
            self.fail(502)
            return
        self._pass_on(head + (data[:taken] if self._payload is None else self._take_payload()))
        if body.done:
            self._end(whole=taken == len(data))

    def _take_payload(self) -> bytes:
        assert self._payload is not None
        payload = b"".join(self._payload)
        self._payload.clear()
        return payload

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._sent_bytes += len(data)
            self.client.write(data)

    def _end(self, whole: bool) -> None:
        keep_alive = self._keeps_alive()
        connection, self._connection = self._connection, None
        assert connection is not None
        assert self._response is not None
        if whole and self._response.keep_alive and self._request_body.done:
            connection.release(self._wiring.clock.monotonic())
        else:
            connection.exchange = None
            connection.close()
        self._finish(self._response.status)
        self.client.exchange_done(keep_alive)

    def _end_with_target(self) -> None:
        whole = self._tunnel or isinstance(self._response_body, UntilCloseBody)
        self._finish(self._response.status if self._response else 502)
        if whole:
            self.client.close()
        else:
            self.client.abort()

    def _answer(self, action: Action) -> None:
        keep_alive, now = self._keeps_alive(), self._wiring.clock.now()
        if action.kind == "fixed-response":
            data = answers.fixed_response(action.options, now, keep_alive, self._head_only)
        elif action.kind == "redirect":
            location = answers.redirect_location(action.options, self.head, self._door.listener.port)
            data = answers.redirect(location, action.options, now, keep_alive, self._head_only)
        else:
            self.fail(500)
            return
        self._reply(int(data[9:12]), data, keep_alive)

    def _reply(self, status: int, data: bytes, keep_alive: bool) -> None:
        if self._finished:
            return
        self._pass_on(data)
        self._finish(status)
        self.client.exchange_done(keep_alive)

    @property
    def _head_only(self) -> bool:
        return self.head.method == "HEAD"

    def _keeps_alive(self) -> bool:
        # A body that was not read to its end would be taken for the next request.
        response = self._response
        return self.head.keep_alive and self._request_body.done and not (response and self._until_close(response))

    def _until_close(self, response: ResponseHead) -> bool:
        # An HTTP/1.0 client gets a chunked body without its chunks: only the connection's end tells it where it ends.
        return response.length is None and (not response.chunked or self.head.version == "HTTP/1.0")

    # -- figures

    def _touch(self) -> None:
        self._touched = self._wiring.clock.monotonic()

    def _finish(self, status: int) -> None:
        self._finished = True
        self._times.done = self._wiring.clock.monotonic()
        if self._group is not None:
            self._group.count(status, by_target=self._response is not None)
        log = self._door.balancer.log
        if log is not None:
            log.write(self.client.node, self._entry(status))

    def _entry(self, status: int) -> Entry:
        head, client, rule = self.head, self.client, self._rule
        action = rule.action if rule else Action("none")
        return Entry(
            finished_at=self._wiring.clock.now(),
            balancer=self._door.balancer.settings.resource_id,
            client=f"{client.address}:{client.port}",
            target=f"{self._target.key[0]}:{self._target.key[1]}" if self._target else None,
            times=self._times,
            status=status,
            target_status=self._response.status if self._response else None,
            received_bytes=self._received_bytes,
            sent_bytes=self._sent_bytes,
            request=f"{head.method} {self._url()} {head.version}",
            user_agent=head.header("user-agent"),
            target_group_arn=self._group.settings.arn if self._group else None,
            trace_id=self._trace_id,
            priority=rule.priority if rule else None,
            action=action.kind,
            redirect_url=(
                answers.redirect_location(action.options, head, self._door.listener.port)
                if action.kind == "redirect"
                else None
            ),
            connection_id=client.connection_id,
        )

    def _url(self) -> str:
        host = self.head.host.partition(":")[0] or "-"
        query = f"?{self.head.query}" if self.head.query else ""
        return f"http://{host}:{self._door.listener.port}{self.head.path}{query}"


def _trace_id(given: str | None, now_s: float) -> str:
    own = f"1-{int(now_s):08x}-{random.getrandbits(96):024x}"
    if given is None:
        return f"Root={own}"
    return f"Self={own};{given}" if "Root=" in given else f"Root={own};{given}"
