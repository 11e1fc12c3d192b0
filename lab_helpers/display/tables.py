"""Frames and facts as small tables: HTML for notebooks and reports, text for terminals, never more than ten rows."""

from __future__ import annotations

import html
import numbers
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say, say_word
from lab_helpers.base.redact import redact

MAX_ROWS = 10
MAX_CELL = 90
"""Characters of a cell that are shown."""
PLAIN = frozenset({"port", "revision", "pid", "status", "exit code", "exit_code"})
"""Columns whose numbers are names: no separators in them."""
MAX_FACT = 400
"""Characters of a fact that are shown."""


@dataclass(frozen=True)
class Shown:
    """Something to look at: Jupyter takes the HTML, everything else the text."""

    text: str
    html: str

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}

    def __str__(self) -> str:
        return self.text


def table(frame: pd.DataFrame, title: str = "", rows: int = MAX_ROWS) -> Shown:
    """The first `rows` (at most ten) rows of a frame without its index, and how many more there are.

    Columns without any value are left out, and named below; long cells are cut, and whole when the mouse rests on
    them; numbers stand right, with separators; times lose their zone, since all are UTC.
    """
    shown = frame.dropna(axis="columns", how="all") if len(frame) else frame
    head = shown.head(min(rows, MAX_ROWS))
    named = [str(name) for name in head.columns]
    values = list(head.itertuples(index=False, name=None))
    wide = [[_cell(value, None, name in PLAIN) for name, value in zip(named, row, strict=True)] for row in values]
    right = [_is_numeric(column) for column in zip(*values, strict=True)] if values else [False] * len(named)
    empty = [str(name) for name in frame.columns if str(name) not in named]
    names = [say_word(name) for name in named]
    note = _note(len(frame), len(head), empty)
    return Shown(_as_text(title, names, wide, note, right), _as_html(title, names, wide, note, right))


def facts(values: Mapping[str, Any], title: str = "") -> Shown:
    """A few named values, one a row; they are shown whole."""
    cells = [[say_word(str(name)), _cut(_cell(value, None), MAX_FACT)] for name, value in values.items()]
    return Shown(_as_text(title, [], cells, "", limit=MAX_FACT), _as_html(title, [], cells, "", limit=MAX_FACT))


def text(content: str) -> Shown:
    """A text as it is, such as a configuration file, without account numbers, keys and e-mail addresses."""
    shown = redact(content.strip("\n"))
    return Shown(shown, f"<pre style='text-align:left;font-family:monospace'>{html.escape(shown)}</pre>")


def text_width(text: str) -> int:
    """Return the columns that a text takes in a terminal: two for each wide character, such as a Japanese one."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _note(rows: int, shown: int, empty: list[str]) -> str:
    if not rows:
        return say("no rows")
    more = say("… and {count:,} more rows", count=rows - shown) if rows - shown > 1 else ""
    more = say("… and one more row") if rows - shown == 1 else more
    none = say("without any value: {names}", names=", ".join(map(say_word, empty))) if empty else ""
    return "; ".join(filter(None, [more, none]))


def _cell(value: Any, limit: int | None = MAX_CELL, is_plain: bool = False) -> str:
    if isinstance(value, pd.Timestamp):
        return _moment(value)
    if not isinstance(value, list | dict | tuple) and pd.isna(value):
        return ""
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's too
        return "✔" if value else "✘"
    if isinstance(value, numbers.Integral):
        return str(value) if is_plain else f"{value:,}"
    text = f"{value:,.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
    text = f"{value:,.0f}" if isinstance(value, float) and abs(value) >= 1000 else text
    return _cut(redact(say_word(text)), limit)


def _cut(text: str, limit: int | None) -> str:
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def _is_numeric(column: tuple[Any, ...]) -> bool:
    """Whether there is nothing but numbers (and gaps) in a column."""
    found = [value for value in column if isinstance(value, list | dict | tuple) or not pd.isna(value)]
    kinds = {isinstance(value, numbers.Real) and type(value).__name__ != "bool" for value in found}
    return kinds == {True}


def _moment(value: pd.Timestamp) -> str:
    text = value.tz_localize(None).isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    return str(text)


def _as_text(
    title: str,
    names: list[str],
    cells: list[list[str]],
    note: str,
    right: list[bool] | None = None,
    limit: int = MAX_CELL,
) -> str:
    cells = [[_cut(cell, limit) for cell in row] for row in cells]
    rows = [names, *cells] if names else cells
    sides = right or [False] * len(rows[0] if rows else [])
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(_padded(cell, width, side) for cell, width, side in zip(row, widths, sides, strict=True)).rstrip()
        for row in rows
    ]
    if names:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line for line in (title, *lines, note) if line)


def _padded(text: str, width: int, to_the_right: bool) -> str:
    blanks = " " * (width - text_width(text))
    return blanks + text if to_the_right else text + blanks


def _as_html(
    title: str,
    names: list[str],
    cells: list[list[str]],
    note: str,
    right: list[bool] | None = None,
    limit: int = MAX_CELL,
) -> str:
    named = f" aria-label='{html.escape(title, quote=True)}'" if title else ""
    # no <caption>: it is as narrow as its table, and a question is longer than its answers
    above = f"<div style='text-align:left'><b>{html.escape(title)}</b></div>" if title else ""
    sides = right or [False] * len(cells[0] if cells else names)
    heads = "".join(
        f"<th scope='col' style='{_side(side)}'>{html.escape(name)}</th>"
        for name, side in zip(names, sides, strict=False)
    )
    head = f"<thead><tr>{heads}</tr></thead>" if names else ""
    body = "".join(f"<tr>{_row(row, sides, limit, has_names=bool(names))}</tr>" for row in cells)
    foot = f"<div><i>{html.escape(note)}</i></div>" if note else ""
    return f"{above}<table{named} style='color:inherit'>{head}<tbody>{body}</tbody></table>{foot}"


def _row(cells: list[str], sides: list[bool], limit: int, *, has_names: bool) -> str:
    """A row; without heads above, its first cell is its head."""
    found = []
    for place, (cell, side) in enumerate(zip(cells, sides, strict=True)):
        tag, scope = ("th", " scope='row'") if not has_names and place == 0 else ("td", "")
        whole = f" title='{html.escape(cell, quote=True)}'" if len(cell) > limit else ""
        found.append(f"<{tag}{scope} style='{_side(side)}'{whole}>{html.escape(_cut(cell, limit))}</{tag}>")
    return "".join(found)


def _side(is_right: bool) -> str:
    return f"text-align:{'right' if is_right else 'left'}"
