"""The feed of API calls: who called what on what, and what came of it; the newest of them, without their bodies.

A call costs a tuple in a ring. Words are made of it when somebody asks.
"""

from __future__ import annotations

import functools
import itertools
import re
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lab_helpers.iam.actions import required
from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.kit.clock import Clock
from lab_helpers.local_aws.trail.data_events import is_data_event

MANAGEMENT_KEPT, DATA_KEPT = 4000, 2000
"""Routers send each second: their calls are not to push the others out."""
LATEST_KEPT = 1000
MOST_CHARACTERS = 256
"""Of a name that is kept: more is no name."""
_NAMING = re.compile(
    r"(\w*(Name|Names|Arn|Arns|ARN|Id|Ids|Identifier)|Bucket|Key|\w*[cC]lusters?|service|services|tasks?|taskDefinition)"
)
_NOT_KEPT = frozenset({"ExternalId", "SourceIdentity"})
_DELIVERERS = frozenset({"delivery.logs.amazonaws.com", "logdelivery.elasticloadbalancing.amazonaws.com"})


class Recorded(NamedTuple):
    """One call as it is kept; `names` are those of its parameters that name something, `code` is empty when it worked.

    `number` counts the calls from 1 on; some are left out where a server was started again.
    """

    number: int
    at: datetime
    caller: Caller
    service: str
    operation: str
    region: str
    names: Mapping[str, Any]
    code: str
    message: str
    source_ip: str
    user_agent: str

    @property
    def action_and_resource(self) -> tuple[str, str]:
        """What IAM calls this: the first action that it needs, and the ARN that this concerns."""
        try:
            needed = required(self.service, self.operation, self.names, self.region, self.caller.account_id)
        except (ValueError, TypeError, AttributeError, KeyError, IndexError):  # a malformed call, refused as such
            needed = ()
        if not needed:
            return f"{self.service}:{self.operation}", "*"
        return needed[0].action, needed[0].resource_arn

    def as_row(self) -> dict[str, Any]:
        """Return it ready for JSON: number, at (ISO 8601, UTC), principal, action, resource, outcome, message.

        `outcome` is "allowed" or AWS's error code.
        """
        action, resource = self.action_and_resource
        return {
            "number": self.number,
            "at": self.at.astimezone(UTC).isoformat(timespec="milliseconds"),
            "principal": self.caller.principal if self.caller.kind == "service" else self.caller.arn,
            "action": action,
            "resource": resource,
            "outcome": self.code or "allowed",
            "message": self.message,
        }


class CallFeed:
    """The calls of late, and of each caller's each operation the latest; safe to use from several threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._management: deque[Recorded] = deque(maxlen=MANAGEMENT_KEPT)
        self._data: deque[Recorded] = deque(maxlen=DATA_KEPT)
        self._latest: dict[tuple[str, str, str], Recorded] = {}

    def begin_with(self, calls: Iterable[Recorded], number: int) -> None:
        """Take the calls of an earlier server (oldest first) before the first one of this; `number` is given next."""
        with self._lock:
            self._numbers = itertools.count(number)
            for call in calls:
                self._keep(call)

    def add(
        self,
        caller: Caller,
        service: str,
        operation: str,
        region: str,
        params: Mapping[str, Any],
        environ: Mapping[str, Any],
        code: str = "",
        message: str = "",
    ) -> None:
        """Keep a call that has ended; one of the services' own, by which they reach each other, is none of AWS's."""
        if caller.kind == "service" and not code and operation != "AssumeRole" and caller.principal not in _DELIVERERS:
            return
        names = {name: named for name, value in params.items() if _is_naming(name) and (named := _name(value))}
        source, agent = environ.get("REMOTE_ADDR", ""), environ.get("HTTP_USER_AGENT", "")
        now = self._clock.now()
        with self._lock:
            self._keep(
                Recorded(
                    next(self._numbers), now, caller, service, operation, region, names, code, message, source, agent
                )
            )

    def calls(self, after: int = 0) -> list[Recorded]:
        """Return the calls that are kept with a number above `after`, oldest first."""
        with self._lock:
            kept = [*self._management, *self._data]
        return sorted((call for call in kept if call.number > after), key=lambda call: call.number)

    def management_events(self) -> list[Recorded]:
        """Return the calls that CloudTrail's event history has, oldest first."""
        with self._lock:
            return list(self._management)

    def latest(self, operations: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
        """Return, for some operations (signing name, operation), each caller's latest call: its row, `who` and `call`.

        `who` is the role's ARN, `call` is `service:operation`.
        """
        wanted = frozenset(operations)
        with self._lock:
            found = [(who, call) for (who, *what), call in self._latest.items() if tuple(what) in wanted]
        return [{**call.as_row(), "who": who, "call": f"{call.service}:{call.operation}"} for who, call in found]

    def _keep(self, call: Recorded) -> None:
        caller, service, operation = call.caller, call.service, call.operation
        (self._data if is_data_event(service, operation) else self._management).append(call)
        key = (caller.role_arn or caller.principal or caller.arn, service, operation)
        self._latest.pop(key, None)
        self._latest[key] = call
        if len(self._latest) > LATEST_KEPT:
            del self._latest[next(iter(self._latest))]


@functools.lru_cache(maxsize=4096)
def _is_naming(parameter: str) -> bool:
    return _NAMING.fullmatch(parameter) is not None and parameter not in _NOT_KEPT


def _name(value: Any) -> Any:
    """Return a name, or the first of a list of names; None for what is none."""
    if isinstance(value, str):
        return value[:MOST_CHARACTERS]
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [value[0][:MOST_CHARACTERS]]
    return None
