r"""Trino's functions that DuckDB has not, or has with another meaning. Pure.

Source: Trino's documentation, "Functions and operators"; url_* as java.net.URI reads them.
Not modelled: functions of IP addresses, sketches, maps of lists, geometry; a Joda format that is no constant.
"""

from __future__ import annotations

import re
from typing import Any

from sqlglot import exp

_URI = r"'^(?:([^:/?#]+):)?(//(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d+))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$'"
_GOOD_URI = r"""'(?:[^\s"<>\\^`{|}%]|%[0-9a-fA-F]{2})*'"""
_BODIES = {
    "url_extract_protocol(u)": f"CASE WHEN url_is_good(u) THEN regexp_extract(u, {_URI}, 1) END",
    "url_extract_host(u)": f"CASE WHEN url_is_good(u) THEN regexp_extract(u, {_URI}, 3) END",
    "url_extract_port(u)": f"CASE WHEN url_is_good(u) THEN TRY_CAST(regexp_extract(u, {_URI}, 4) AS BIGINT) END",
    "url_extract_path(u)": f"CASE WHEN url_is_good(u) THEN url_decode(regexp_extract(u, {_URI}, 5)) END",
    "url_extract_query(u)": f"CASE WHEN url_is_good(u) THEN url_decode(regexp_extract(u, {_URI}, 6)) END",
    "url_extract_fragment(u)": f"CASE WHEN url_is_good(u) THEN url_decode(regexp_extract(u, {_URI}, 7)) END",
    "url_extract_parameter(u, n)": (
        f"CASE WHEN url_is_good(u) THEN list_extract(list_transform(list_filter("
        f"string_split(regexp_extract(u, {_URI}, 6), '&'), lambda p: split_part(p, '=', 1) = n), "
        "lambda p: url_decode(replace(p[length(n) + 2:], '+', ' '))), 1) END"
    ),
    "to_iso8601(t)": "CASE typeof(t) WHEN 'DATE' THEN strftime(t, '%Y-%m-%d') ELSE strftime(t, '%Y-%m-%dT%H:%M:%S.%g') "
    "|| CASE typeof(t) WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'Z' ELSE '' END END",
    "at_timezone(t, z)": "timezone(z, t)",
    "map_agg(k, v)": "map(list(k), list(v))",
    "arrays_overlap(a, b)": "list_has_any(a, b)",
    "str_to_map(t, e, k)": "map_from_entries(list_transform(string_split(t, e), "
    "lambda p: {'k': split_part(p, k, 1), 'v': p[length(split_part(p, k, 1)) + length(k) + 1:]}))",
    "from_unixtime_nanos(n)": "make_timestamp_ns(n)",
    "json_array_get(j, n)": "json_extract(j, '$[' || n || ']')",
    "json_size(j, p)": "CASE json_type(j, p) WHEN 'OBJECT' THEN len(json_keys(j, p)) WHEN 'ARRAY' "
    "THEN json_array_length(j, p) ELSE 0 END",
    "strrpos(t, s)": "CASE WHEN strpos(t, s) = 0 THEN 0 "
    "ELSE length(t) - length(s) - strpos(reverse(t), reverse(s)) + 2 END",
    "nan()": "'NaN'::DOUBLE",
    "infinity()": "'Infinity'::DOUBLE",
    "width_bucket(x, a, b, n)": "CASE WHEN x < a THEN 0 WHEN x >= b THEN n + 1 "
    "ELSE CAST(floor((x - a) / (b - a) * n) AS BIGINT) + 1 END",
}  # fmt: skip
_HELPERS = {"url_extract": f"url_is_good(u) AS regexp_full_match(u, {_GOOD_URI})"}
_BY_NAME = {head.partition("(")[0]: (head, body) for head, body in _BODIES.items()}
_JODA = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d", "HH": "%H",
    "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S", "SSS": "%g", "EEEE": "%A",
    "EEE": "%a", "E": "%a", "a": "%p", "Z": "%z", "ZZ": "%z", "z": "%Z", "DDD": "%j", "D": "%-j",
}  # fmt: skip
_JODA_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")
_DAYS = frozenset({"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})


def macros(tree: Any) -> list[str]:
    """Return statements that define what the query calls and DuckDB has not."""
    called = {name for function in tree.find_all(exp.Func) if (name := _name(function)) in _BY_NAME}
    helpers = [helper for start, helper in _HELPERS.items() if any(name.startswith(start) for name in called)]
    defined = [f"{_BY_NAME[name][0]} AS {_BY_NAME[name][1]}" for name in sorted(called)]
    return [f"CREATE TEMP MACRO {text}" for text in helpers + defined]


def as_trino_means(tree: Any) -> Any:
    """Return a query as DuckDB has to be asked for the same; the tree is changed."""
    for node in reversed(list(tree.dfs())):  # what is inside comes first
        made = _translated(node)
        if made is not node:
            node.replace(made)
    return tree


def _translated(node: Any) -> Any:
    match node:
        case exp.RegexpExtract():
            # no match: Trino answers NULL, DuckDB an empty string
            return exp.Nullif(this=node.copy(), expression=exp.Literal.string(""))
        case exp.RegexpReplace(args={"replacement": exp.Literal() as text}):
            node.set("replacement", exp.Literal.string(re.sub(r"\$(\d)", r"\\\1", text.name)))
        case exp.ArraySlice(args={"start": start, "end": length}) if length is not None:
            # Trino's third argument is a length, DuckDB's the last place
            last = exp.Add(this=exp.paren(start.copy()), expression=exp.paren(length.copy()))
            node.set("end", exp.Sub(this=last, expression=exp.Literal.number(1)))
        case exp.Format():
            given = [node.this.copy(), *(each.copy() for each in node.expressions)]
            return exp.Anonymous(this="printf", expressions=given)
        case exp.DateAdd() | exp.DateSub() | exp.Add() | exp.Sub() if _is_date(node.this) and _in_days(node):
            return exp.cast(node.copy(), "DATE")
        case exp.Anonymous() | exp.ParseDatetime():
            return _with_joda(node)
    return node


def _is_date(node: Any) -> bool:
    return isinstance(node, exp.CurrentDate | exp.Date | exp.TsOrDsToDate) or (
        isinstance(node, exp.Cast) and node.is_type("date")
    )


def _in_days(node: Any) -> bool:
    unit = node.args.get("unit") or getattr(node.expression, "unit", None)
    return unit is not None and unit.name.upper().rstrip("S") in _DAYS


def _with_joda(node: Any) -> Any:
    name = _name(node)
    if name == "format_datetime" and len(node.expressions) == 2:
        moment, form = node.expressions
        return exp.Anonymous(this="strftime", expressions=[moment.copy(), _strftime(form)])
    if name == "parse_datetime":
        return exp.Anonymous(this="strptime", expressions=[node.this.copy(), _strftime(node.args["format"])])
    return node


def _strftime(form: Any) -> Any:
    """A constant in Joda's letters as DuckDB's format."""

    def said(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1].replace("''", "'") or "'"
        return _JODA.get(found[0], found[0])

    return exp.Literal.string(_JODA_TOKEN.sub(said, form.name))


def _name(function: Any) -> str:
    return str(function.name if isinstance(function, exp.Anonymous) else function.sql_names()[0]).lower()
