"""Options are read as Fluent Bit reads them, and refused in its words."""

from __future__ import annotations

import pytest

from lab_helpers.router.core import options
from lab_helpers.router.core.options import Kind, Option, OptionError

SPECS = (
    Option("region"),
    Option("delivery_stream"),
    Option("fast", Kind.FLAG, default="true"),
    Option("record", Kind.WORDS, multiple=True, at_least=2),
    Option("label.", Kind.PREFIX),
)


def test_an_unknown_option_is_refused_with_all_names_and_a_near_match() -> None:
    """The sentence lists the options in the plugin's order; the near match comes beside it."""
    with pytest.raises(OptionError) as caught:
        options.check_names("firehose", SPECS, [("deliverystream", "x")])
    assert caught.value.lines == (
        "[config] firehose: unknown configuration property 'deliverystream'. The following properties are allowed: "
        "region, delivery_stream, fast, record, and label..",
    )
    assert caught.value.hint == "delivery_stream"


def test_a_repeated_option_is_refused_unless_it_may_repeat() -> None:
    """Only options declared `multiple` may come twice."""
    options.check_names("p", SPECS, [("record", "a b"), ("record", "c d")])
    with pytest.raises(OptionError, match="configuration property 'region' is set 2 times"):
        options.check_names("p", SPECS, [("region", "a"), ("region", "b")])


def test_values_are_parsed_by_their_kind() -> None:
    """Defaults, repeated options, quoted words and prefixes each give their value; the order written is kept."""
    parsed = options.parse(SPECS, [("Record", 'a "two words"'), ("record", "b c"), ("label.x", "1")])
    assert parsed["region"] is None
    assert parsed["fast"] is True
    assert parsed["record"] == [["a", "two words"], ["b", "c"]]
    assert parsed["label."] == {"x": "1"}
    assert parsed.pairs[0] == ("record", 'a "two words"')
    assert not parsed.is_set("fast")


def test_a_boolean_takes_six_words_and_no_others() -> None:
    """`maybe` is refused with the option and the value in the sentence."""
    assert [options.to_flag(word) for word in ("On", "yes", "TRUE", "off", "no", "False", "1")] == [
        True, True, True, False, False, False, None,
    ]  # fmt: skip
    with pytest.raises(OptionError, match="invalid value for boolean property 'fast=maybe'"):
        options.parse(SPECS, [("fast", "maybe")])


def test_too_few_words_are_refused() -> None:
    """`Record key` without a value does not start, with the number found."""
    with pytest.raises(OptionError, match=r"property 'record' expects 2 values \(only 1 were found\)"):
        options.parse(SPECS, [("record", "a")])


@pytest.mark.parametrize(
    ("text", "size"), [("25MB", 25_000_000), ("1K", 1000), ("1.5m", 1_500_000), ("7", 7), ("5x", -1), ("false", 0)]
)
def test_sizes_are_decimal(text: str, size: int) -> None:
    """K, M and G are powers of a thousand; an unknown unit gives -1."""
    assert options.to_size(text) == size


def test_numbers_are_read_leniently() -> None:
    """As C reads them: what is no number is 0, what follows a number is ignored."""
    assert [options.to_integer(text) for text in ("ninety", "12x", "-3")] == [0, 12, -3]
    assert [options.to_seconds(text) for text in ("30", "10m", "2H", "1d")] == [30, 600, 7200, 86_400]
    assert options.to_decimal("0.5s") == 0.5
