"""Match and Match_Regex take the tags that Fluent Bit's take."""

from __future__ import annotations

import re

import pytest

from lab_helpers.router.core.matching import matcher


@pytest.mark.parametrize(
    ("pattern", "tag", "matches"),
    [
        ("*", "", True),
        ("httpd-firelens*", "httpd-firelens-1", True),
        ("*-firelens-*", "a-firelens-b", True),
        ("h*d-f*s-*", "httpd-firelens-1", True),
        ("a**b", "axxb", True),
        ("httpd", "httpd-firelens", False),
        ("a.c", "abc", False),
        ("*b", "abc", False),
    ],
)
def test_a_star_is_any_run_of_characters(pattern: str, tag: str, matches: bool) -> None:
    """Also an empty one; everything else stands for itself."""
    assert matcher(pattern, None)(tag) is matches


def test_a_regex_counts_from_the_tags_beginning() -> None:
    """It need not reach the end, but must take something; either rule is enough."""
    assert matcher(None, "http[ds]")("httpd-firelens")
    assert not matcher(None, "firelens")("httpd-firelens")
    assert not matcher(None, "x*")("httpd")
    assert matcher("a", "b")("a")
    assert matcher("a", "b")("b")


def test_without_a_rule_nothing_matches() -> None:
    """Neither Match nor Match_Regex: no tag; a broken regex is the caller's to handle."""
    assert not matcher(None, None)("a")
    with pytest.raises(re.error):
        matcher(None, "(")
