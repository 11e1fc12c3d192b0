"""What `.dockerignore` keeps out of the build context.

Source: Dockerfile reference, .dockerignore file: Go's filepath.Match, `**` for any number of folders, `!` for
exceptions, the last matching line wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class IgnoreRules:
    """The lines of a `.dockerignore`, in order: (pattern, whether it ignores)."""

    rules: tuple[tuple[re.Pattern[str], bool], ...] = ()

    def is_ignored(self, path: str) -> bool:
        """Whether a path relative to the context is left out, by itself or by a folder above it."""
        chain = [path, *(str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")]
        ignored = False
        for pattern, ignores in self.rules:
            if any(pattern.fullmatch(name) for name in chain):
                ignored = ignores
        return ignored


def read_ignore_rules(context_dir: Path, dockerfile: str) -> IgnoreRules:
    """Read `<dockerfile>.dockerignore` or else `.dockerignore`; none of them ignores nothing."""
    for name in (f"{dockerfile}.dockerignore", ".dockerignore"):
        path = context_dir / name
        if path.is_file():
            return parse_ignore_rules(path.read_text())
    return IgnoreRules()


def parse_ignore_rules(text: str) -> IgnoreRules:
    """Read the text of a `.dockerignore`."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return IgnoreRules(tuple((_pattern(line.lstrip("!")), not line.startswith("!")) for line in lines))


def _pattern(line: str) -> re.Pattern[str]:
    path = "/".join(part for part in line.strip().split("/") if part not in {"", "."})
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]*\])", path)
    return re.compile("".join(_translated(part) for part in parts))


def _translated(part: str) -> str:
    if part in _WILDCARDS:
        return _WILDCARDS[part]
    if part.startswith("["):
        return part
    return re.escape(part)


_WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
