"""The type_converter filter; what is expected is what Fluent Bit 5.1.1 printed for the same records."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.plugin import PluginInitError
from lab_helpers.router.plugins.filter_type_converter import converted
from tests.router.plugins.bench import Bench

RECORD = {"a": "1", "b": {"c": 7}, "n": 3.7, "neg": -5, "t": "x"}
CONFIG = """Name type_converter
str_key a a_int int
str_key a a_float float
str_key t t_int int
int_key $b['c'] c_str string
int_key neg neg_str string
float_key n n_int int
float_key n n_str string
int_key n n_wrong string
uint_key neg neg_u string
str_key a a_bool bool
str_key a a_hex hex
str_key a a int
str_key missing m int"""


def test_a_record_through_every_kind_of_rule(bench: Bench) -> None:
    """Keys in the reference's order; what cannot be converted is copied, with the core's line and the filter's."""
    (body,) = bench.filtered(CONFIG, dict(RECORD))
    assert list(body.items()) == [
        ("b", {"c": 7}), ("n", 3.7), ("neg", -5), ("t", "x"), ("a_int", 1), ("a_float", 1.0), ("t_int", "x"),
        ("a_bool", "1"), ("a_hex", 1), ("a", 1), ("c_str", "7"), ("neg_str", "-5"), ("n_wrong", 3.7),
        ("neg_u", "18446744073709551611"), ("n_int", 3), ("n_str", "3.7"),
    ]  # fmt: skip
    assert bench.log == [
        "[error] flb_typecast_conv_str: convert error. input=x",
        "[error] [filter:type_converter:type_converter.0] failed to convert. key=t",
        "[error] flb_typecast_conv_str: convert error. input=1",
        "[error] [filter:type_converter:type_converter.0] failed to convert. key=a",
        "[error] flb_typecast_value_conv: src type is not int",
        "[error] [filter:type_converter:type_converter.0] failed to convert. key=n",
    ]


def test_nothing_converted_nothing_touched(bench: Bench) -> None:
    """The copy of a value that cannot be converted is left out, too."""
    assert bench.filtered("Name type_converter\nstr_key t t_int int", {"t": "x"}) == [{"t": "x"}]


@pytest.mark.parametrize(
    ("value", "kind", "to", "expected"),
    [
        (" 12x", "string", "int", 12),
        ("-12", "string", "uint", 2**64 - 12),
        ("99999999999999999999", "string", "int", 2**63 - 1),
        ("0x1F", "string", "hex", 31),
        ("word", "string", "float", 0.0),
        ("1e3x", "string", "float", 1000.0),
        ("TRUEish", "string", "bool", True),
        (2.0, "float", "string", "2.0"),
        (0.1, "float", "string", "0.1"),
        (7, "int", "float", 7.0),
        (2**64 - 1, "int", "float", -1.0),
        (2**64 - 1, "int", "string", "-1"),
        (2**64 - 1, "uint", "int", -1),
        (-3.9, "float", "int", -3),
    ],
)
def test_conversions(value: Any, kind: str, to: str, expected: Any) -> None:
    """As C's strtoimax, strtoumax, atof and printf."""
    found = converted(value, kind, to)
    assert (found, type(found)) == (expected, type(expected))


def test_a_filter_without_rules(bench: Bench) -> None:
    """A rule of an unknown type is left out; without any, the router does not start."""
    with pytest.raises(PluginInitError, match="configuration error"):
        bench.filtered("Name type_converter\nstr_key a b integer", {"a": "1"})
    assert bench.log == [
        "[error] flb_typecast_rule_create: unknown to str integer",
        "[error] [filter:type_converter:type_converter.0] configuration error. ignore the key=a",
        "[error] [filter:type_converter:type_converter.0] no rules",
    ]
