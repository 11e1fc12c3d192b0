"""One block out of a `.tf` file, as it is written, with the comment above it."""

from __future__ import annotations

import re
from textwrap import dedent, indent

from lab_helpers.base.errors import SettingsError

_HEADER = re.compile(r'(?m)^(?P<header>[a-z_]+(?:[ \t]+"[^"\n]+")*)[ \t]*\{')
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|#[^\n]*|//[^\n]*|/\*.*?\*/|[{}]', re.DOTALL)


def headers(text: str) -> list[str]:
    """Return the headers of a file's blocks in order, such as `resource "aws_lb" "httpd"`."""
    return [_plain(found["header"]) for found in _HEADER.finditer(text)]


def block(text: str, header: str) -> str:
    """Return one block; raises SettingsError with the headers that there are.

    `header` may be short: `resource "aws_lb" "httpd"` or the address `aws_lb.httpd`; a block inside follows it:
    `aws_lb_target_group.httpd health_check`.
    """
    start, end = _span(text, header)
    return dedent(text[text.rfind("\n", 0, start) + 1 : end])


def with_block(text: str, header: str, new: str) -> str:
    """Return the text with another block in the place of one, indented as that was; raises SettingsError."""
    start, end = _span(text, header)
    line = text.rfind("\n", 0, start) + 1
    return text[:line] + indent(dedent(new).strip("\n"), text[line:start]) + text[end:]


def _span(text: str, header: str) -> tuple[int, int]:
    """Return where a block begins (its comment included) and ends."""
    for found in _HEADER.finditer(text):
        names = (_plain(found["header"]), _address(found["header"]))
        outer = next((name for name in names if f"{_plain(header)} ".startswith(f"{name} ")), None)
        if outer is None:
            continue
        start, end = found.start(), _end(text, found.end())
        inner = _plain(header)[len(outer) :].strip()
        if not inner:
            return _with_comment(text, start), end
        within = re.compile(rf"(?m)^[ \t]+(?P<header>{re.escape(inner)})[ \t]*\{{").search(text, found.end(), end)
        if within is not None:
            begin = _with_comment(text, within.start())
            return begin + within.start("header") - within.start(), _end(text, within.end())
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
