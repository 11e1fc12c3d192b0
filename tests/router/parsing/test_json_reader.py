"""JSON as Fluent Bit reads it, and backslash escapes."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.parsing.json_reader import (
    JsonIncompleteError,
    JsonInvalidError,
    read_arrived,
    read_documents,
)
from lab_helpers.router.records.escapes import split_quoted, unescape, unescape_utf8, unquote_mysql


@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ('{"a":1} junk', [{"a": 1}]),
        ('{"a":1}\n{"b":2}', [{"a": 1}, {"b": 2}]),
        ("[1e3,0.5,-7]", [[1000.0, 0.5, -7]]),
        ("18446744073709551615", [18446744073709551615]),
        ("18446744073709551616", [18446744073709551616.0]),
        ("-9223372036854775809", [-9223372036854775809.0]),
        ('"\\ud83d\\ude00\\ud83d\udcff"', ["\U0001f600\ufffd\udcff"]),
        ('{"k\udcff":"\udce6\udc97"}', [{"k\udcff": "\udce6\udc97"}]),
        ('"\\udcff"', ["\ufffd"]),
        ("  ", []),
        ('"a\x01\n"', ["a\x01\n"]),
    ],
)
def test_strict_reader(text: str, documents: list[Any]) -> None:
    """Documents in a row, numbers within 64 bits, lone halves of escapes replaced, bytes that are no UTF-8 kept."""
    assert read_documents(text) == documents


@pytest.mark.parametrize("text", ["{", "{'a':1}", "NaN", "1e999", "[01]"])
def test_strict_reader_refuses(text: str) -> None:
    """What is no JSON is refused when nothing comes before it."""
    with pytest.raises(JsonInvalidError):
        read_documents(text)


@pytest.mark.parametrize(
    ("data", "documents", "consumed"),
    [
        (b'{"a":1e3}\n{"b"', [{"a": 1}], 9),  # jsmn reads 1e3 as 1
        (b'{"a":1.5e+1},{"b":2} ', [{"a": 15.0}, {"b": 2}], 20),
        ('{"a":"é"}'.encode() + b'{"', [{"a": "é"}], 10),
        (b'{"a":"\xff\n"}', [{"a": "\udcff\n"}], 10),
        (b"1 {", [1], 1),
    ],
)
def test_lax_reader(data: bytes, documents: list[Any], consumed: int) -> None:
    """What has arrived is read; what is half there stays."""
    assert read_arrived(data) == (documents, consumed)


def test_lax_reader_waits_or_refuses() -> None:
    """Every beginning of a document is incomplete; anything bad refuses all."""
    whole = b'{"a":[true,null,-1.5,"\\u00e9\\n"]}'
    for end in range(1, len(whole)):
        with pytest.raises(JsonIncompleteError):
            read_arrived(whole[:end])
    with pytest.raises(JsonIncompleteError):
        read_arrived(b"12")
    for bad in (b"", b"1{}", b"\\", b"}", b'{"a":1}}', b'{"a":1} what', b"hello", b"[" * 100_000):
        with pytest.raises(JsonInvalidError):
            read_arrived(bad)


def test_escapes() -> None:
    """Each kind of escape is undone as the real one does."""
    assert unescape(r"a\nb\tc\\d\qe") == "a\nb\tc\\dqe"
    assert unescape_utf8(r"a\u0000b\ud83d\u0041c") == "a\0b\ufffdc"
    assert unescape_utf8(r"\"\u00e9\ud83d\ude00\ud83d\x41\101\/") == '"é\U0001f600\ufffdAA/'
    assert unquote_mysql(r"'it\'s\n\Zx\q'") == "it's\n\x1ax\\q"
    assert unquote_mysql("plain") == "plain"


def test_quoted_words() -> None:
    """Quotes of both kinds keep words together; the rest behind the limit is one piece."""
    assert split_quoted('a \'b c\' "d \\" e" f g', 3) == ["a", "b c", 'd " e', "f g"]
    with pytest.raises(ValueError, match="quote not closed"):
        split_quoted("a 'b", 3)
