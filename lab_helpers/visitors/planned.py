"""A request of the day, before it is sent."""

from __future__ import annotations

from typing import NamedTuple


class Planned(NamedTuple):
    """One request of the day: `minute` of the day, `due_s` seconds after the start of sending."""

    id: str
    client: str
    kind: str
    user_agent: str
    method: str
    path: str
    query: str
    referer: str
    is_known: bool
    status: int
    bytes: int | None
    is_slow: bool
    minute: float
    due_s: float

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        return f"{self.path}?{self.query}" if self.query else self.path
