"""A part of a file that a cell stands for: a block of a `.tf` file, a paragraph of any other."""

from __future__ import annotations

import re

from lab_helpers.base.errors import SettingsError
from lab_helpers.terraform.blocks import block, with_block


def part(name: str, text: str, where: str) -> str:
    """Return a part of a file's text; raises SettingsError where there is none.

    Of a `.tf` file `where` is a block (`aws_lb.httpd`); of others the beginning of a line (`LogFormat`): then it is the
    paragraph, from blank line to blank line, that has this line.
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
    for found in re.finditer(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+", text):
        if any(line.lstrip().startswith(where) for line in found.group().splitlines()):
            return found.start(), found.start() + len(found.group().rstrip("\n"))
    raise SettingsError("part", where, "the beginning of a line of the file")
