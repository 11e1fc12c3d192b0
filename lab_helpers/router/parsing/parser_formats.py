"""The two line formats of parsers that are lists of keys and values: logfmt and LTSV.

Source: Fluent Bit 4.2.8, flb_parser_logfmt.c and flb_parser_ltsv.c. Only the first line counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lab_helpers.router.records.escapes import unescape_utf8

_LOGFMT_GARBAGE = re.compile(r'[\x00-\x20="]*')
_LOGFMT_WORD = re.compile(r'[^\x00-\x20="]*')
_LOGFMT_QUOTED = re.compile(r'"(?P<inside>(?:[^\\"]|\\.)*\\?)"?', re.S)
_LTSV_LABEL = re.compile(r"[0-9A-Za-z_.-]*")
_LTSV_FIELD = re.compile(r"[^\x00\t\n\r\x0e]*")


class Pair(NamedTuple):
    """A key and its text. `has_value` is False for a bare logfmt key, `quoted` True for a value in quotes."""

    key: str
    text: str
    has_value: bool = True
    quoted: bool = False

    def value(self) -> str | bool:
        """Return what goes into the record: True for a key without text, quotes' escapes undone."""
        if not self.text and not self.quoted:
            return True
        if not self.quoted or "\\" not in self.text:
            return self.text
        return unescape_utf8(self.text).partition("\0")[0]  # an escaped NUL cuts the value, as in Fluent Bit


def logfmt_pairs(text: str) -> Iterator[Pair]:
    """Yield the pairs of `level=info msg="hello world" flag`."""
    at = 0
    while (at := _end(_LOGFMT_GARBAGE, text, at)) < len(text):
        end = _end(_LOGFMT_WORD, text, at)
        key, at = text[at:end], end
        if text[at : at + 1] != "=":
            yield Pair(key, "", has_value=False)
        elif quoted := _LOGFMT_QUOTED.match(text, at + 1):
            yield Pair(key, quoted["inside"], quoted=True)
            at = quoted.end()
        else:
            end = _end(_LOGFMT_WORD, text, at + 1)
            yield Pair(key, text[at + 1 : end])
            at = end
        if text[at : at + 1] in ("\r", "\n"):
            return


def ltsv_pairs(text: str) -> Iterator[Pair]:
    """Yield the pairs of `host:127.0.0.1<TAB>code:200`; what is no label ends the reading."""
    at = 0
    while at < len(text):
        end = _end(_LTSV_LABEL, text, at)
        if text[end : end + 1] != ":":
            return
        key, at = text[at:end], end + 1
        end = _end(_LTSV_FIELD, text, at)
        if key:
            yield Pair(key, text[at:end])
        at = end + (text[end : end + 1] == "\t")
        if text[at : at + 1] in ("\r", "\n"):
            return


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
