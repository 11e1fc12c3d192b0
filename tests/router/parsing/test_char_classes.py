"""Which characters a class takes: as a real 5.1.1 answered for each pair (`modify`'s Key_value_matches)."""

from __future__ import annotations

import re

import pytest

from lab_helpers.router.core.regexp import compile_pattern

TEXTS = ("é", "日", "a", "٣", "５", "²", "_", "5", " ", "\u3000", "。", "\x85", "\u200b", "A", "$", "\x0b", "Ａ")
LETTERS, DIGITS = "é日aAＡ", "٣５5"


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        (r"\w", "a_5A"), (r"[\w]", "a_5A"), (r"\d", "5"), (r"\s", " \x0b"), (r"\h", "a5A"), (r"[\h]", "a5A"),
        (r"\W", "é日٣５² \u3000。\x85\u200b$\x0bＡ"), (r"[\W]", "é日٣５² \u3000。\x85\u200b$\x0bＡ"),
        (r"[^\w]", "é日٣５² \u3000。\x85\u200b$\x0bＡ"), (r"[^\W]", "a_5A"), (r"[^\S]", " \x0b"), (r"[^\D]", "5"),
        (r"[[:alpha:]]", LETTERS), (r"\p{Alpha}", LETTERS), (r"\p{L}", LETTERS), (r"[[:alnum:]]", LETTERS + DIGITS),
        (r"[[:digit:]]", DIGITS), (r"[[:upper:]]", "AＡ"), (r"[[:lower:]]", "éa"), (r"[[:space:]]", " \u3000\x85\x0b"),
        (r"[[:blank:]]", " \u3000"), (r"[[:cntrl:]]", "\x85\x0b"), (r"[[:punct:]]", "_。$"), (r"\p{Punct}", "_。"),
        (r"[[:word:]]", LETTERS + DIGITS + "_"), (r"[[:^alpha:]5a]", "a٣５²_5 \u3000。\x85\u200b$\x0b"),
        (r"[[:print:]]", "é日a٣５²_5 \u3000。\u200bA$Ａ"), (r"[[:graph:]]", "é日a٣５²_5。\u200bA$Ａ"),
        (r"[[:ascii:]]", "a_5 A$\x0b"), (r"\P{Alpha}", "٣５²_5 \u3000。\x85\u200b$\x0b"), (r"\p{Han}", "日"),
        (r"[\p{^Han}]", "".join(TEXTS).replace("日", "")), (r"\R", "\x85\x0b"),
        (r"[[:ascii:]\p{Han}]", "日a_5 A$\x0b"), (r"(?u)\d", DIGITS),
    ],
)  # fmt: skip
def test_what_a_class_takes(pattern: str, taken: str) -> None:
    """Backslash classes know ASCII alone, brackets and properties all of Unicode."""
    compiled = compile_pattern(pattern)
    assert sorted(text for text in TEXTS if compiled.search(text)) == sorted(taken)


def test_a_property_that_is_none_does_not_compile() -> None:
    """As in the real one."""
    with pytest.raises(re.error):
        compile_pattern(r"\p{Nosuch}")
