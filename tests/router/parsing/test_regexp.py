"""What an expression finds in many texts at once, and with repeats written anew, is what it finds in each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.core.lazy_repeats import with_running_repeats
from lab_helpers.router.core.regexp import FEW, compile_pattern

APACHE = (
    r'^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^\"]*?)(?: +\S*)?)?" '
    r'(?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^\"]*)" "(?<agent>[^\"]*)")?$'
)
ONES = st.sampled_from(["a", "b", r"\"", r"\.", ".", "[^a]", "[^b\\n]", "[ab]", "[^]a]", "[a-c]", r"\n", "x", r"\w"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "*?", "*?", "+?", "+?", "??", "{0,2}", "{2}?"])
PATTERNS = st.recursive(
    st.builds("".join, st.lists(st.builds("{}{}".format, ONES, REPEATS), min_size=1, max_size=5)),
    lambda inside: st.builds(
        lambda parts, open_, between, repeat: open_ + between.join(parts) + ")" + repeat,
        st.lists(inside, min_size=1, max_size=3), st.sampled_from(["(", "(?:"]), st.sampled_from(["", "|"]), REPEATS,
    ) | st.builds("{}{}{}".format, inside, inside, inside),
    max_leaves=6,
)  # fmt: skip
TEXTS = st.text('ab".x c\n', max_size=12)


@given(PATTERNS, st.lists(TEXTS, max_size=8))
@settings(max_examples=150, deadline=None)
def test_running_repeats_find_what_asking_ones_find(pattern: str, texts: list[str]) -> None:
    """The same match with the same groups, with and without an end that has to be reached."""
    for written in (pattern, f"^{pattern}$", f"(?:{pattern})c"):
        asking, running = re.compile(written, re.M), re.compile(with_running_repeats(written), re.M)
        for text in texts:
            assert [found.regs for found in asking.finditer(text)] == [found.regs for found in running.finditer(text)]


def test_usual_parsers_have_running_repeats() -> None:
    """So that the speed is not lost unnoticed; and what is not sure stays as it is."""
    assert with_running_repeats('"([^"]*?)(?: +x)?"') == r'"([^"\ "]*+(?:[^"][^"\ "]*+)*?)(?: +x)?"'
    assert with_running_repeats("(.+?) (.*)") == r"(.[^\n\ ]*+(?:.[^\n\ ]*+)*?) (.*)"
    for pattern in (
        "(.*?)$",
        "([^a]*?|x)b",
        "(?:[^a]*?)*b",
        ".*?(?:a|b)",
        ".*?(?=a)a",
        "(?i:.*?a)",
        ".*?[^a]",
        ".*?b?",
    ):
        assert with_running_repeats(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    [APACHE, r"^(?<a>[^ ]*) (?<b>.*)$", "^(?<a>a*)(?<b>[^c]*)", "(?<a>a)(?<b>b)?", "/^(?<a>a.b)/m", "/^(?<a>A)/i",
     "^(?<a>a)|(?<b>b)", "^(?:(?<a>a)|(?<b>b))", r"^(?<a>\w)\b", "^(?<a>a)(?=b)", "^(?<a>a+)(?<b>$)",
     r"^(?<a>\s*)(?<b>[^a])", "^(?<a>[^a-]*)(?<b>[]a]*)", "^(?<a>[^]]*)(?<b>[^\\t-])", r"(?<a>[^\n]*)\n?", "ab", "a b"],
)  # fmt: skip
@given(texts=st.lists(TEXTS, max_size=3 * FEW))
@settings(max_examples=100, deadline=None)
def test_rows_of_all_are_the_groups_of_each(pattern: str, texts: list[str]) -> None:
    """Also where a match goes over a line's end, where some do not match, and where a line matches twice."""
    compiled = compile_pattern(pattern)
    for some in (texts, [text.replace("\n", "") for text in texts]):
        each = [compiled.search(text) for text in some]
        assert compiled.rows(some) == [found and found.groups("") for found in each]
        assert [one and one.regs for one in compiled.search_all(some)] == [one and one.regs for one in each]


def test_a_line_that_does_not_match_leaves_the_others_alone() -> None:
    """The lines of an access log with one of something else among them."""
    line = '10.0.1.2 - - [07/Nov/2021:09:14:02 +0000] "GET /a HTTP/1.1" 200 45'
    compiled = compile_pattern(APACHE)
    assert compiled._begins_lines, "the lines of a batch are searched by one call"
    rows = compiled.rows([line] * 40 + ["child pid 7 exit signal"] + [line] * 40)
    assert [row is None for row in rows] == [False] * 40 + [True] + [False] * 40
    assert rows[0] == ("10.0.1.2", "-", "07/Nov/2021:09:14:02 +0000", "GET", "/a", "200", "45", "", "")
