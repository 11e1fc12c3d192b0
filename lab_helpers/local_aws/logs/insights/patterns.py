"""`pattern`: the shapes that recur in a field, with tokens where events differ.

Source: "pattern" of the CloudWatch Logs Insights language query syntax (@pattern, @ratio, @sampleCount, @severityLabel;
tokens are named by their kind and counted, <IPAddress-1>, or <Token-1> where no kind is known).
Not modelled: how AWS finds its patterns. Here times, addresses, identifiers and numbers are tokens, and events of as
many words, most of them the same, share a pattern. @relatedPattern, @visualization, @tokens and @logSamples.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

ALIKE = 0.6
"""Share of words that must be the same for two events to have one pattern."""
COLUMNS = ("@pattern", "@ratio", "@sampleCount", "@severityLabel")
_KINDS = (
    ("Time", r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"),
    ("Time", r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?: [+-]\d{4})?"),
    ("Time", r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d"),
    ("UUID", r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b"),
    ("IPAddress", r"\b\d{1,3}(?:\.\d{1,3}){3}\b"),
    ("ID", r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}\b"),
    ("Number", r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)"),
)
_TOKENS = re.compile("|".join(f"(?P<k{n}>{shape})" for n, (_, shape) in enumerate(_KINDS)))
_WORDS = re.compile(r"\s+|[^\s\[\](){}\"',;=:|]+|.", re.DOTALL)
_MARK = "\0"
_SEVERITIES = re.compile(r"\b(ERROR|FATAL|CRITICAL|WARN(?:ING)?|INFO|DEBUG|TRACE)\b", re.IGNORECASE)


@dataclass
class _Shape:
    """A pattern in the making: words, of which some are kinds of token."""

    words: list[str]
    count: int = 0
    severities: Counter[str] = field(default_factory=Counter)


def find(texts: Iterable[str]) -> list[dict[str, str | float | int]]:
    """Return the patterns of some texts, the most frequent first, by COLUMNS."""
    masked = Counter(_masked(text) for text in texts)
    shapes: dict[int, list[_Shape]] = {}
    for text, count in masked.most_common():
        words = _WORDS.findall(text)
        shape = _alike(shapes.setdefault(len(words), []), words)
        shape.count += count
        severity = _SEVERITIES.search(text)
        shape.severities[severity[0].upper() if severity else ""] += count
    total = sum(masked.values())
    found = sorted((shape for some in shapes.values() for shape in some), key=lambda shape: -shape.count)
    return [
        dict(zip(COLUMNS, (_told(s.words), s.count / total, s.count, s.severities.most_common(1)[0][0]), strict=True))
        for s in found
    ]  # fmt: skip


def _masked(text: str) -> str:
    return _TOKENS.sub(lambda found: f"{_MARK}{_KINDS[int(str(found.lastgroup)[1:])][0]}", text)


def _alike(shapes: list[_Shape], words: Sequence[str]) -> _Shape:
    """Return the shape that some words are of, widened to them; a new one where they are like none."""
    for shape in shapes:
        pairs = list(zip(shape.words, words, strict=True))
        real = [(own, other) for own, other in pairs if not own.isspace() and own.strip("[](){}\"',;=:|")]
        same = sum(own == other or own == f"{_MARK}Token" for own, other in real)
        if same >= ALIKE * len(real):
            shape.words = [own if own == other else f"{_MARK}Token" for own, other in pairs]
            return shape
    shapes.append(_Shape(list(words)))
    return shapes[-1]


def _told(words: Sequence[str]) -> str:
    seen: Counter[str] = Counter()
    told = []
    for word in words:
        before, mark, kind = word.partition(_MARK)
        if mark:
            seen[kind] += 1
            told.append(f"{before}<{kind}-{seen[kind]}>")
        else:
            told.append(word)
    return "".join(told)
