"""Change the keys of records by rules, where conditions hold.

Source: Fluent Bit 4.2.8: rules run in the order they are written, each on what the one before left. Conditions are
asked once, on the record as it came, and all must hold. Values are compared as strings only: a number never equals.
Not modelled: binary keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers.router.core.options import Option, Options
from lab_helpers.router.core.regexp import Pattern
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.escapes import split_quoted
from lab_helpers.router.records.modify_conditions import (
    Body,
    Condition,
    ConditionError,
    compiled,
    finds,
    parse_condition,
)
from lab_helpers.router.records.record import Record


@dataclass(frozen=True)
class Rule:
    """One rule: `apply(body, rule)` returns the new body, or None when the rule does not touch it."""

    apply: Callable[[Body, Rule], Body | None]
    key: str
    value: str
    pattern: Pattern | None = None


def rename(body: Body, rule: Rule) -> Body | None:
    """Give a key another name, unless that is taken."""
    return None if rule.value in body else hard_rename(body, rule)


def hard_rename(body: Body, rule: Rule) -> Body | None:
    """Give a key another name; one that has it already goes."""
    if rule.key not in body:
        return None
    return {
        rule.value if key == rule.key else key: value
        for key, value in body.items()
        if key != rule.value  # a key renamed to itself is dropped, as in Fluent Bit
    }


def copy(body: Body, rule: Rule) -> Body | None:
    """Put a copy right behind the key, unless its name is taken."""
    return None if rule.value in body else hard_copy(body, rule)


def hard_copy(body: Body, rule: Rule) -> Body | None:
    """Put a copy right behind the key; one that has its name already goes."""
    if rule.key not in body:
        return None
    result: Body = {}
    for key, value in body.items():
        if key != rule.value:
            result[key] = value
            if key == rule.key:
                result[rule.value] = value
    return result


def add(body: Body, rule: Rule) -> Body | None:
    """Append a key, unless it is there."""
    return None if rule.key in body else {**body, rule.key: rule.value}


def set_key(body: Body, rule: Rule) -> Body:
    """Append a key; one of the same name goes."""
    return {**_without(body, lambda key: key == rule.key), rule.key: rule.value}


def remove(body: Body, rule: Rule) -> Body | None:
    """Take a key away."""
    return _without(body, lambda key: key == rule.key) if rule.key in body else None


def remove_wildcard(body: Body, rule: Rule) -> Body:
    """Take the keys away that begin so."""
    return _without(body, lambda key: _begins(key, rule.key))


def remove_regex(body: Body, rule: Rule) -> Body:
    """Take the keys away that the expression finds something in."""
    return _without(body, lambda key: finds(rule.pattern, key))


def move_to_start(body: Body, rule: Rule) -> Body:
    """Put the keys that begin so before the others."""
    return {**_with_prefix(body, rule.key), **_without(body, lambda key: _begins(key, rule.key))}


def move_to_end(body: Body, rule: Rule) -> Body:
    """Put the keys that begin so behind the others."""
    return {**_without(body, lambda key: _begins(key, rule.key)), **_with_prefix(body, rule.key)}


ONE_WORD_RULES: dict[str, Callable[[Body, Rule], Body | None]] = {
    "remove": remove,
    "remove_wildcard": remove_wildcard,
    "remove_regex": remove_regex,
    "move_to_start": move_to_start,
    "move_to_end": move_to_end,
}
TWO_WORD_RULES: dict[str, Callable[[Body, Rule], Body | None]] = {
    "rename": rename,
    "hard_rename": hard_rename,
    "add": add,
    "set": set_key,
    "copy": copy,
    "hard_copy": hard_copy,
}


class Modify(Filter):
    """The filter: conditions and rules."""

    def __init__(self, options: Options, _context: FilterContext) -> None:
        self._conditions = [_condition(text) for key, text in options.pairs if key == "condition"]
        self._rules = [_rule(key, text) for key, text in options.pairs if key != "condition"]

    def filter(self, _tag: str, records: list[Record]) -> list[Record] | None:
        """Return the records with the rules applied where all conditions hold."""
        return [Record(record.time_ns, self._modified(record.body)) for record in records]

    def _modified(self, body: Body) -> Body:
        if all(condition.holds(body, condition) for condition in self._conditions):
            for rule in self._rules:
                changed = rule.apply(body, rule)
                body = body if changed is None else changed
        return body


def _rule(key: str, text: str) -> Rule:
    words = _words(key, text)
    rules = {1: ONE_WORD_RULES, 2: TWO_WORD_RULES}.get(len(words), {key: rename})  # three words: Fluent Bit renames
    if key not in rules:
        raise PluginInitError(f"Invalid operation {key} : {text} in configuration")
    for part, word in (("key", words[0]), ("val", words[-1])):  # both must compile, whatever the rule does with them
        if compiled(word) is None:
            raise PluginInitError(f"Unable to create regex({part}) from {word}")
    pattern = compiled(words[0]) if key == "remove_regex" else None
    return Rule(rules[key], words[0], words[-1], pattern)


def _condition(text: str) -> Condition:
    try:
        return parse_condition(_words("condition", text), text)
    except ConditionError as exc:
        raise PluginInitError(*exc.lines) from exc


def _words(key: str, text: str) -> list[str]:
    try:
        words = split_quoted(text, 3)
    except ValueError:
        words = []
    if not 1 <= len(words) <= 3:
        raise PluginInitError(f"Invalid config for {key}")
    return words


def _without(body: Body, unwanted: Callable[[Any], bool]) -> Body:
    return {key: value for key, value in body.items() if not unwanted(key)}


def _with_prefix(body: Body, prefix: str) -> Body:
    return {key: value for key, value in body.items() if _begins(key, prefix)}


def _begins(key: Any, prefix: str) -> bool:
    return isinstance(key, str) and key.startswith(prefix)


PLUGIN = FilterPlugin(
    "modify",
    "Change the keys of records by rules, where conditions hold.",
    Modify,
    (
        Option("Set", help="KEY VALUE: add the key; an existing one is overwritten.", multiple=True),
        Option("Add", help="KEY VALUE: add the key if it does not exist.", multiple=True),
        Option("Remove", help="KEY: remove it.", multiple=True),
        Option("Remove_wildcard", help="PREFIX: remove all keys that begin so.", multiple=True),
        Option("Remove_regex", help="REGEX: remove all keys that match.", multiple=True),
        Option("Move_To_Start", help="PREFIX: move these keys to the start.", multiple=True),
        Option("Move_To_End", help="PREFIX: move these keys to the end.", multiple=True),
        Option("Rename", help="KEY NAME: rename the key if NAME does not exist.", multiple=True),
        Option("Hard_Rename", help="KEY NAME: rename the key; an existing NAME is overwritten.", multiple=True),
        Option("Copy", help="KEY NAME: copy the key if NAME does not exist.", multiple=True),
        Option("Hard_copy", help="KEY NAME: copy the key; an existing NAME is overwritten.", multiple=True),
        Option("Condition", help="CONDITION KEY [VALUE]: when to modify; all must hold.", multiple=True),
    ),
)
