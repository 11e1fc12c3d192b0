"""The text of an Insights query, read from left to right; and the error about what cannot be read.

Source: "CloudWatch Logs Insights language query syntax" of the CloudWatch Logs User Guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab_helpers.local_aws.kit.api import AwsError

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<quoted>`[^`]*`)
    | (?P<duration>\d+(?:ms|s|sec|m|min|h|hr|d|w|mo|q|y)\b)
    | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<name>@?[A-Za-z_][\w@]*(?:\.[\w@]+|\[\d+\])*)
    | (?P<operator>=~|!=|<=|>=|[=<>()\[\],|+\-*/%^])""",
    re.VERBOSE,
)
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/")


@dataclass(frozen=True)
class Token:
    """One piece of the query; `text` of a name or string is without its quotes."""

    kind: str
    text: str
    position: int


def malformed(problem: str, position: int = 0) -> AwsError:
    """Make the error for a query that cannot be understood; `position` counts characters from 0."""
    location = {"startCharOffset": position, "endCharOffset": position + 1}
    return AwsError(
        "MalformedQueryException",
        f"{problem} at line 1 and position {position + 1}",
        extra={"queryCompileError": {"location": location, "message": problem}},
    )


class Reader:
    """Reads a query from left to right. Regular expressions are only where a command or `like` allows them."""

    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0

    @property
    def position(self) -> int:
        """Where the next token begins."""
        return self.peek().position

    @property
    def is_at_end(self) -> bool:
        return self.peek().kind == "end"

    def peek(self) -> Token:
        """Return the next token without taking it."""
        position = self._position
        while position < len(self._text):
            found = _TOKEN.match(self._text, position)
            if found is None:
                raise malformed(f"unexpected symbol found {self._text[position]}", position)
            kind = str(found.lastgroup)
            if kind != "space":
                return Token(kind, _plain(kind, found[0]), position)
            position = found.end()
        return Token("end", "end of query", len(self._text))

    def take(self) -> Token:
        """Take the next token."""
        token = self.peek()
        found = _TOKEN.match(self._text, token.position)
        self._position = found.end() if found else len(self._text)
        return token

    def takes(self, *texts: str) -> str:
        """Take the next token if it is one of these words or operators, and return it; the empty text if not."""
        token = self.peek()
        if token.kind in {"name", "operator"} and token.text.lower() in texts:
            return self.take().text.lower()
        return ""

    def expect(self, text: str) -> None:
        """Take this word or operator; raises AwsError MalformedQueryException when something else is there."""
        if not self.takes(text):
            raise self.unexpected()

    def unexpected(self) -> AwsError:
        """Make the error about the next token."""
        token = self.peek()
        return malformed(f"unexpected symbol found {token.text}", token.position)

    def since(self, position: int) -> str:
        """Return the query's text from a position to here."""
        return self._text[position : self._position].strip()

    def regex(self) -> re.Pattern[str] | None:
        """Take a regular expression between slashes; None when there is none here."""
        position = self.peek().position
        found = _REGEX.match(self._text, position)
        if found is None:
            return None
        self._position = found.end()
        try:
            return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", found[1]).replace(r"\/", "/"))
        except re.error as exc:
            raise malformed(f"invalid regular expression {found[0]}: {exc}", position) from exc


def _plain(kind: str, text: str) -> str:
    if kind == "string":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text[1:-1] if kind == "quoted" else text
