"""Tags that a record, its tag and a regular expression's groups fill in: `err.$TAG[1].$level.$1`.

Source: Fluent Bit 5.1.1, flb_record_accessor.c: a missing key leaves nothing, a map is written as JSON. A key ends at a
`.`, a blank, a comma or a `"`; a `$` right behind `$TAG` is text, and so is a `.` at a key's end, unless it is the last
character: then it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.log import Log
from lab_helpers.router.records.accessor import Nowhere, Path, look_up, parse_path, to_text

Part = Callable[["Facts"], str]

_NUMBER = re.compile(r"\s*([+-]?\d+)")


@dataclass(frozen=True)
class Facts:
    """What a template is filled from; `groups` are a match's groups, the whole match first. `log` is the core's."""

    tag: str
    body: dict[Any, Any]
    log: Log
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class TagTemplate:
    """A parsed text; `of_record` where what is filled in depends on more than the tag."""

    parts: tuple[Part, ...]
    of_record: bool

    def fill(self, facts: Facts) -> str:
        """Return the text for these facts."""
        return "".join(part(facts) for part in self.parts)

    def of_tag(self, tag: str, log: Log) -> str:
        """Return the text for all records of a tag; "" where it is not the same for all."""
        return "" if self.of_record else self.fill(Facts(tag, {}, log))


@dataclass(frozen=True)
class _Scanned:
    """A part of a text: `text`, `key` (`$k['x']`), `group` (`$1`), `tag` (`$TAG`) or `tag part` (`$TAG[1]`)."""

    kind: str
    text: str


def parse_tag_template(text: str) -> TagTemplate:
    """Return the template. Raises AccessorError where a `$key` is no record accessor."""
    scanned = _scanned(text)
    of_record = any(part.kind in ("key", "group") for part in scanned)
    return TagTemplate(tuple(map(_variable, scanned)), of_record)


def key_path(text: str) -> Path:
    """Return the path of a key given with or without `$`: the first part decides. Raises AccessorError.

    `$a.b` is the key `a`, and the rest is not asked; `a.b` is a key of that name.
    """
    found = [parse_path(part.text) if part.kind == "key" else part for part in _scanned(text)]
    first = found[0] if found else None
    if isinstance(first, _Scanned):
        return Path(first.text) if first.kind == "text" else Nowhere()
    return first or Nowhere()


def _scanned(text: str) -> list[_Scanned]:
    """Split a text as the reference does."""
    parts: list[_Scanned] = []
    begun = at = key_end = 0  # where literal text begins, where to look for a `$`, where the last key ended
    while (at := _dollar(text, at)) < len(text):
        if at > begun:
            parts.append(_Scanned("text", text[begun:at]))
        begun = at
        if at + 1 == len(text):
            break
        if text[at + 1] in "0123456789":
            parts.append(_Scanned("group", text[at + 1 :]))
            begun = at = at + 2
        elif text.startswith("TAG", at + 1):
            bracket = at + 4
            if is_part := text.startswith("[", bracket) and bracket + 1 < len(text):
                key_end = text.find("]", bracket) - bracket if "]" in text[bracket:] else -1
                begun = bracket + key_end + 1
            else:
                begun = bracket
            parts.append(_Scanned("tag part" if is_part else "tag", text[bracket + 1 :]))
            at = begun + 1
        else:
            begun = key_end = _key_end(text, at)
            parts.append(_Scanned("key", text[at:key_end]))
            at = key_end + 1
    if (at - 1 > key_end and begun < at) or at == 1:
        parts.append(_Scanned("text", text[begun:]))
    return parts


def _dollar(text: str, at: int) -> int:
    found = text.find("$", at)
    return found if found >= 0 else max(at, len(text))


def _key_end(text: str, at: int) -> int:
    """Return where a key ends; a `.` within quotes is of the key."""
    quotes = 0
    for end in range(at + 1, len(text)):
        quotes += text[end] == "'"
        if text[end] in ' ,"' or (text[end] == "." and quotes % 2 == 0):
            return end
    return len(text)


def match_groups(found: re.Match[str]) -> tuple[str, ...]:
    """Return a match's groups as Fluent Bit numbers them: the whole match first; named groups hide the others."""
    names = found.re.groupindex
    groups = [found[number] for number in names.values()] if names else list(found.groups())
    return (found[0], *(group or "" for group in groups)) if groups else ()


def _variable(part: _Scanned) -> Part:
    if part.kind == "text":
        return lambda _facts: part.text
    if part.kind == "tag":
        return lambda facts: facts.tag
    if part.kind == "key":
        path = parse_path(part.text)
        return lambda facts: to_text(look_up(path, facts.body, facts.log)) or ""
    number = _NUMBER.match(part.text)
    return {"group": _group, "tag part": _tag_part}[part.kind](int(number[1]) if number else 0)


def _group(number: int) -> Part:
    return lambda facts: facts.groups[number] if number < len(facts.groups) else ""


def _tag_part(number: int) -> Part:
    def part(facts: Facts) -> str:
        pieces = facts.tag.split(".")
        return pieces[number] if 0 <= number < len(pieces) else ""

    return part
