"""One block out of a `.tf` file, as it is written, with the comment above it."""

from __future__ import annotations

import re

from lab_helpers.base.errors import SettingsError

_HEADER = re.compile(r'(?m)^(?P<header>[a-z_]+(?:[ \t]+"[^"\n]+")*)[ \t]*\{')
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|//[^\n]*|/\*.*?\*/|[{}]', re.DOTALL)


def headers(text: str) -> list[str]:
    """Return the headers of a file's blocks in order, such as `resource "aws_lb" "httpd"`."""
    return [_plain(found["header"]) for found in _HEADER.finditer(text)]


def block(text: str, header: str) -> str:
    """Return one block; raises SettingsError with the headers that there are.

    `header` may be short: `resource "aws_lb" "httpd"` or the address `aws_lb.httpd`.
    """
    for found in _HEADER.finditer(text):
        if _plain(header) in (_plain(found["header"]), _address(found["header"])):
            return text[_with_comment(text, found.start()) : _end(text, found.end())]
    raise SettingsError("block", header, f"one of {', '.join(headers(text))}")


def _plain(header: str) -> str:
    return " ".join(header.split())


def _address(header: str) -> str:
    kind, *labels = header.replace('"', "").split()
    return ".".join(labels if kind == "resource" else [kind, *labels])


def _with_comment(text: str, start: int) -> int:
    """Return where the comment lines right above a block begin."""
    while start and (line := text.rfind("\n", 0, start - 1) + 1) < start and text[line:start].lstrip().startswith("#"):
        start = line
    return start


def _end(text: str, position: int) -> int:
    """Return the place after the brace that closes the one before `position`; strings and comments do not count."""
    depth = 1
    for found in _STRING.finditer(text, position):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if not depth:
            return found.end()
    return len(text)
