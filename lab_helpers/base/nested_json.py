"""JSON from outside: a log line, a record, a policy, whose brackets may be nested without an end."""

from __future__ import annotations

import json
from typing import Any

MOST_DEPTH = 256
"""Brackets in brackets. Python's own functions give up at some hundreds, each at another number and in its own way."""


def loads(text: str | bytes) -> Any:
    """Return the value of a JSON text; ValueError for what is none, and for one that is nested too deeply."""
    try:
        found = json.loads(text)
    except RecursionError as exc:
        raise _too_deep() from exc
    if _openings(text) > MOST_DEPTH and _is_deeper(found, MOST_DEPTH):
        raise _too_deep()
    return found


def _openings(text: str | bytes) -> int:
    return text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else text.count("[") + text.count("{")


def _is_deeper(value: Any, depth: int) -> bool:
    """Whether containers are nested more than `depth` times, looked at level by level."""
    level = [value]
    for _ in range(depth + 1):
        containers = [each for each in level if isinstance(each, dict | list)]
        if not containers:
            return False
        level = [inner for each in containers for inner in (each.values() if isinstance(each, dict) else each)]
    return True


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {MOST_DEPTH} times")
