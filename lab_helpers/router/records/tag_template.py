"""Tags that a record, its tag and a regular expression's groups fill in: `err.$TAG[1].$level.$1`.

Source: Fluent Bit 4.2.8, flb_record_accessor.c: a missing key leaves nothing, a map is written as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.log import Log
from lab_helpers.router.records.accessor import Path, look_up, parse_path, to_text

Part = Callable[["Facts"], str]

_PART = re.compile(
    r"\$(?:(?P<group>\d)(?P<more>\d*)|TAG(?P<tag_part>\[-?\d*\])|(?P<tag>TAG)|(?P<key>(?:'[^']*'|[^'. ,\"])+))"
)


@dataclass(frozen=True)
class Facts:
    """What a template is filled from; `groups` are a match's groups, the whole match first. `log` is the core's."""

    tag: str
    body: dict[Any, Any]
    log: Log
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class TagTemplate:
    """A parsed text."""

    parts: tuple[Part, ...]

    def fill(self, facts: Facts) -> str:
        """Return the text for these facts."""
        return "".join(part(facts) for part in self.parts)


def parse_tag_template(text: str) -> TagTemplate:
    """Return the template. Raises AccessorError where a `$key` is no record accessor."""
    parts: list[Part] = []
    at = 0
    for found in _PART.finditer(text):
        parts += [_text(text[at : found.start()]), _variable(found)]
        at = found.end()
    return TagTemplate((*parts, _text(text[at:])))


def key_path(text: str) -> Path:
    """Return the path of a key given with or without `$`. Raises AccessorError."""
    return parse_path(text) if text.startswith("$") else Path(text)


def match_groups(found: re.Match[str]) -> tuple[str, ...]:
    """Return a match's groups as Fluent Bit numbers them: the whole match first; named groups hide the others."""
    names = found.re.groupindex
    groups = [found[number] for number in names.values()] if names else list(found.groups())
    return (found[0], *(group or "" for group in groups)) if groups else ()


def _variable(found: re.Match[str]) -> Part:
    if found["group"]:
        return _group(int(found["group"] + found["more"]), found["more"])
    if found["tag_part"]:
        return _tag_part(int(found["tag_part"][1:-1] or 0))
    if found["tag"]:
        return lambda facts: facts.tag
    path = parse_path("$" + found["key"])
    return lambda facts: to_text(look_up(path, facts.body, facts.log)) or ""


def _text(text: str) -> Part:
    return lambda _facts: text


def _group(number: int, following: str) -> Part:
    return lambda facts: (facts.groups[number] if number < len(facts.groups) else "") + following


def _tag_part(number: int) -> Part:
    def part(facts: Facts) -> str:
        pieces = facts.tag.split(".")
        return pieces[number] if 0 <= number < len(pieces) else ""

    return part
