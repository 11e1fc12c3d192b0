"""The feed of API calls on disk: what was called before a restart is still told after it.

Calls are kept in batches, some time after they were answered, and no call waits for it: a killed server's last second
is not in the feed, though what the calls changed is in the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.kit.service import Kept
from lab_helpers.local_aws.trail.feed import DATA_KEPT, MANAGEMENT_KEPT, CallFeed, Recorded

LIST = "calls"
MOST_ON_DISK = 2 * (MANAGEMENT_KEPT + DATA_KEPT)
"""Calls in the list, of which the feed has the newest half at least; then it is written anew, from the feed."""
NOT_TOLD_AGAIN = 10_000
"""Numbers that are left out after a restart: a killed server has told some that it had no time to keep."""
OF_CALLER = ("kind", "arn", "account_id", "role_arn", "principal", "access_key_id")
"""What is kept of a caller: the policies and tags of a session are nothing that the feed tells."""


class KeptCalls:
    """Keeps a feed's calls in a list of batches; one thread may `keep` at a time."""

    def __init__(self, feed: CallFeed, kept: Kept) -> None:
        """Let the feed begin with what was kept."""
        self._feed, self._kept = feed, kept
        found = [call for batch in kept.appended(LIST) for call in unpacked(batch)]
        self._on_disk, self._last = len(found), max((call.number for call in found), default=0)
        if found:
            feed.begin_with(sorted(found, key=lambda call: call.number), self._last + NOT_TOLD_AGAIN)

    def keep(self) -> None:
        """Keep the calls that were made since the last time."""
        if not self._kept.is_kept:
            return
        new = self._feed.calls(self._last)
        if not new:
            return
        if self._on_disk + len(new) > MOST_ON_DISK:
            everything = self._feed.calls()
            self._kept.rewrite(LIST, [packed(everything)])
            self._on_disk, self._last = len(everything), everything[-1].number
        else:
            self._kept.append(LIST, [packed(new)])
            self._on_disk, self._last = self._on_disk + len(new), new[-1].number


def packed(calls: Iterable[Recorded]) -> list[tuple[Any, ...]]:
    """Return calls as plain values; a text that comes again is the same object, so that it is written once."""
    seen: dict[Any, Any] = {}

    def once(value: Any) -> Any:
        return seen.setdefault(value, value)

    def row(call: Recorded) -> tuple[Any, ...]:
        caller = once(tuple(once(getattr(call.caller, name)) for name in OF_CALLER))
        texts = (call.service, call.operation, call.region)
        names = {once(name): value for name, value in call.names.items()}
        told = (call.code, call.message, call.source_ip, call.user_agent)
        return call.number, call.at.timestamp(), caller, *map(once, texts), names, *map(once, told)

    return [row(call) for call in calls]


def unpacked(batch: Sequence[Any]) -> list[Recorded]:
    """Return the calls of a batch."""
    return [
        Recorded(number, datetime.fromtimestamp(at, UTC), Caller(**dict(zip(OF_CALLER, caller, strict=True))), *rest)
        for number, at, caller, *rest in batch
    ]
