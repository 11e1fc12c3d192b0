"""Give records another tag, and send them through all filters again.

Source: Fluent Bit 5.1.1: the first rule whose expression finds something in its key's string decides; the new record
enters as from an input of its own (engine/emitters.py), the old one stays where the rule says keep, and where the
emitter does not take the new one: it is full, or the record is one of its own.
Not modelled: emitter_storage.type. Where several filters rewrite each other's records endlessly, this one stops after
MAX_ROUNDS with an error and lets the record go on as it is; the real one does not stop.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.matching import matcher
from lab_helpers.router.core.options import TRUE_WORDS, Kind, Option, Options
from lab_helpers.router.core.regexp import Pattern, compile_pattern
from lab_helpers.router.plugin import Filter, FilterContext, FilterPlugin, PluginInitError
from lab_helpers.router.records.accessor import AccessorError, Path
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.tag_template import Facts, TagTemplate, key_path, match_groups, parse_tag_template

MAX_ROUNDS = 10


@dataclass(frozen=True)
class Rule:
    """One `Rule KEY REGEX NEW_TAG KEEP`."""

    path: Path
    pattern: Pattern
    tag: TagTemplate
    keeps: bool

    def found(self, batch: Batch) -> list[tuple[int, re.Match[str]]]:
        """Return the place of each record that the rule matches, and the match."""
        texts = batch.texts(self.path)
        places = [at for at, text in enumerate(texts) if text is not None] if None in texts else range(len(texts))
        matches = self.pattern.search_all([text for text in texts if text is not None])
        return [(at, match) for at, match in zip(places, matches, strict=True) if match is not None]

    def new_tag(self, tag: str, batch: Batch, at: int, match: re.Match[str], log: ComponentLog) -> str:
        """Return the tag that the record at this place gets."""
        return self.tag.fill(Facts(tag, batch.copy_of(at).body, log, match_groups(match)))


class RewriteTag(Filter):
    """The filter: rules, and how often each tag has come round."""

    def __init__(self, options: Options, context: FilterContext) -> None:
        self._context, self._core_log = context, ComponentLog(context.service.sink)
        match = context.properties.get("match")
        self._comes_back = matcher(match, context.properties.get("match_regex"))
        if match and set(match) == {"*"}:
            context.log.warn("'Match' may cause infinite loop.")
        if options["emitter_storage.type"].lower() not in ("memory", "filesystem"):
            raise PluginInitError(
                "invalid 'emitter_storage.type' value. Only 'memory' or 'filesystem' types are allowed"
            )
        self._rules = [_rule(*words[:4]) for words in options["rule"]]
        if not self._rules:
            context.log.warn("no rules have defined")
        self._rounds: dict[str, int] = {}

    def filter_batch(self, tag: str, batch: Batch) -> None:
        """Emit the records that a rule takes; those that stay are left."""
        decided = {
            at: (number, match)
            for number, rule in reversed([*enumerate(self._rules)])
            for at, match in rule.found(batch)
        }
        tags = [rule.tag.of_tag(tag, self._core_log) for rule in self._rules]
        emitted: dict[str, list[int]] = {}  # places of records by their new tags
        for at in sorted(decided):
            number, match = decided[at]
            new_tag = tags[number] or self._rules[number].new_tag(tag, batch, at, match, self._core_log)
            emitted.setdefault(new_tag, []).append(at)
        stays = [True] * batch.count
        for new_tag, places in emitted.items():
            if not self._may_emit(tag, new_tag):
                continue
            for at in places:
                stays[at] = self._rules[decided[at][0]].keeps
            for place in self._context.emit(new_tag, batch.picked(places)):
                stays[places[place]] = True
        batch.keep(stays)

    def _may_emit(self, tag: str, new_tag: str) -> bool:
        if not self._comes_back(new_tag):
            return True
        rounds = self._rounds.get(tag, 0) + 1
        if rounds > MAX_ROUNDS:
            self._context.log.error(
                f"tag '{tag}' is rewritten to '{new_tag}', which 'Match' takes again, endlessly (the real Fluent Bit "
                "does not stop): its records go on as they are; give the new tag a form that 'Match' does not take"
            )
            return False
        self._rounds[new_tag] = max(rounds, self._rounds.get(new_tag, 0))
        return True


def _rule(key: str, regex: str, tag: str, keep: str) -> Rule:
    try:
        path = key_path(key)
    except AccessorError as exc:
        raise PluginInitError(*exc.lines, f"invalid record accessor key ? '{key}'") from exc
    try:
        pattern = compile_pattern(regex)
    except re.error as exc:
        raise PluginInitError(f"could not compile regex pattern '{regex}'") from exc
    try:
        template = parse_tag_template(tag)
    except AccessorError as exc:
        raise PluginInitError(*exc.lines, f"could not compose tag: {tag}") from exc
    return Rule(path, pattern, template, keep.lower() in TRUE_WORDS)


PLUGIN = FilterPlugin(
    "rewrite_tag",
    "Give records another tag, and send them through all filters again.",
    RewriteTag,
    (
        Option("rule", Kind.WORDS, "KEY REGEX NEW_TAG KEEP: one rule.", multiple=True, at_least=4),
        Option("emitter_name", help="Name of the emitter in metrics and in the log."),
        Option("emitter_storage.type", help="memory or filesystem (accepted).", default="memory"),
        Option("emitter_mem_buf_limit", Kind.SIZE, "Most that the emitter holds; else records keep their tag.", "10M"),
    ),
    config_error="",
)
