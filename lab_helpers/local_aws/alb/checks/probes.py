"""Health checks at work: one HTTP request from each node to each target, once an interval.

Source: "Health checks for Application Load Balancer target groups" (User-Agent ELB-HealthChecker/2.0, one connection a
check). Not modelled: HTTPS, gRPC and Lambda checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from lab_helpers.local_aws.alb.checks.target_health import REFUSED, TIMED_OUT, CheckResult, judge
from lab_helpers.local_aws.alb.http.heads import HEAD_LIMIT_BYTES, BadHeadError, parse_response
from lab_helpers.local_aws.alb.model import HealthCheck, TargetKey
from lab_helpers.local_aws.alb.reachability import BlockedError, Wires, proxy_line

USER_AGENT = "ELB-HealthChecker/2.0"

Report = Callable[[CheckResult], None]


class Probe:
    """One check of one target from one node; reports once, in the event loop's thread."""

    def __init__(self, check: HealthCheck, node: str, key: TargetKey, report: Report) -> None:
        self._check, self._node = check, node
        self._key: TargetKey = (key[0], check.port or key[1])
        self._report: Report | None = report
        self._task: asyncio.Task[None] | None = None

    def start(self, wires: Wires, node_groups: frozenset[str]) -> None:
        """Send the check; in the event loop's thread."""
        self._task = asyncio.get_running_loop().create_task(self._run(wires, node_groups))

    def time_out(self) -> None:
        """Give up waiting; without effect when the result is there."""
        if self._task is not None:
            self._task.cancel()
        self._tell(TIMED_OUT)

    async def _run(self, wires: Wires, node_groups: frozenset[str]) -> None:
        try:
            socket = wires.locate(self._node, node_groups, self._key)
            greeting = proxy_line(self._node, self._key) if socket.proxy_protocol else b""
            answer = await _ask(socket.host, socket.port, greeting + self._request())
        except BlockedError:
            return  # nobody answers: the time-out is the result
        except (OSError, EOFError, BadHeadError):
            self._tell(REFUSED)
            return
        self._tell(judge(answer, self._check.matcher))

    def _request(self) -> bytes:
        address, port = self._key
        return (
            f"GET {self._check.path} HTTP/1.1\r\nHost: {address}:{port}\r\nConnection: close\r\n"
            f"User-Agent: {USER_AGENT}\r\nAccept-Encoding: gzip, compressed\r\n\r\n"
        ).encode()

    def _tell(self, result: CheckResult) -> None:
        report, self._report = self._report, None
        if report is not None:
            report(result)


class _Asking(asyncio.Protocol):
    """Sends a request and waits for the head of the response."""

    def __init__(self, request: bytes, answer: asyncio.Future[int]) -> None:
        self._request, self._answer = request, answer
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self._seen += data[: HEAD_LIMIT_BYTES - len(self._seen)]
        end = self._seen.find(b"\r\n\r\n")
        if end >= 0 and not self._answer.done():
            self._settle(self._seen[:end])

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(exc or EOFError("closed without a response"))

    def _settle(self, head: bytes) -> None:
        try:
            self._answer.set_result(parse_response(head, "GET").status)
        except BadHeadError as error:
            self._answer.set_exception(error)


async def _ask(host: str, port: int, request: bytes) -> int:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[int] = loop.create_future()
    transport, _ = await loop.create_connection(lambda: _Asking(request, answer), host, port)
    try:
        return await answer
    finally:
        # The target may still be sending; a plain close lets it finish rather than logging a reset.
        transport.close()
