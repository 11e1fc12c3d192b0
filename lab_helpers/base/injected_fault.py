"""A fault that somebody asks the local AWS for: which calls, what happens to them, to which share, for how long."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Self

from lab_helpers.base.errors import SettingsError

KINDS = ("throttle", "500", "drop-before", "drop-after", "silence", "slow")
"""Refused for their rate; refused with InternalFailure; the connection closed before, or after, the work; no answer at
all; an answer that comes late."""
MAX_S = 3600.0
MAX_PATTERN = 100


@dataclass(frozen=True)
class InjectedFault:
    """Which calls, and what happens to them.

    `service` is the signing name ("logs", "firehose", "s3", …), `operation` AWS's name of one, `role` the caller's role
    name, "operator" or a service principal, all as patterns with `*`; an empty role is any caller but the lab's
    operator. `share` of the calls is hit (above 0, at most 1), which ones depends on `seed` alone. The fault ends after
    `seconds` (0: with `clear`); `delay_s` is how late a slow answer is. Raises SettingsError.
    """

    service: str = "*"
    operation: str = "*"
    role: str = ""
    kind: str = "throttle"
    share: float = 1.0
    seconds: float = 0.0
    delay_s: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, holds, expected in (
            ("kind", self.kind in KINDS, f"one of {', '.join(KINDS)}"),
            ("share", _is_between(self.share, 0, 1) and self.share > 0, "above 0 and at most 1"),
            ("seconds", _is_between(self.seconds, 0, MAX_S), "from 0 to 3600 (seconds)"),
            ("delay_s", _is_between(self.delay_s, 0, MAX_S), "from 0 to 3600 (seconds)"),
            ("seed", type(self.seed) is int, "a whole number"),
        ):
            if not holds:
                raise SettingsError(name, getattr(self, name), expected)
        for name in ("service", "operation", "role"):
            pattern = getattr(self, name)
            if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
                raise SettingsError(name, pattern, "a pattern of at most 100 characters")

    @classmethod
    def of(cls, members: Any) -> Self:
        """Read what `as_members` wrote; raises SettingsError for anything else."""
        known = {each.name for each in fields(cls)}
        if not isinstance(members, Mapping) or set(members) - known:
            raise SettingsError("fault", members, f"an object with members of {', '.join(sorted(known))}")
        return cls(**members)

    def as_members(self) -> dict[str, Any]:
        """Return the members as JSON has them."""
        return asdict(self)

    def concerns(self, service: str, operation: str, role: str) -> bool:
        """Whether a call of a caller is meant."""
        meant = fnmatchcase(role, self.role) if self.role else role != "operator"
        return meant and fnmatchcase(service, self.service) and fnmatchcase(operation, self.operation)

    def dice(self) -> random.Random:
        """Return what decides call by call; the same sequence for the same seed."""
        return random.Random(self.seed)


def _is_between(value: Any, least: float, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most
