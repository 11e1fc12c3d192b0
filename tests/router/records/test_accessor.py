"""Record accessors that cannot be read are refused in the words of the reference's grammar; groups may share a name."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from lab_helpers.router.core.regexp import compile_pattern, group_name
from lab_helpers.router.records.accessor import MISSING, AccessorError, Path, parse_path, to_text
from lab_helpers.router.records.tag_template import key_path


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("$k[", ["syntax error, unexpected end of file, expecting STRING or INTEGER at '$k['"]),
        ("$k['x'", ["syntax error, unexpected end of file, expecting ']' at '$k['x''"]),
        ("$k[0", ["syntax error, unexpected end of file, expecting ']' at '$k[0'"]),
        ("$k['x", ["bad input character ''' at line 0",
                   "syntax error, unexpected IDENTIFIER, expecting STRING or INTEGER at '$k['x'"]),
        ("$k[x]", ["syntax error, unexpected IDENTIFIER, expecting STRING or INTEGER at '$k[x]'"]),
        ("$k[0];", ["syntax error, unexpected invalid token, expecting end of file at '$k[0];'"]),
        ("$k]", ["syntax error, unexpected ']', expecting end of file at '$k]'"]),
        ("$[a]", ["syntax error, unexpected '[', expecting IDENTIFIER at '$[a]'"]),
        ("$k[00]", ["syntax error, unexpected INTEGER, expecting ']' at '$k[00]'"]),
        ("$k['a']b", ["syntax error, unexpected IDENTIFIER, expecting end of file at '$k['a']b'"]),
    ],
)  # fmt: skip
def test_what_is_broken_is_named(text: str, lines: list[str]) -> None:
    """Recorded from 5.1.1 with `grep` and `rewrite_tag`."""
    with pytest.raises(AccessorError) as caught:
        parse_path(text)
    assert list(caught.value.lines) == [f"[record accessor] {line}" for line in lines]


def test_a_whole_one_is_a_path() -> None:
    """Keys in quotes, numbers for lists; what is of no token is left out."""
    assert parse_path("$a['b'][0]") == Path("a", ("b", 0))
    assert parse_path("$a[ 'it''s' ]") == Path("a", ("it's",))
    assert parse_path("$a:") == Path("a")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("$a.b", 1), ("$a.", 1), ("$a,b", 1), ("a.b", 2), ("$k['a.b'].z", 3), ("$k.in", {"a.b": 3}), ("x$a", MISSING),
        ("$TAG", MISSING), ("$1", MISSING), ("$", MISSING),
    ],
)  # fmt: skip
def test_the_first_part_of_a_text_is_the_key(key: str, value: Any) -> None:
    """In a key's place, `$a.b` is the key `a`; without `$`, the whole text is one."""
    assert key_path(key).get({"a": 1, "a.b": 2, "k": {"a.b": 3}}) == value


def test_all_parts_have_to_be_readable() -> None:
    """As the reference parses the whole text before it takes the first part."""
    with pytest.raises(AccessorError):
        key_path("$a.$b[")


def test_a_groups_name_may_repeat() -> None:
    """Onigmo allows it, Python does not: later ones get another name inside, and their own back when read."""
    found = compile_pattern(r"(?<a>\d)|(?<a>\w)").search("x")
    assert found is not None
    assert [(group_name(name), value) for name, value in found.groupdict().items()] == [("a", None), ("a", "x")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"), (5, "5"), (-3, "-3"), (2**64 - 1, "-1"), (2**63, "-9223372036854775808"), (1.5, "1.500000"),
        (1e300, "1000000000000000052504760255204"), (True, "true"), (False, "false"), (None, "null"),
        (b"\x00\xff", "00ff"), ({"a": "\u65e5"}, r'{"a":"\u65e5"}'), ([1], None), (msgpack.ExtType(5, b"x"), None),
        (MISSING, None),
    ],
)  # fmt: skip
def test_values_in_templates(value: Any, text: str | None) -> None:
    """As flb_ra_translate writes them: six digits, hexadecimal bytes, 64 bits with a sign; a list counts as missing."""
    assert to_text(value) == text
