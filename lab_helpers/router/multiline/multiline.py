"""Multiline parsers: what belongs together, built in (docker, cri, java, go, ruby, python) and of [MULTILINE_PARSER].

Source: Fluent Bit 4.2.8, src/multiline: the states and expressions of the built-in parsers are its own.
Not modelled: a rule's end pattern (no configuration can set it).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from lab_helpers.router.core.log import Log
from lab_helpers.router.core.options import TRUE_WORDS, split_words
from lab_helpers.router.core.regexp import Pattern, compile_pattern
from lab_helpers.router.core.service import Section, Service
from lab_helpers.router.parsing.parser import Parser, ParserError, build_parser

START = "start_state"


class MultilineType(enum.Enum):
    """How a parser knows: by rules, by the end of the text, or by a text that is equal."""

    REGEX = "regex"
    ENDS_WITH = "endswith"
    EQUAL = "equal"


class MultilineError(ValueError):
    """A multiline parser cannot be built; `lines` are Fluent Bit's error lines."""

    def __init__(self, *lines: str) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


@dataclass(frozen=True)
class Rule:
    """From any of these states, a text that matches leads to the next state."""

    states: tuple[str, ...]
    pattern: Pattern
    next_state: str | None

    @property
    def starts(self) -> bool:
        """Whether the rule begins a message."""
        return START in self.states


@dataclass(frozen=True)
class MultilineParser:
    """One multiline parser. `parser` reads the text first (docker's JSON, CRI's prefix); keys may be None."""

    name: str
    type: MultilineType
    rules: tuple[Rule, ...] = ()
    match_string: str = ""
    negate: bool = False
    key_content: str | None = None
    key_pattern: str | None = None
    key_group: str | None = None
    parser: Parser | None = None

    def following(self, rule: Rule) -> list[Rule]:
        """Return the rules that the rule's next state leads to."""
        return [other for other in self.rules if rule.next_state in other.states]

    @cached_property
    def starting(self) -> list[Rule]:
        """The rules that begin a message."""
        return [rule for rule in self.rules if rule.starts]

    def completes(self, text: str) -> bool:
        """Whether this text ends a message, for the types that look at one text."""
        matched = (
            text.endswith(self.match_string) if self.type is MultilineType.ENDS_WITH else text == self.match_string
        )
        return matched != self.negate


def find_parser(name: str, service: Service, log: Log) -> MultilineParser:
    """Return the parser of this name, letter case ignored; built-in ones come first. Raises MultilineError."""
    wanted = name.lower()
    if wanted in _BUILT_IN:
        return _BUILT_IN[wanted](log)
    for own_name, section in service.multiline_parsers.items():
        if own_name.lower() == wanted:
            return build_multiline(section, service, log)
    raise MultilineError(f"[multiline] parser '{name}' not registered")


def build_multiline(section: Section, service: Service | None, log: Log, path: str = "") -> MultilineParser:
    """Return the parser of a [MULTILINE_PARSER] section of the file `path`. Raises MultilineError where refused.

    Without a service its `parser` is left out: while files are read, a later one may still define it.
    """
    name, kind = section.get("name"), section.get("type").lower()
    if not kind:
        raise MultilineError(f"[multiline_parser] no 'type' defined in file '{path}'")
    try:
        type_ = MultilineType("equal" if kind == "eq" else kind)
    except ValueError as exc:
        raise MultilineError(f"[multiline_parser] invalid type '{section.get('type')}'") from exc
    parser_name = section.get("parser")
    return MultilineParser(
        name=name,
        type=type_,
        rules=_rules(name, _rule_lines(section)) if type_ is MultilineType.REGEX else (),
        match_string=section.get("match_string"),
        negate=section.get("negate").lower() in TRUE_WORDS,
        key_content=section.get("key_content") or None,
        key_pattern=section.get("key_pattern") or None,
        key_group=section.get("key_group") or None,
        parser=_text_parser(name, parser_name, service, log) if parser_name and service else None,
    )


def _rule_lines(section: Section) -> list[Sequence[str]]:
    lines: list[Sequence[str]] = []
    for key, value in section.pairs:
        if key.lower() == "rules" and isinstance(value, list):  # YAML: a list of maps
            lines += [[str(one.get(part, "")) for part in ("state", "regex", "next_state")] for one in value]
        elif key.lower() == "rule":
            lines.append(split_words(str(value), 3))
    return lines


def _rules(name: str, lines: Sequence[Sequence[str]]) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    for line in lines:
        if len(line) < 2:
            missing = "regex_pattern" if line else "from_state"
            raise MultilineError(f"[multiline parser: {name}] '{missing}' is mandatory")
        rules.append(_rule(name, line, is_first=not rules))
    states = {state for rule in rules for state in rule.states}
    for rule in rules:
        if rule.next_state is not None and rule.next_state not in states:
            raise MultilineError(
                f"[multiline parser: {name}] to_state='{rule.next_state}' is not registered",
                f"[multiline parser: {name}] invalid mapping rules, check the states",
            )
    return tuple(rules)


def _rule(name: str, line: Sequence[str], *, is_first: bool) -> Rule:
    failed = f"[multiline parser: {name}] error creating rule"
    states = tuple(state.strip() for state in line[0].split(",") if state.strip())
    if not states:
        raise MultilineError("[multiline] rule is empty or has invalid 'from_states' tokens", failed)
    if is_first and START not in states:
        raise MultilineError("[multiline] rule don't contain a 'start_state'", failed)
    try:
        return Rule(states, compile_pattern(line[1]), line[2] if len(line) > 2 and line[2] else None)
    except re.error as exc:
        raise MultilineError(failed) from exc


def _text_parser(name: str, parser_name: str, service: Service, log: Log) -> Parser | None:
    if parser_name not in service.parsers:
        log.info(f"[multiline] parser '{name}' points to an undefined parser '{parser_name}': the text stays as it is")
        return None
    try:
        return build_parser(service.parsers[parser_name], log)
    except ParserError as exc:
        raise MultilineError(*exc.lines) from exc


_TABLES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "java": (
        (
            "start_state, java_start_exception",
            r"/(.)(?:Exception|Error|Throwable|V8 errors stack trace)[:\r\n]/",
            "java_after_exception",
        ),
        ("java_after_exception", r"/^[\t ]*nested exception is:[\t ]*/", "java_start_exception"),
        ("java_after_exception", r"/^[\r\n]*$/", "java_after_exception"),
        ("java_after_exception, java", r"/^[\t ]+(?:eval )?at /", "java"),
        ("java_after_exception, java", r"/^[\t ]+--- End of inner exception stack trace ---$/", "java"),
        (
            "java_after_exception, java",
            r"/^--- End of stack trace from previous location where exception was thrown ---$/",
            "java",
        ),
        ("java_after_exception, java", r"/^[\t ]*(?:Caused by|Suppressed):/", "java_after_exception"),
        ("java_after_exception, java", r"/^[\t ]*... \d+ (?:more|common frames omitted)/", "java"),
    ),
    "go": (
        ("start_state", r"/\bpanic: /", "go_after_panic"),
        ("start_state", r"/http: panic serving/", "go_goroutine"),
        ("go_after_panic", r"/^$/", "go_goroutine"),
        ("go_after_panic, go_after_signal, go_frame_1", r"/^$/", "go_goroutine"),
        ("go_after_panic", r"/^\[signal /", "go_after_signal"),
        ("go_goroutine", r"/^goroutine \d+ \[[^\]]+\]:$/", "go_frame_1"),
        ("go_frame_1", r"/^(?:[^\s.:]+\.)*[^\s.():]+\(|^created by /", "go_frame_2"),
        ("go_frame_2", r"/^\s/", "go_frame_1"),
    ),
    "ruby": (
        ("start_state, ruby_start_exception", r"/^.+:\d+:in\s+.*/", "ruby_after_exception"),
        ("ruby_after_exception, ruby", r"/^\s+from\s+.*:\d+:in\s+.*/", "ruby"),
    ),
    "python": (
        ("start_state", r"/^Traceback \(most recent call last\):$/", "python"),
        ("python", r"/^[\t ]+File /", "python_code"),
        ("python_code", r"/[^\t ]/", "python"),
        ("python", r"/^(?:[^\s.():]+\.)*[^\s.():]+:/", "start_state"),
    ),
}


def _docker(log: Log) -> MultilineParser:
    pairs = [("format", "json"), ("time_format", "%Y-%m-%dT%H:%M:%S.%L"), ("time_key", "time")]
    parser = _own_parser("_ml_json_docker", pairs, log)
    return MultilineParser(
        "docker", MultilineType.ENDS_WITH, match_string="\n", key_content="log", key_group="stream", parser=parser
    )


def _cri(log: Log) -> MultilineParser:
    pairs = [
        ("format", "regex"),
        ("regex", r"^(?<time>.+?) (?<stream>stdout|stderr) (?<_p>F|P) (?<log>.*)$"),
        ("skip_empty_values", "off"),
        ("time_format", "%Y-%m-%dT%H:%M:%S.%L%z"),
    ]
    parser = _own_parser("_ml_cri", pairs, log)
    return MultilineParser(
        "cri", MultilineType.EQUAL, match_string="F", key_content="log", key_group="stream", key_pattern="_p",
        parser=parser,
    )  # fmt: skip


def _own_parser(name: str, pairs: list[tuple[str, str]], log: Log) -> Parser:
    return build_parser(Section("parser", [("name", name), ("time_keep", "on"), ("time_strict", "off"), *pairs]), log)


def _by_rules(name: str) -> Callable[[Log], MultilineParser]:
    return lambda _log: MultilineParser(name, MultilineType.REGEX, _rules(name, _TABLES[name]))


_BUILT_IN: dict[str, Callable[[Log], MultilineParser]] = {
    "docker": _docker,
    "cri": _cri,
    **{name: _by_rules(name) for name in _TABLES},
}
