"""Templates of record accessors between text: `$ecs_cluster.$TAG[1]-logs`.

Source: Fluent Bit 4.2.8's record accessor: parts start at `$` and end at a space, comma, quote or `.`; $TAG is the tag,
$TAG[n] its n-th part. A missing key makes the whole template fail, with a warning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.log import Log
from lab_helpers.router.records.accessor import Path, look_up, parse_path, to_text

_PART = re.compile(r"""\$TAG\[\d+\]|\$TAG|\$(?:[^'., "]|'[^']*')+""")


@dataclass(frozen=True)
class TagPart:
    """$TAG (index None) or $TAG[index]."""

    index: int | None


@dataclass(frozen=True)
class Template:
    """Text, paths and tag parts in order."""

    parts: tuple[str | Path | TagPart, ...]

    def render(self, tag: str, body: dict[Any, Any], log: Log) -> str | None:
        """Return the text for a record; None (after a warning) where a key is missing."""
        texts = []
        for part in self.parts:
            text = part if isinstance(part, str) else _value(part, tag, body, log)
            if text is None:
                root = part.root if isinstance(part, Path) else ""
                log.warn(f"[record accessor] translation failed, root key={root}")
                return None
            texts.append(text)
        return "".join(texts)


def parse_template(text: str) -> Template:
    """Return the template. Raises AccessorError."""
    parts: list[str | Path | TagPart] = []
    at = 0
    for found in _PART.finditer(text):
        if found.start() > at:
            parts.append(text[at : found.start()])
        parts.append(_part(found.group()))
        at = found.end()
    if at < len(text):
        parts.append(text[at:])
    return Template(tuple(parts))


def _part(text: str) -> Path | TagPart:
    if text == "$TAG":
        return TagPart(None)
    indexed = re.fullmatch(r"\$TAG\[(\d+)\]", text)
    return TagPart(int(indexed.group(1))) if indexed else parse_path(text)


def _value(part: Path | TagPart, tag: str, body: dict[Any, Any], log: Log) -> str | None:
    if isinstance(part, TagPart):
        return _tag_part(tag, part.index)
    return to_text(look_up(part, body, log))


def _tag_part(tag: str, index: int | None) -> str:
    """Return the whole tag, or its part between dots; '' where there is no such part."""
    pieces = tag.split(".")
    if index is None:
        return tag
    return pieces[index] if index < len(pieces) else ""
