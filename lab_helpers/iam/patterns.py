"""Wildcards and policy variables.

A pattern is text in which `*` stands for any run of characters and `?` for exactly one. Characters that came out of a
policy variable are literal, also where they are `*` or `?`.

Source: "IAM JSON policy elements: Resource" and "IAM policy elements: Variables and tags" of the IAM User Guide.
Not modelled: that a `*` inside an ARN segment (not at its end) does not run over a colon; where that makes a
difference, a policy names a little more here than at AWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

ARN_PARTS = 6

# ${key}, ${key, 'default'} and the escapes ${*}, ${?}, ${$}
_VARIABLE = re.compile(r"\$\{\s*(?P<key>[^,}']+?)\s*(?:,\s*'(?P<default>(?:[^']|'')*)'\s*)?\}")
_ESCAPES = frozenset("*?$")


class Wild(Enum):
    """A wildcard in a pattern."""

    RUN = "*"
    ONE = "?"


Token = str | Wild


@dataclass(frozen=True)
class Pattern:
    """Literal characters and wildcards, in order."""

    tokens: tuple[Token, ...]

    @property
    def literal(self) -> str:
        """The text of the pattern with its wildcards taken literally."""
        return "".join(token.value if isinstance(token, Wild) else token for token in self.tokens)

    def matches(self, text: str, *, ignore_case: bool = False) -> bool:
        """Whether the whole text fits; takes time linear in the text for each `*`, never exponential."""
        if ignore_case:
            return _fits(_folded(self.tokens), text.lower())
        return _fits(self.tokens, text)


def wildcard_match(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Match a pattern without variables."""
    return _plain(pattern).matches(text, ignore_case=ignore_case)


def expand(text: str, values: Mapping[str, tuple[str, ...]] | None) -> Pattern | None:
    """Make a pattern of a policy's text, putting in its variables.

    `values` are the request's context keys in lower case; None where the policy's version knows no variables.
    None is returned when a variable has no value in this request, or more than one, and no default.
    """
    if values is None or "${" not in text:
        return _plain(text)
    tokens: list[Token] = []
    position = 0
    for found in _VARIABLE.finditer(text):
        value = _value(found, values)
        if value is None:
            return None
        tokens += [*_plain(text[position : found.start()]).tokens, *value]
        position = found.end()
    return Pattern((*tokens, *_plain(text[position:]).tokens))


def arn_match(pattern: Pattern, arn: str) -> bool:
    """Match as the Arn* condition operators do: part by part of the six that colons separate."""
    parts, wanted = arn.split(":", ARN_PARTS - 1), _split_arn(pattern)
    if len(parts) != len(wanted):
        return False
    return all(_fits(want, part) for want, part in zip(wanted, parts, strict=True))


@lru_cache(maxsize=4096)
def _plain(text: str) -> Pattern:
    wild = {Wild.RUN.value: Wild.RUN, Wild.ONE.value: Wild.ONE}
    return Pattern(tuple(wild.get(character, character) for character in text))


def _value(found: re.Match[str], values: Mapping[str, tuple[str, ...]]) -> str | None:
    key, default = found["key"], found["default"]
    if key in _ESCAPES:
        return key
    present = values.get(key.lower(), ())
    if len(present) == 1:
        return present[0]
    return None if default is None else default.replace("''", "'")


@lru_cache(maxsize=4096)
def _folded(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    return tuple(token if isinstance(token, Wild) else token.lower() for token in tokens)


def _fits(tokens: tuple[Token, ...], text: str) -> bool:
    # On a mismatch only the last run has to take one character more: earlier ones cannot help.
    at, position, run_at, run_position = 0, 0, -1, 0
    while position < len(text):
        if at < len(tokens) and tokens[at] is Wild.RUN:
            run_at, run_position = at, position
            at += 1
        elif at < len(tokens) and (tokens[at] is Wild.ONE or tokens[at] == text[position]):
            at, position = at + 1, position + 1
        elif run_at >= 0:
            run_position += 1
            at, position = run_at + 1, run_position
        else:
            return False
    return all(token is Wild.RUN for token in tokens[at:])


def _split_arn(pattern: Pattern) -> list[tuple[Token, ...]]:
    parts: list[list[Token]] = [[]]
    for token in pattern.tokens:
        if token == ":" and len(parts) < ARN_PARTS:
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts]
