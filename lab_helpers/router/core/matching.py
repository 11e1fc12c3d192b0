"""Which tags a Match pattern takes. Source: Fluent Bit 4.2.8 (`*` is any run of characters, also an empty one)."""

from __future__ import annotations

import re
from collections.abc import Callable

from lab_helpers.router.core.regexp import compile_pattern


def matcher(match: str | None, match_regex: str | None) -> Callable[[str], bool]:
    """Return whether-this-tag for a section's Match and Match_Regex; neither set matches nothing.

    Raises re.error where Match_Regex does not compile.
    """
    wildcard = _wildcard(match) if match else None
    regex = compile_pattern(match_regex) if match_regex else None

    def matches(tag: str) -> bool:
        if wildcard is not None and wildcard.fullmatch(tag):
            return True
        found = regex.match(tag) if regex is not None else None
        return found is not None and found.end() > 0  # from the tag's beginning, and something

    return matches


def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)
