"""Visitors like real ones: a day's people and machines, planned by a seed, sent in seconds, every answer known.

What needs pandas is loaded by its first use: notebooks open without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab_helpers.visitors.defaults import DEFAULT_REQUESTS, DEFAULT_SECONDS, MINUTES

if TYPE_CHECKING:
    from lab_helpers.visitors.day import Visitors, plan, visit
else:

    def __getattr__(name: str) -> Any:
        """Return `Visitors`, `plan` or `visit`."""
        from lab_helpers.base.lazy import lazily

        return lazily(__name__, dict.fromkeys(("Visitors", "plan", "visit"), f"{__name__}.day"), name)


__all__ = ["DEFAULT_REQUESTS", "DEFAULT_SECONDS", "MINUTES", "Visitors", "plan", "visit"]
