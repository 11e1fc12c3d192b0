"""A part of a file that a cell stands for: a block of a `.tf` file, a paragraph of any other."""

from __future__ import annotations

import re

from lab_helpers.base.errors import SettingsError
from lab_helpers.terraform.blocks import block, with_block

REST = " ..."
"""Behind the beginning of a line: the part goes on to the file's end."""


def part(name: str, text: str, where: str) -> str:
    """Return a part of a file's text; raises SettingsError where there is none.

    Of a `.tf` file `where` is a block (`aws_lb.httpd`); of others the beginning of a line (`LogFormat`): then it is the
    paragraph, from blank line to blank line, that has this line. `[OUTPUT] ...` is that paragraph and all that follows.
    """
    if name.endswith(".tf"):
        return block(text, where)
    begin, end = _paragraph(text, where)
    return text[begin:end]


def with_part(name: str, text: str, where: str, new: str) -> str:
    """Return the text with another part in the place of one; raises SettingsError."""
    if name.endswith(".tf"):
        return with_block(text, where, new)
    begin, end = _paragraph(text, where)
    return text[:begin] + new.strip("\n") + text[end:]


def _paragraph(text: str, where: str) -> tuple[int, int]:
    start = where.removesuffix(REST).rstrip()
    for found in re.finditer(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+", text):
        if any(line.lstrip().startswith(start) for line in found.group().splitlines()):
            last = text if where.endswith(REST) else text[: found.end()]
            return found.start(), len(last.rstrip("\n"))
    raise SettingsError("part", where, "the beginning of a line of the file")
