"""A request's way to a target: whom, over which connection, and what may be tried again."""

from __future__ import annotations

import asyncio
from typing import Protocol

from lab_helpers.local_aws.alb.model import TargetKey
from lab_helpers.local_aws.alb.proxy.context import Door
from lab_helpers.local_aws.alb.proxy.target_connection import Carried, TargetConnection
from lab_helpers.local_aws.alb.reachability import BlockedError
from lab_helpers.local_aws.alb.target_group import GroupRuntime, Target

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_FRESH_S = 1.0  # a pooled connection idle for longer might be closed by the target just now: not for a POST
_KEPT_LIMIT_BYTES = 64 * 1024


class Sender(Carried, Protocol):
    """Whose request it is: an exchange."""

    def sent(self) -> None:
        """Be told that the request's bytes so far are on their way."""

    def fail(self, status: int) -> None:
        """Be told that no target takes the request, and what the client is to hear."""


class Dispatch:
    """Sends one exchange's bytes, keeping them until there is a connection; runs in the event loop's thread.

    It does not keep its sender: two objects that know each other stay until the garbage collector looks.
    A request is tried again only when no byte of an answer came and either nothing was sent (the target refused the
    connection) or it is idempotent and went over a pooled connection that turned out to be closed.
    """

    def __init__(self, door: Door, node: str, method: str) -> None:
        self._door, self._node = door, node
        self._wiring = door.balancer.wiring
        self._idempotent = method in _IDEMPOTENT
        self._group: GroupRuntime | None = None
        self._waiting: list[bytes] = []
        self._replay: list[bytes] | None = None
        self._tried: set[TargetKey] = set()
        self._opening: asyncio.Task[None] | None = None
        self._ended = False
        self.connection: TargetConnection | None = None
        self.target: Target | None = None

    def begin(self, sender: Sender, group: GroupRuntime, head: bytes) -> None:
        """Choose a target of `group` and send `head`, then what `send` was given before."""
        self._group = group
        self._waiting.insert(0, head)
        self._connect(sender)

    def send(self, data: bytes) -> bool:
        """Send bytes, or keep them until there is a connection; False: that is much, let the client wait."""
        if self.connection is None:
            return not data or self._keep(self._waiting, data)
        self.connection.write(data)
        if self._replay is not None:
            self._keep(self._replay, data)
        return True

    def answered(self) -> None:
        """An answer has begun: nothing may be sent again."""
        self._replay = None

    def try_again(self, sender: Sender) -> bool:
        """Send all again on a new connection after the old one was lost; False: that may not be."""
        lost, self.connection = self.connection, None
        if lost is None or lost.uses < 2 or self._replay is None:
            return False
        self._waiting, self._replay = self._replay, None
        self._connect(sender, pooled=False)
        return True

    def end(self, reusable: bool) -> None:
        """The exchange is over; a reusable connection goes back to the pool."""
        self._ended = True
        connection, self.connection = self.connection, None
        if connection is not None and reusable:
            connection.release(self._wiring.clock.monotonic())
        elif connection is not None:
            connection.close()

    def cut(self) -> None:
        """The exchange failed: the target need not go on."""
        self._ended = True
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.exchange = None
            connection.abort()

    def _keep(self, kept: list[bytes], data: bytes) -> bool:
        kept.append(data)
        fits = sum(map(len, kept)) <= _KEPT_LIMIT_BYTES
        if not fits and kept is self._replay:
            self._replay = None
        return fits

    def _connect(self, sender: Sender, pooled: bool = True) -> None:
        target = self._group.pick(self._tried) if self._group else None
        if target is None:
            sender.fail(502 if self._tried else 503)
            return
        self.target = target
        connection = self._reuse(target) if pooled else None
        if connection is not None:
            self._carry_by(connection, sender)
        else:
            # Kept: the loop alone does not keep its tasks from being collected.
            self._opening = asyncio.get_running_loop().create_task(self._open(target, sender))

    def _reuse(self, target: Target) -> TargetConnection | None:
        if not self._wiring.may_pass(self._node, self._door.balancer.settings.security_groups, target.key):
            return None
        since = 0.0 if self._idempotent else self._wiring.clock.monotonic() - _FRESH_S
        return TargetConnection.reuse(target, self._node, since)

    async def _open(self, target: Target, sender: Sender) -> None:
        groups = self._door.balancer.settings.security_groups
        try:
            connection = await TargetConnection.open(self._wiring, target, self._node, groups)
        except BlockedError:
            return  # packets are dropped without a word: the exchange's time-out ends this
        except OSError:
            self._tried.add(target.key)
            if not self._ended:
                self._connect(sender)
            return
        if self._ended:
            connection.release(self._wiring.clock.monotonic())
        else:
            self._carry_by(connection, sender)

    def _carry_by(self, connection: TargetConnection, sender: Sender) -> None:
        data = self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        self._waiting = []
        self._replay = [data] if connection.uses and self._idempotent else None
        self.connection = connection
        connection.carry(sender, data)
        sender.sent()
