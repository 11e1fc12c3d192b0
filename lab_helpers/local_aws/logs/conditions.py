"""Conditions in filter patterns: `$.status = 404 && $.path = "/a*"`, over JSON selectors or the names of columns.

A condition is a function of a lookup, which answers the values that a selector names (none where there is no such).

Source: "Filter pattern syntax" of the CloudWatch Logs User Guide.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

Lookup = Callable[[str], Sequence[Any]]
Condition = Callable[[Lookup], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<operator>&&|\|\||!=|<=|>=|[=<>()])
    | (?P<regex>%[^%]*%)
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<selector>\$(?:\.[\w@-]+|\[\d+\]|\[\*\]|\["[^"]*"\]|\['[^']*'\])*)
    | (?P<word>[^\s()&|=!<>"%]+)
    )""",
    re.VERBOSE,
)
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_EQUALITIES = ("=", "!=")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def invalid(problem: str) -> AwsError:
    """Make the error for a pattern that cannot be understood."""
    return AwsError("InvalidParameterException", f"Invalid filter pattern: {problem}")


def parse(text: str, *, of_json: bool) -> Condition:
    """Parse conditions joined by && and ||, with parentheses; raises AwsError InvalidParameterException.

    They are about selectors (`$.a.b`) of a JSON document, or else about names of columns.
    """
    reader = _Reader(list(_tokens(text)), "selector" if of_json else "word")
    condition = _either(reader)
    if reader.next is not None:
        raise invalid(f"did not expect {reader.next.text!r} in {text!r}")
    return condition


def regex(text: str) -> re.Pattern[str]:
    """Compile what stands between per cent signs; groups in parentheses are not allowed."""
    if re.search(r"(?<!\\)[()]", text):
        raise invalid(f"the regular expression {text!r} has parentheses")
    try:
        return re.compile(text)
    except re.error as exc:
        raise invalid(f"the regular expression {text!r} cannot be read: {exc}") from exc


def unquote(text: str) -> str:
    """Take the quotes off a phrase."""
    return re.sub(r"\\(.)", r"\1", text[1:-1])


class _Reader:
    """Hands out tokens one by one; `field_kind` is the kind of token that names a field."""

    def __init__(self, tokens: list[_Token], field_kind: str) -> None:
        self._tokens, self._at, self.field_kind = tokens, 0, field_kind

    @property
    def next(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> _Token:
        token = self.next
        if token is None:
            raise invalid("it ends too early")
        self._at += 1
        return token

    def takes(self, *texts: str) -> bool:
        """Take the next token if it is one of these; words ignore case."""
        if self.next is not None and self.next.kind != "quoted" and self.next.text.upper() in texts:
            self._at += 1
            return True
        return False


def _tokens(text: str) -> Iterator[_Token]:
    position, text = 0, text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise invalid(f"cannot read {text[position:].strip()!r}")
        kind = str(found.lastgroup)
        yield _Token(kind, found[kind])
        position = found.end()


def _either(reader: _Reader) -> Condition:
    parts = [_both(reader)]
    while reader.takes("||"):
        parts.append(_both(reader))
    return parts[0] if len(parts) == 1 else lambda lookup: any(part(lookup) for part in parts)


def _both(reader: _Reader) -> Condition:
    parts = [_single(reader)]
    while reader.takes("&&"):
        parts.append(_single(reader))
    return parts[0] if len(parts) == 1 else lambda lookup: all(part(lookup) for part in parts)


def _single(reader: _Reader) -> Condition:
    if reader.takes("("):
        inner = _either(reader)
        if not reader.takes(")"):
            raise invalid("a parenthesis is not closed")
        return inner
    selector = reader.take()
    if selector.kind != reader.field_kind:
        raise invalid(f"expected a field, not {selector.text!r}")
    return _about(selector.text, reader)


def _about(selector: str, reader: _Reader) -> Condition:
    if reader.takes("IS"):
        wanted = reader.take().text.upper()
        known = {"NULL": None, "TRUE": True, "FALSE": False}
        if wanted not in known:
            raise invalid(f"IS may be followed by NULL, TRUE or FALSE, not {wanted}")
        return lambda lookup: any(value is known[wanted] for value in lookup(selector))
    if reader.takes("NOT"):
        if not reader.takes("EXISTS"):
            raise invalid("NOT may only be followed by EXISTS")
        return lambda lookup: not lookup(selector)
    if reader.takes("EXISTS"):
        return lambda lookup: bool(lookup(selector))
    sign = reader.take().text
    if sign not in _ORDERS and sign not in _EQUALITIES:
        raise invalid(f"expected an operator after {selector}, not {sign!r}")
    test = _test(sign, reader.take())
    return lambda lookup: any(test(value) for value in lookup(selector))


def _test(sign: str, wanted: _Token) -> Callable[[Any], bool]:
    if sign in _ORDERS:
        number = _number(wanted.text)
        if number is None:
            raise invalid(f"{sign} compares with a number, not with {wanted.text!r}")
        return lambda value: (own := _number(value)) is not None and _ORDERS[sign](own, number)
    equal = _equality(wanted)
    return equal if sign == "=" else lambda value: not equal(value)


def _equality(wanted: _Token) -> Callable[[Any], bool]:
    if wanted.kind == "regex":
        pattern = regex(wanted.text[1:-1])
        return lambda value: isinstance(value, str) and pattern.search(value) is not None
    if wanted.kind not in {"quoted", "word"}:
        raise invalid(f"cannot compare with {wanted.text!r}")
    text = unquote(wanted.text) if wanted.kind == "quoted" else wanted.text
    number = _number(text) if wanted.kind == "word" else None
    shape = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)

    def equal(value: Any) -> bool:
        if isinstance(value, str):
            return shape.fullmatch(value) is not None or (number is not None and _number(value) == number)
        return not isinstance(value, bool) and number is not None and value == number

    return equal


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
