"""Fluent Bit's classic configuration as its sections: what a person wrote, not what a router makes of it.

Not modelled: `@SET`, `@INCLUDE`, environment variables; they stay as they are written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADING = re.compile(r"\s*\[(?P<kind>[^\]]+)\]\s*$")


@dataclass(frozen=True)
class Section:
    """One section; `values` has its keys in lower case (of repeated ones the last), `lines` all that is under it."""

    kind: str
    values: dict[str, str]
    lines: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.values.get("name", "").lower()

    def all(self, key: str) -> list[str]:
        """Return the values of a key that may be there several times, in order."""
        words = [line.split(None, 1) for line in map(str.strip, self.lines) if line and not line.startswith(("#", "@"))]
        return [each[1].strip() for each in words if each[0].lower() == key and len(each) > 1]

    @property
    def label(self) -> str:
        """How a person would call it: `FILTER grep`."""
        return f"{self.kind} {self.name}".strip()

    def takes(self, tag: str) -> bool:
        """Whether the section's Match or Match_Regex is for a tag; without either, none is."""
        if "match" in self.values:
            pattern = ".*".join(map(re.escape, self.values["match"].split("*")))
            return re.fullmatch(pattern, tag, re.DOTALL) is not None
        try:
            return "match_regex" in self.values and re.search(self.values["match_regex"], tag) is not None
        except re.error:
            return False


def sections(text: str) -> list[Section]:
    """Return the sections of a configuration; comments and blank lines are left out of their values."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        heading = _HEADING.match(line)
        if heading:
            found.append((heading["kind"].strip().upper(), []))
        elif found:
            found[-1][1].append(line)
    return [Section(kind, _values(lines), tuple(lines)) for kind, lines in found]


def without_sections(text: str, *kinds: str) -> str:
    """Return the configuration without its sections of these kinds ("OUTPUT"), a line break around it."""
    kept: list[str] = []
    is_kept = True
    for line in text.splitlines():
        heading = _HEADING.match(line)
        is_kept = heading["kind"].strip().upper() not in kinds if heading else is_kept
        kept += [line] if is_kept else []
    return "\n" + "\n".join(kept) + "\n"


def _values(lines: list[str]) -> dict[str, str]:
    values = {}
    for line in map(str.strip, lines):
        if line and not line.startswith(("#", "@")):
            key, *rest = line.split(None, 1)
            values[key.lower()] = rest[0].strip() if rest else ""
    return values
