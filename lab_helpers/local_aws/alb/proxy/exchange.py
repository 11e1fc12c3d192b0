"""One request and its response on the way through the load balancer.

Source: "Troubleshoot your Application Load Balancers" (what 400, 408, 460, 502, 503 and 504 stand for).
Not modelled: authentication actions (answered 500), `routing.http.drop_invalid_header_fields`.
"""

from __future__ import annotations

import random
from typing import Protocol

from lab_helpers.local_aws.alb.access_log import Entry, Times
from lab_helpers.local_aws.alb.http import answers
from lab_helpers.local_aws.alb.http.framing import Body, UntilCloseBody, request_body, response_body
from lab_helpers.local_aws.alb.http.heads import (
    HEAD_LIMIT_BYTES,
    BadHeadError,
    RequestHead,
    ResponseHead,
    parse_response,
    request_to_target,
    response_to_client,
    trace_id,
)
from lab_helpers.local_aws.alb.proxy.context import Door
from lab_helpers.local_aws.alb.proxy.dispatch import Dispatch
from lab_helpers.local_aws.alb.rules import Action, Rule, choose, pick_weighted
from lab_helpers.local_aws.alb.target_group import GroupRuntime

CONNECT_TIMEOUT_S = 10.0
"""Source: "HTTP 504: the load balancer failed to establish a connection to the target before the connection timeout
expired (10 seconds)"."""
CLIENT_GONE = 460
_NO_ACTION = Action("none")


class Client(Protocol):
    """Who asks: one client's connection."""

    node: str
    address: str
    port: int
    connection_id: str

    def write(self, data: bytes) -> None:
        """Send bytes to the client."""

    def pause_reading(self) -> None:
        """Let the client wait."""

    def resume_reading(self) -> None:
        """Read on."""

    def exchange_done(self, keep_alive: bool) -> None:
        """Go on with the next request, or close."""

    def take_ahead(self) -> bytes:
        """Return the bytes that came behind the present request."""

    def close(self) -> None:
        """Close once all is written."""

    def abort(self) -> None:
        """Cut the connection now."""


class Exchange:
    """Carries one request to a target and the answer back; all methods run in the event loop's thread."""

    def __init__(self, client: Client, door: Door, head: RequestHead, head_bytes: int) -> None:
        self.client, self.door, self.head = client, door, head
        self._clock = door.balancer.wiring.clock
        self._request_body: Body = request_body(head.length)
        self._dispatch = Dispatch(door, client.node, head.method)
        self._response: ResponseHead | None = None
        self._response_body: Body | None = None
        self._payload: list[bytes] | None = None  # what is inside the chunks, for a client that knows none
        self._head_so_far = b""
        self._tunnel = self._finished = False
        self._rule: Rule | None = None
        self._group: GroupRuntime | None = None
        self._trace_id = ""
        self._times = Times(self._clock.monotonic())
        self._touched = self._times.received
        self._received_bytes, self._sent_bytes = head_bytes, 0

    @property
    def request_done(self) -> bool:
        """Whether the request's body is complete: what follows is the next request."""
        return self._request_body.done and not self._tunnel

    def start(self) -> None:
        """Decide by the listener's rules, and act."""
        self._rule = choose(self.door.listener.rules, self.head)
        self._trace_id = trace_id(self.head, self._clock.now().timestamp(), random.getrandbits(96))
        action = self._action
        if action.kind == "forward":
            self._forward(action)
        else:
            self._answer(action)

    def sent(self) -> None:
        """The request's bytes so far are on their way: called by the dispatch."""
        self._times.sent = self._clock.monotonic()
        if not self._request_body.done:
            self.client.resume_reading()

    def from_client(self, data: bytes) -> bytes:
        """Take bytes of the request's body; returns those that are behind its end."""
        self._touched = self._clock.monotonic()
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
        self._touched = self._clock.monotonic()
        self._dispatch.answered()
        if self._tunnel:
            self._pass_on(data)
        elif self._response_body is None:
            self._read_head(self._head_so_far + data)
        else:
            self._read_body(b"", data)

    def target_lost(self) -> None:
        """The target closed its connection, or it was cut."""
        if self._finished:
            return
        if self._response is not None:
            self._end_with_target()
        elif not self._dispatch.try_again(self):
            self.fail(502)

    def client_lost(self) -> None:
        """The client went away: whatever the target is still doing is cut off."""
        if not self._finished:
            self._finish(self._response.status if self._response else CLIENT_GONE)
            self._dispatch.cut()

    def sweep(self, now: float) -> None:
        """Give up waiting where a time-out has passed."""
        if self._dispatch.connection is None and now - self._times.received > CONNECT_TIMEOUT_S:
            self.fail(504)
        elif now - self._touched > self.door.balancer.settings.idle_timeout_s:
            self.fail(504 if self._request_body.done else 408)

    def pause_client(self) -> None:
        """Let the client wait: the target is slow."""
        self.client.pause_reading()

    def resume_client(self) -> None:
        """Read on."""
        self.client.resume_reading()

    def pause_target(self) -> None:
        """The client is slow: read no more of the response."""
        if self._dispatch.connection is not None:
            self._dispatch.connection.pause_reading()

    def resume_target(self) -> None:
        """Read on."""
        if self._dispatch.connection is not None:
            self._dispatch.connection.resume_reading()

    def fail(self, status: int) -> None:
        """End with the load balancer's own error page, or by cutting the client off when an answer has begun."""
        self._dispatch.cut()
        if self._response is not None:
            self._finish(self._response.status)
            self.client.abort()
            return
        keep_alive = self._keeps_alive() and status not in (400, 408)
        self._reply(status, answers.error_page(status, self._clock.now(), keep_alive, self._head_only), keep_alive)

    @property
    def _action(self) -> Action:
        return self._rule.action if self._rule else _NO_ACTION

    @property
    def _head_only(self) -> bool:
        return self.head.method == "HEAD"

    def _forward(self, action: Action) -> None:
        arn = action.weights[0][0] if len(action.weights) == 1 else pick_weighted(action.weights, random.random())
        self._group = self.door.balancer.wiring.groups.get(arn or "")
        if self._group is None:
            self.fail(503)
            return
        head = request_to_target(self.head, self.door.listener.port, self._trace_id, self.client.node)
        self._dispatch.begin(self, self._group, head)

    def _send(self, data: bytes) -> None:
        if not self._dispatch.send(data):
            self.client.pause_reading()

    def _answer(self, action: Action) -> None:
        keep_alive, now = self._keeps_alive(), self._clock.now()
        if action.kind == "fixed-response":
            data = answers.fixed_response(action.options, now, keep_alive, self._head_only)
        elif action.kind == "redirect":
            data = answers.redirect(self._location(action), action.options, now, keep_alive, self._head_only)
        else:
            self.fail(500)
            return
        self._reply(int(data[9:12]), data, keep_alive)

    def _location(self, action: Action) -> str:
        return answers.redirect_location(action.options, self.head, self.door.listener.port)

    def _reply(self, status: int, data: bytes, keep_alive: bool) -> None:
        if self._finished:
            return
        self._pass_on(data)
        self._finish(status)
        self.client.exchange_done(keep_alive)

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
        self._times.answered = self._clock.monotonic()
        self._response = response
        if response.status == 101:
            self._begin_tunnel(response, rest)
            return
        dechunk = response.chunked and self.head.version == "HTTP/1.0"
        self._payload = [] if dechunk else None
        self._response_body = response_body(response.length, response.chunked, self._payload)
        self._read_body(response_to_client(response, self._keeps_alive(), dechunk), rest)

    def _begin_tunnel(self, response: ResponseHead, rest: bytes) -> None:
        self._tunnel = True
        self._pass_on(response_to_client(response, keep_alive=True) + rest)
        self._send(self.client.take_ahead())

    def _read_body(self, head: bytes, data: bytes) -> None:
        body = self._response_body
        assert body is not None
        try:
            taken = body.take(data) if data else 0
        except BadHeadError:
            self.fail(502)
            return
        self._pass_on(head + (data[:taken] if self._payload is None else _take_all(self._payload)))
        if body.done:
            self._end(whole=taken == len(data))

    def _pass_on(self, data: bytes) -> None:
        if data:
            self._sent_bytes += len(data)
            self.client.write(data)

    def _end(self, whole: bool) -> None:
        assert self._response is not None
        keep_alive = self._keeps_alive()
        self._dispatch.end(reusable=whole and self._response.keep_alive and self._request_body.done)
        self._finish(self._response.status)
        self.client.exchange_done(keep_alive)

    def _end_with_target(self) -> None:
        assert self._response is not None
        whole = self._tunnel or isinstance(self._response_body, UntilCloseBody)
        self._dispatch.end(reusable=False)
        self._finish(self._response.status)
        if whole:
            self.client.close()
        else:
            self.client.abort()

    def _keeps_alive(self) -> bool:
        # A request's body that was not read to its end would be taken for the next request.
        response = self._response
        return self.head.keep_alive and self._request_body.done and not (response and self._until_close(response))

    def _until_close(self, response: ResponseHead) -> bool:
        # An HTTP/1.0 client gets a chunked body without its chunks: only the connection's end tells it where it ends.
        return response.length is None and (not response.chunked or self.head.version == "HTTP/1.0")

    def _finish(self, status: int) -> None:
        self._finished = True
        self._times.done = self._clock.monotonic()
        by_target, times = self._response is not None, self._times
        if self._group is not None:
            self._group.count(status, by_target)
        arn = self._group.settings.arn if self._group is not None else ""
        self.door.balancer.tally.count(arn, by_target, status, times.answered - times.sent)
        log = self.door.balancer.log
        if log is not None:
            log.write(self.client.node, self._entry(status))

    def _entry(self, status: int) -> Entry:
        head, client, target, action = self.head, self.client, self._dispatch.target, self._action
        return Entry(
            finished_at=self._clock.now(),
            balancer=self.door.balancer.settings.resource_id,
            client=f"{client.address}:{client.port}",
            target=f"{target.key[0]}:{target.key[1]}" if target else None,
            times=self._times,
            status=status,
            target_status=self._response.status if self._response else None,
            received_bytes=self._received_bytes,
            sent_bytes=self._sent_bytes,
            request=f"{head.method} {head.url(self.door.listener.port)} {head.version}",
            user_agent=head.header("user-agent"),
            target_group_arn=self._group.settings.arn if self._group else None,
            trace_id=self._trace_id,
            priority=self._rule.priority if self._rule else None,
            action=action.kind,
            redirect_url=self._location(action) if action.kind == "redirect" else None,
            connection_id=client.connection_id,
        )


def _take_all(payload: list[bytes]) -> bytes:
    data = b"".join(payload)
    payload.clear()
    return data
