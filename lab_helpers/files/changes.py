"""What a change of a text is, line by line."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

CONTEXT = 2
"""Unchanged lines that are shown around a changed one."""


@dataclass(frozen=True)
class Change:
    """A file as it was and as it is now; `before` is None for one that is new."""

    path: str
    before: str | None
    after: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return self.before == self.after

    def lines(self) -> list[str]:
        """Return the lines of a unified diff, each begun with ` `, `+`, `-` or `@`; without the two file names."""
        before = (self.before or "").splitlines()
        found = list(difflib.unified_diff(before, self.after.splitlines(), lineterm="", n=CONTEXT))
        return found[2:]


def same(one: str, other: str) -> bool:
    """Whether two texts say the same: blanks at the ends of lines and empty lines at the end do not count."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
