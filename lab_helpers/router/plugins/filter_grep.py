"""Keep or drop records by regular expressions on their values.

Source: Fluent Bit 4.2.8. In legacy mode the rules run in order: a Regex that matches keeps the record at once (later
rules are never asked), a Regex that does not match and an Exclude that matches drop it. Only strings can match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lab_helpers.router.core.options import Option, Options
from lab_helpers.router.core.regexp import Pattern, compile_pattern
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError, Path
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.tag_template import key_path


@dataclass(frozen=True)
class Rule:
    """One `Regex KEY PATTERN` or `Exclude KEY PATTERN` line."""

    excludes: bool
    path: Path
    pattern: Pattern

    def matches(self, batch: Batch) -> list[bool]:
        """Tell of each record whether the value at the path is a string that the pattern finds something in."""
        if self.pattern.literal is not None and not batch.may_hold(self.path, self.pattern.literal):
            return [False] * batch.count
        texts = batch.texts(self.path)
        found = iter(self.pattern.search_all([text for text in texts if text is not None]))
        return [text is not None and next(found) is not None for text in texts]


Found = tuple[bool, ...]
# of one record: whether each rule matches


def keeps_legacy(rules: list[Rule], found: Found) -> bool:
    """Whether the record stays when the first telling rule decides."""
    for rule, matches in zip(rules, found, strict=True):
        if matches:
            return not rule.excludes
        if not rule.excludes:
            return False
    return True


def keeps_and(rules: list[Rule], found: Found) -> bool:
    """Whether the record stays when all rules together match (Regex), or do not (Exclude)."""
    return all(found) != rules[0].excludes


def keeps_or(rules: list[Rule], found: Found) -> bool:
    """Whether the record stays when any rule matches (Regex), or none does (Exclude)."""
    return any(found) != rules[0].excludes


MODES: dict[str, Callable[[list[Rule], Found], bool]] = {
    "legacy": keeps_legacy,
    "and": keeps_and,
    "or": keeps_or,
}


class Grep(Filter):
    """The filter: rules and the way they are combined."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        mode = (options["logical_op"] or "legacy").lower()
        self._keeps = MODES.get(mode, keeps_legacy)
        self._rules = [_rule(key, text) for key, text in options.pairs if key in ("regex", "exclude")]
        if options.is_set("logical_op") and mode in MODES:
            context.log.info(f"{mode if mode == 'legacy' else mode.upper()} mode")
        if self._keeps is not keeps_legacy and len({rule.excludes for rule in self._rules}) > 1:
            raise PluginInitError("Both 'regex' and 'exclude' are set.")

    def filter_batch(self, _tag: str, batch: Batch) -> None:
        """Keep the records that stay; they are asked rule by rule, all at once."""
        if not self._rules or not batch.count:
            return
        columns = list(zip(*(rule.matches(batch) for rule in self._rules), strict=True))
        stays = {found: self._keeps(self._rules, found) for found in set(columns)}
        if not all(stays.values()):
            batch.keep([stays[found] for found in columns])


def _rule(key: str, text: str) -> Rule:
    field, _, pattern = text.partition(" ")  # more spaces belong to the expression, as in the reference
    if not pattern:
        raise PluginInitError("invalid regex, expected field and regular expression")
    field = field if field.startswith("$") else "$" + field
    try:
        return Rule(key == "exclude", key_path(field), compile_pattern(pattern))
    except AccessorError as exc:
        raise PluginInitError(*exc.lines, f"invalid record accessor? '{field}'") from exc
    except re.error as exc:
        raise PluginInitError(f"could not compile regex pattern '{pattern}'") from exc


PLUGIN = FilterPlugin(
    "grep",
    "Keep or drop records by regular expressions on their values.",
    Grep,
    (
        Option("regex", help="Keep records in which the content of KEY matches the regular expression.", multiple=True),
        Option("exclude", help="Drop records in which the content of KEY matches.", multiple=True),
        Option("logical_op", help="How rules combine: legacy, AND, OR.", default="legacy"),
    ),
)
