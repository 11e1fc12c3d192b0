"""Filter patterns of CloudWatch Logs: terms, JSON conditions, and columns of space-delimited events.

    ERROR "not found" -DEBUG      all terms, and not the last
    ?ERROR ?WARN                  any of them
    %4[0-9]{2}%                   a regular expression
    { $.status = 404 && $.path = "/a*" }
    [ip, ..., status = 4*, bytes > 100]

Source: "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail" of the
CloudWatch Logs User Guide.
Not modelled: the quota of two regular expressions a pattern. Whether an unquoted term must be a whole word is not said
there; here a part of a word fits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.logs.conditions import Condition, invalid, parse, regex, unquote

Predicate = Callable[[str], bool]

_TERM = re.compile(r"""\s*(?P<sign>[?-]?)(?P<term>"(?:[^"\\]|\\.)*"|%[^%]*%|[^\s"]+)""")
_PLAIN_TERM = re.compile(r"\w+")
_STEP = re.compile(r"""\.(?P<name>[\w@-]+)|\[(?P<index>\d+|\*)\]|\[["'](?P<quoted>[^"']*)["']\]""")
_COLUMN = re.compile(r'"([^"]*)"|\[([^\]]*)\]|(\S+)')
_ELLIPSIS = "..."


@lru_cache(maxsize=256)
def compile_pattern(text: str) -> Predicate:
    """Make a predicate over messages of a pattern; the empty one fits all.

    Raises AwsError InvalidParameterException, naming what cannot be understood.
    """
    pattern = text.strip()
    if not pattern:
        return lambda _: True
    if pattern.startswith("{"):
        return _json(pattern)
    if pattern.startswith("["):
        return _columns(pattern)
    return _terms(pattern)


def _terms(pattern: str) -> Predicate:
    signed = _signed_terms(pattern)
    wanted = [term for sign, term in signed if not sign]
    unwanted = [term for sign, term in signed if sign == "-"]
    either = [term for sign, term in signed if sign == "?"]
    if either and not wanted and not unwanted:
        return lambda message: any(term(message) for term in either)
    # AWS ignores the question marks' terms beside others.
    return lambda message: all(t(message) for t in wanted) and not any(t(message) for t in unwanted)


def _signed_terms(pattern: str) -> list[tuple[str, Predicate]]:
    terms, position = [], 0
    while position < len(pattern):
        found = _TERM.match(pattern, position)
        if found is None:
            raise invalid(f"cannot read {pattern[position:].strip()!r}")
        terms.append((found["sign"], _term(found["term"])))
        position = found.end()
    return terms


def _term(text: str) -> Predicate:
    if text.startswith("%") and text.endswith("%") and len(text) > 1:
        pattern = regex(text[1:-1])
        return lambda message: pattern.search(message) is not None
    if text.startswith('"'):
        phrase = unquote(text)
        return lambda message: phrase in message
    if not _PLAIN_TERM.fullmatch(text):
        raise AwsError("InvalidParameterException", f"Invalid character(s) in term '{text}'")
    return lambda message: text in message


def _json(pattern: str) -> Predicate:
    if not pattern.endswith("}"):
        raise invalid("the closing brace is missing")
    condition = parse(pattern[1:-1], of_json=True)

    def fits(message: str) -> bool:
        try:
            document = nested_json.loads(message)
        except ValueError:
            return False
        return condition(lambda selector: selected(document, selector))

    return fits


def selected(document: Any, selector: str) -> list[Any]:
    """Return the values that a selector (`$.a.b[0]`) names in a JSON document."""
    values = [document]
    for step in _STEP.finditer(selector):
        name = step["name"] if step["name"] is not None else step["quoted"]
        values = [inner for value in values for inner in _stepped(value, name, step["index"])]
    return values


def _stepped(value: Any, name: str | None, index: str | None) -> list[Any]:
    if name is not None:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return []
    if index == "*":
        return value
    return value[int(index or 0) : int(index or 0) + 1]


def _columns(pattern: str) -> Predicate:
    if not pattern.endswith("]"):
        raise invalid("the closing bracket is missing")
    written = [part.strip() for part in split_columns(pattern[1:-1])]
    if written.count(_ELLIPSIS) > 1:
        raise invalid("... may be there once")
    before, after = written, []
    if _ELLIPSIS in written:
        at = written.index(_ELLIPSIS)
        before, after = written[:at], written[at + 1 :]
    first, last = [_column(text) for text in before], [_column(text) for text in after]
    exact = _ELLIPSIS not in written

    def fits(message: str) -> bool:
        fields = columns_of(message)
        count = len(first) + len(last)
        if len(fields) < count or (exact and len(fields) != count):
            return False
        ends = [*zip(first, fields, strict=False), *zip(last, fields[len(fields) - len(last) :], strict=True)]
        return all(column is None or column(lambda _, field=field: [field]) for column, field in ends)  # type: ignore[misc]

    return fits


def columns_of(message: str) -> list[str]:
    """Return the columns of a space-delimited event; quotes and brackets hold one together."""
    return [next(filter(None, groups), "") for groups in _COLUMN.findall(message)]


def split_columns(text: str) -> list[str]:
    """Split at commas that are not inside quotes or a regular expression."""
    return [part for part in re.findall(r'((?:"(?:[^"\\]|\\.)*"|%[^%]*%|[^,"%])*)(?:,|$)', text) if part.strip()]


def _column(text: str) -> Condition | None:
    """Return a column's condition; None for a bare name, which fits every field."""
    return None if re.fullmatch(r"[\w@.-]+", text) else parse(text, of_json=False)
