"""JSON is written as Fluent Bit 4.2.8 writes it."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from lab_helpers.router.records.json_text import dumps
from lab_helpers.router.records.record import OddKey


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.0"),
        (1e20, "1e+20"),
        (1e15, "1000000000000000.0"),
        (0.30000000000000004, "0.3"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("é😀\x7f/", '"\\u00e9\\ud83d\\ude00\\u007f/"'),
        ("\b\t\n\f\r\0\x1f", '"\\b\\t\\n\\f\\r\\u0000\\u001f"'),
        (msgpack.ExtType(5, b"\x01\x02"), '"\\x01\\x02"'),
        (b"bin", '"bin"'),
        ({OddKey(1): "x", OddKey(True): "y", OddKey(None): "z"}, '{1:"x",true:"y",null:"z"}'),
        ([None, True, -5, 2**64 - 1], "[null,true,-5,18446744073709551615]"),
    ],
)
def test_values(value: Any, text: str) -> None:
    """Each kind of value has one form, inside a record as on its own."""
    assert dumps(value).decode() == text
    assert dumps({"k": value}).decode() == f'{{"k":{text}}}'


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\xff", ""),
        (b"a\xffb", "ab"),
        (b"\xe6\x97", "\ue097"),
        (b"a\xe6\x97b", "a\ue0e6\ue097b"),
        (b"\xc0\xaf", "\\u002f"),
        (b"\xed\xa0\x80", "\ue0ed\ue0a0\ue080"),
        (b"\xc3(", "\ue0c3("),
    ],
)
def test_bytes_that_are_no_utf8(data: bytes, shown: str) -> None:
    """Cut-off heads vanish, other stray bytes appear in the private use area, overlong forms are decoded."""
    assert dumps(data.decode("utf-8", "surrogateescape")).decode() == f'"{shown}"'


def test_escape_unicode_false_leaves_text_as_it_is() -> None:
    """`json.escape_unicode false`: raw UTF-8, DEL still escaped, stray bytes become U+FFFD."""
    assert dumps("日本\x7f", escape_unicode=False).decode() == '"日本\\u007f"'
    assert dumps(b"a\xff".decode("utf-8", "surrogateescape"), escape_unicode=False).decode() == '"a\ufffd"'
