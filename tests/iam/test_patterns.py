"""Wildcards and variables, the former against regular expressions as an oracle."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.iam.patterns import Pattern, arn_match, expand, wildcard_match

TEXTS = st.text("aAb:/*?", max_size=14)


def oracle(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """The same question put to the re module."""
    regex = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(regex, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


@settings(max_examples=400, deadline=None)
@given(TEXTS, TEXTS, st.booleans())
def test_wildcards_match_as_the_oracle_says(pattern: str, text: str, ignore_case: bool) -> None:
    """A star is any run of characters, a question mark exactly one, all else is itself."""
    assert wildcard_match(pattern, text, ignore_case=ignore_case) is oracle(pattern, text, ignore_case=ignore_case)


@settings(max_examples=100, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_a_star_between_the_pieces_of_a_text_matches_the_text(pieces: list[str]) -> None:
    """Whatever stands between fixed pieces, stars cover it."""
    assert wildcard_match("*".join(pieces), "-x-".join(pieces))


def test_many_stars_do_not_take_exponential_time() -> None:
    """A hostile pattern costs no more than its stars times the text."""
    assert not wildcard_match("*a" * 40 + "b", "a" * 2000)


def text_of(pattern: Pattern | None) -> str | None:
    """The expanded text, or None."""
    return None if pattern is None else pattern.literal


VALUES = {"aws:username": ("mia",), "aws:tagkeys": ("a", "b"), "s3:prefix": ("*",)}


@pytest.mark.parametrize(
    ("written", "expanded"),
    [
        ("home/${aws:username}/x", "home/mia/x"),
        ("${AWS:UserName}${aws:username}", "miamia"),
        ("${aws:username, 'nobody'}", "mia"),
        ("${aws:userid, 'no''body'}", "no'body"),
        ("${aws:userid,''}", ""),
        ("${aws:userid}", None),
        ("${aws:TagKeys}", None),
        ("${aws:TagKeys, 'many'}", "many"),
        ("${$}{aws:username}", "${aws:username}"),
        ("cost: $5", "cost: $5"),
        ("${", "${"),
    ],
)
def test_variables_take_the_requests_value_or_their_default(written: str, expanded: str | None) -> None:
    """Keys ignore case; a key without value, or with several, has no value but a default."""
    assert text_of(expand(written, VALUES)) == expanded


def test_stars_out_of_variables_are_literal() -> None:
    """A caller cannot widen a policy by a value with a star, and ${*} means a star itself."""
    for written, literal in (("a/${s3:prefix}", "a/*"), ("a/${*}", "a/*"), ("a/${?}", "a/?")):
        pattern = expand(written, VALUES)
        assert pattern is not None
        assert pattern.matches(literal)
        assert not pattern.matches("a/b")


def test_variables_mean_nothing_before_2012() -> None:
    """Without variables the text is taken as it is."""
    assert text_of(expand("${aws:username}", None)) == "${aws:username}"


@pytest.mark.parametrize(
    ("pattern", "arn", "fits"),
    [
        ("arn:aws:s3:::logs", "arn:aws:s3:::logs", True),
        ("arn:aws:*:*:*:*", "arn:aws:logs:r:123456789012:log-group:/ecs/x:log-stream:y", True),
        ("arn:aws:*", "arn:aws:s3:::logs", False),
        ("*", "arn:aws:s3:::logs", False),
        ("arn:aws:iam::123456789012:role/*", "arn:aws:iam::123456789012:user/mia", False),
        ("arn:aws:logs:*:log-group:x", "arn:aws:logs:r:1:log-group:x", False),
    ],
)
def test_arn_conditions_compare_part_by_part(pattern: str, arn: str, fits: bool) -> None:
    """In Arn* conditions a wildcard stays within its part of the six."""
    expanded = expand(pattern, None)
    assert expanded is not None
    assert arn_match(expanded, arn) is fits
