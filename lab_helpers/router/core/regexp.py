"""Regular expressions as Fluent Bit writes them (Onigmo, Ruby syntax), on top of `re`.

Ruby's `^` and `$` match at every line, `(?<name>…)` names a group, `/…/im` carries options.
Classes of characters: `char_classes.py`.
Not modelled: absent operators, `\\g<name>` calls, conditionals, `\\X`; they are refused as a pattern that does not
compile.
Without regard to case, one letter is not two (`STRASSE`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lab_helpers.router.core import char_classes
from lab_helpers.router.core.lazy_repeats import with_running_repeats

_OPTIONS = {"i": re.IGNORECASE, "m": re.DOTALL, "x": re.VERBOSE, "o": re.RegexFlag(0)}
_ESCAPES = {"\\z": "\\Z", "\\Z": "(?=\\n?\\Z)", "\\R": "(?:\\r\\n|[\\n-\\r\\x85\\u2028\\u2029])"}

_CLASS_OR_ANCHOR = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|[\^$]", re.S)
_GROUP = re.compile(r"\(\?P<(\w+)>")
_AGAIN = "\u01c2"
# between a name and a number: Python wants groups' names unique, a letter that nobody writes tells them apart
_NOT_BEHIND_LAST = r"(?!(?<=\n)\Z)"
# in Ruby no line begins or ends behind the text's last line break
_LOOKS_AROUND = re.compile(r"\(\?(?!P<|:)|[*+?}]\+|\\[AZzbBGK0-9]")
# what may find otherwise where other texts stand in front and behind; atomic groups may find less
_BEGINS_LINES = re.compile(r"\^(?![*+?{])[^|]*\Z")
_ESCAPE_OR_CLASS, _INNERMOST_GROUP = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.S), re.compile(r"\([^()]*\)")
_LITERAL = re.compile(r"[\w /:=@%,;<>!\"'&#-]+")
FEW = 8
# texts: fewer are searched one by one


Row = tuple[str, ...]
# of a match: its groups, '' for one that has no part in it


class Pattern:
    """A compiled expression: what `re.Pattern` offers of searching, with Ruby's meaning of `^` and `$`.

    A text of one line, which nearly all are, is searched with a form that knows only the text's own ends. `among`,
    where there is one, is a form for many texts at once, one a line: it finds in each line what is found in that text
    alone, and nothing goes over a line's end. `literal` is the text that the expression stands for, if it is one.
    """

    def __init__(self, lines: re.Pattern[str], one_line: re.Pattern[str], among: re.Pattern[str] | None = None) -> None:
        self._lines, self._one_line, self._among = lines, one_line, among
        self._begins_lines = among is not None and among.groups > 0 and _begins_lines(among.pattern)
        self.groupindex: Mapping[str, int] = lines.groupindex
        self.groups = lines.groups
        self.literal = among.pattern if among is not None and _is_literal(among) else None

    def search(self, text: str) -> re.Match[str] | None:
        """Return the first place that matches."""
        return (self._lines if "\n" in text else self._one_line).search(text)

    def search_all(self, texts: Sequence[str]) -> list[re.Match[str] | None]:
        """Return what `search` finds in each text."""
        joined = "\n".join(texts)
        if joined.count("\n") != len(texts) - 1:
            return list(map(self.search, texts))
        if self._among is not None and self._among.search(joined) is None:
            return [None] * len(texts)
        return list(map(self._one_line.search, texts))

    def rows(self, texts: Sequence[str]) -> list[Row | None]:
        """Return the row of what `search` finds in each text."""
        if len(texts) < FEW or not self._begins_lines:
            return [found and found.groups("") for found in map(self.search, texts)]
        found = self._rows_among(texts)
        if found is not None:
            return [*found]
        half = len(texts) // 2  # one that does not match takes a few neighbours along, and not all
        return self.rows(texts[:half]) + self.rows(texts[half:])

    def _rows_among(self, texts: Sequence[str]) -> list[Row] | None:
        """Return the rows by one call; None where not every text has one of its own within its line.

        No two are in one line, each begins with one.
        """
        assert self._among is not None
        joined = "\n".join(texts)
        if joined.count("\n") != len(texts) - 1:
            return None
        found = self._among.findall(joined)
        if len(found) != len(texts):
            return None
        return found if self.groups > 1 else [(text,) for text in found]

    def match(self, text: str) -> re.Match[str] | None:
        """Return the match at the text's beginning."""
        return (self._lines if "\n" in text else self._one_line).match(text)

    def sub(self, replacement: str, text: str) -> str:
        """Return the text with each place that matches replaced; `\\1` and the like are taken from the match."""
        return (self._lines if "\n" in text else self._one_line).sub(replacement, text)


def compile_pattern(pattern: str) -> Pattern:
    """Return the compiled pattern. Raises re.error where it does not compile."""
    body, flags = _split_options(pattern)
    translated = _translate(body)
    looks_around = _LOOKS_AROUND.search(translated) is not None
    if not flags:
        translated = with_running_repeats(translated)
    lines = re.compile(_CLASS_OR_ANCHOR.sub(_anchored_at_lines, translated), flags | re.MULTILINE)
    try:
        one_line = re.compile(_CLASS_OR_ANCHOR.sub(_anchored_at_ends, translated), flags)
    except re.error:  # a quantifier behind an anchor
        return Pattern(lines, lines)
    within = None if looks_around or flags & re.DOTALL else _within_lines(translated)
    return Pattern(lines, one_line, None if within is None else re.compile(within, flags | re.MULTILINE))


def group_name(name: str) -> str:
    """Return the name of a group as it is written, for a name of a compiled pattern."""
    return name.partition(_AGAIN)[0]


class _Names:
    """Numbers the groups that have a name that was there before."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def __call__(self, found: re.Match[str]) -> str:
        name = found.group(1)
        self._seen[name] = self._seen.get(name, 0) + 1
        return f"(?P<{name}>" if self._seen[name] == 1 else f"(?P<{name}{_AGAIN}{self._seen[name]}>"


def _split_options(pattern: str) -> tuple[str, re.RegexFlag]:
    found = re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.S)
    if not found or not set(found.group(2)) <= set(_OPTIONS):
        return pattern, re.RegexFlag(0)
    flags = re.RegexFlag(0)
    for letter in found.group(2):
        flags |= _OPTIONS[letter]
    return found.group(1), flags


def _translate(body: str) -> str:
    body = re.sub(r"(?<!\\)\(\?<(?![=!])", "(?P<", body)
    body = _GROUP.sub(_Names(), body)
    body = re.sub(r"\\k<(\w+)>", r"(?P=\1)", body)
    body = re.sub(r"\[:(\^?)(\w+):\]", _bracket, body)
    body = re.sub(r"\\([pP])\{(\^?)(\w+)\}", _property, body)
    return re.sub(r"\\.", _escape, body, flags=re.S)


def _within_lines(pattern: str) -> str | None:
    """Return the pattern with classes that take no line break; None where something else may take one."""
    if "\n" in pattern or "-]" in pattern:  # a `-` that ends a class would begin a range
        return None
    written = _ESCAPE_OR_CLASS.sub(lambda found: _without_line_break(found[0]), pattern)
    return None if any(re.fullmatch(one, "\n") for one in _ESCAPE_OR_CLASS.findall(written)) else written


def _without_line_break(escape_or_class: str) -> str:
    return escape_or_class[:-1] + r"\n]" if escape_or_class.startswith("[^") else escape_or_class


def _is_literal(among: re.Pattern[str]) -> bool:
    """Whether the expression stands for nothing but itself."""
    return among.flags & ~re.UNICODE == re.MULTILINE and _LITERAL.fullmatch(among.pattern) is not None


def _begins_lines(pattern: str) -> bool:
    """Whether each match begins where a line does: the pattern is `^` and what follows, and no alternatives."""
    plain, longer = _ESCAPE_OR_CLASS.sub("x", pattern), ""
    while plain != longer:
        plain, longer = _INNERMOST_GROUP.sub("x", plain), plain
    return _BEGINS_LINES.match(plain) is not None


def _anchored_at_lines(found: re.Match[str]) -> str:
    return found.group(0) + _NOT_BEHIND_LAST * (found.group(0) in "^$")


def _anchored_at_ends(found: re.Match[str]) -> str:
    return {"^": r"\A", "$": r"\Z"}.get(found.group(0), found.group(0))


def _bracket(found: re.Match[str]) -> str:
    return char_classes.of_bracket(found.group(2), negated=bool(found.group(1))) or found.group(0)


def _escape(found: re.Match[str]) -> str:
    """Return what stands for an escape: in Ruby `\\w` and the like are ASCII."""
    members = char_classes.ASCII.get(found.group(0)[1])
    if members is None or found.string.startswith("(?u)"):  # then they are Unicode's, as Python has them
        return _ESCAPES.get(found.group(0), found.group(0))
    if _is_in_class(found.string[: found.start()]):
        return members
    letter = found.group(0)[1]
    return f"[^{char_classes.ASCII[letter.lower()]}]" if letter.isupper() else f"[{members}]"


def _property(found: re.Match[str]) -> str:
    """Return the class for `\\p{Name}`; the property itself, which does not compile, where it is unknown."""
    negated = (found.group(1) == "P") ^ bool(found.group(2))
    members = char_classes.of_property(found.group(3), negated=negated)
    if members is None:
        return found.group(0)
    return members if _is_in_class(found.string[: found.start()]) else f"[{members}]"


def _is_in_class(before: str) -> bool:
    plain = re.sub(r"\\.", "", before, flags=re.S)
    return plain.rfind("[") > plain.rfind("]")
