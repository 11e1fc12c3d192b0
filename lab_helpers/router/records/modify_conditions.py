"""When the modify filter modifies: its conditions.

Source: Fluent Bit 5.1.1. Values are compared as strings only: a number never equals, `true` and `false` match an
expression as words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.regexp import Pattern, compile_pattern
from lab_helpers.router.records.accessor import MISSING, AccessorError, Path
from lab_helpers.router.records.tag_template import key_path

Body = dict[Any, Any]


@dataclass(frozen=True)
class Condition:
    """One condition: `holds(body, condition)`; `path` and `pattern` are its first word, `value` its second."""

    holds: Callable[[Body, Condition], bool]
    path: Path
    value: str
    pattern: Pattern | None = None
    value_pattern: Pattern | None = None


class ConditionError(ValueError):
    """The condition cannot be read; `lines` are Fluent Bit's error lines."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def parse_condition(words: list[str], written: str) -> Condition:
    """Return the condition of the words `NAME KEY [VALUE]`; `written` is for messages. Raises ConditionError."""
    name, *operands = words
    if name.lower() not in CONDITIONS:
        raise ConditionError(f"Invalid config for condition : {written}")
    holds, regexes = CONDITIONS[name.lower()]
    operands = operands or [name]  # as the reference: its list of words is a ring
    value = operands[1] if len(operands) > 1 else ""
    pattern = _pattern(operands[0], written) if regexes & _KEY else None
    value_pattern = _pattern(value, written) if regexes & _VALUE else None
    try:
        path = Path("") if regexes & _KEY else key_path(operands[0])
    except AccessorError as exc:
        raise ConditionError(*exc.lines, f"Invalid config for condition : {written}") from exc
    return Condition(holds, path, value, pattern, value_pattern)


def compiled(word: str) -> Pattern | None:
    """Return the compiled expression, or None where it does not compile."""
    for candidate in (word, re.sub(r"\\[A-Za-z]", "x", word)):  # Ruby takes any escaped letter, `re` does not
        try:
            return compile_pattern(candidate)
        except re.error:
            continue
    return None


def finds(pattern: Pattern | None, value: Any) -> bool:
    """Whether the expression finds something in the value: a string, or `true` and `false`."""
    text = str(value).lower() if isinstance(value, bool) else value
    return pattern is not None and isinstance(text, str) and pattern.search(text) is not None


def key_exists(body: Body, condition: Condition) -> bool:
    """Whether there is a value at the path; an element of an array does not count, `$l[0]` of a plain value is that."""
    path = condition.path
    is_element = bool(path.subkeys) and isinstance(path.subkeys[-1], int)
    return path.get(body) is not MISSING and not (is_element and isinstance(body[path.root], dict | list))


def a_key_matches(body: Body, condition: Condition) -> bool:
    """Whether the expression finds something in any key."""
    return any(finds(condition.pattern, key) for key in body)


def key_value_equals(body: Body, condition: Condition) -> bool:
    """Whether the value is this string."""
    return key_exists(body, condition) and condition.path.get(body) == condition.value


def key_value_matches(body: Body, condition: Condition) -> bool:
    """Whether the expression finds something in the value: a string, or `true` and `false`."""
    return key_exists(body, condition) and finds(condition.value_pattern, condition.path.get(body))


def matching_keys_have_matching_values(body: Body, condition: Condition) -> bool:
    """Whether each key that matches has a value that matches."""
    matching = [value for key, value in body.items() if finds(condition.pattern, key)]
    return all(finds(condition.value_pattern, value) for value in matching)


def _pattern(word: str, written: str) -> Pattern:
    pattern = compiled(word) if word else None
    if pattern is None:
        raise ConditionError(f"Unable to create regex for condition condition {written}")
    return pattern


_KEY, _VALUE = 1, 2  # which words of a condition are regular expressions
CONDITIONS: dict[str, tuple[Callable[[Body, Condition], bool], int]] = {
    "key_exists": (key_exists, 0),
    "key_does_not_exist": (lambda body, one: not key_exists(body, one), 0),
    "a_key_matches": (a_key_matches, _KEY),
    "no_key_matches": (lambda body, one: not a_key_matches(body, one), _KEY),
    "key_value_equals": (key_value_equals, 0),
    "key_value_does_not_equal": (lambda body, one: key_exists(body, one) and not key_value_equals(body, one), 0),
    "key_value_matches": (key_value_matches, _VALUE),
    "key_value_does_not_match": (lambda body, one: key_exists(body, one) and not key_value_matches(body, one), _VALUE),
    "matching_keys_have_matching_values": (matching_keys_have_matching_values, _KEY | _VALUE),
    "matching_keys_do_not_have_matching_values": (
        lambda body, one: not matching_keys_have_matching_values(body, one),
        _KEY | _VALUE,
    ),
}
