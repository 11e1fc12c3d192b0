"""The values that a filter pattern names in an event: `$.latency` of a JSON event, `$bytes` of a space-delimited one.

Source: "Creating metric filters" and TestMetricFilter of the CloudWatch Logs documentation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.logs.filter_pattern import columns_of, selected, split_columns

Lookup = Callable[[str], str | None]
"""Gives the text of what a selector names, None where there is no such."""
_SELECTOR = re.compile(r"""\$(?:\.[\w@-]+|\[\d+\]|\[["'][^"']*["']\])+""")
_NAME = re.compile(r"[\w@.-]+")


def lookup(pattern: str, message: str) -> Lookup:
    """Return what finds the values of an event by their selectors; nothing is found for a pattern of terms."""
    kind = pattern.lstrip()[:1]
    if kind == "[":
        columns = dict(zip(column_names(pattern), _aligned(pattern, message), strict=False))
        return lambda selector: columns.get(selector.removeprefix("$"))
    try:
        document = nested_json.loads(message) if message.lstrip()[:1] == "{" else None
    except ValueError:
        document = None
    return lambda selector: _text(selected(document, selector)) if document is not None else None


def extracted(pattern: str, message: str) -> dict[str, str]:
    """Return what TestMetricFilter shows of a matching event: the pattern's selectors, or all its columns."""
    find = lookup(pattern, message)
    kind = pattern.lstrip()[:1]
    names = (
        [f"${name}" for name in column_names(pattern)] if kind == "[" else _selectors(pattern) if kind == "{" else []
    )
    return {name: value for name in names if (value := find(name)) is not None}


@lru_cache(maxsize=256)
def column_names(pattern: str) -> tuple[str, ...]:
    """Return the names of a space-delimited pattern's columns, `...` for any number of them."""
    found = (_NAME.match(part.strip()) for part in split_columns(pattern.strip()[1:-1]))
    return tuple(name[0] if name else "" for name in found)


def _selectors(pattern: str) -> list[str]:
    return list(dict.fromkeys(_SELECTOR.findall(pattern)))


def _aligned(pattern: str, message: str) -> list[str]:
    """Return an event's columns, those under `...` as one."""
    names, fields = column_names(pattern), columns_of(message)
    if "..." not in names:
        return fields
    before = names.index("...")
    after = len(names) - before - 1
    end = len(fields) - after
    return [*fields[:before], " ".join(fields[before:end]), *fields[end:]]


def _text(values: list[Any]) -> str | None:
    if not values or values[0] is None or isinstance(values[0], dict | list):
        return None
    return values[0] if isinstance(values[0], str) else json.dumps(values[0])
