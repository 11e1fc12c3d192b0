"""Frames and facts as small tables: HTML for notebooks and reports, text for terminals, never more than ten rows."""

from __future__ import annotations

import html
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

    Columns without any value are left out; long cells are cut; times lose their zone, since all are UTC.
    """
    shown = frame.dropna(axis="columns", how="all") if len(frame) else frame
    head = shown.head(min(rows, MAX_ROWS))
    names = [str(name) for name in head.columns]
    cells = [[_cell(value) for value in row] for row in head.itertuples(index=False, name=None)]
    note = _note(len(frame), len(head))
    return Shown(_as_text(title, names, cells, note), _as_html(title, names, cells, note))


def facts(values: Mapping[str, Any], title: str = "") -> Shown:
    """A few named values, one a row; they are shown whole."""
    cells = [[say_word(str(name)), _cell(value, MAX_FACT)] for name, value in values.items()]
    return Shown(_as_text(title, [], cells, ""), _as_html(title, [], cells, ""))


def text(content: str) -> Shown:
    """A text as it is, such as a configuration file, without account numbers, keys and e-mail addresses."""
    shown = redact(content.strip("\n"))
    return Shown(shown, f"<pre style='text-align:left;font-family:monospace'>{html.escape(shown)}</pre>")


def text_width(text: str) -> int:
    """Return the columns that a text takes in a terminal: two for each wide character, such as a Japanese one."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _note(rows: int, shown: int) -> str:
    if not rows:
        return say("no rows")
    return say("… and {count:,} more rows", count=rows - shown) if rows > shown else ""


def _cell(value: Any, limit: int = MAX_CELL) -> str:
    if isinstance(value, pd.Timestamp):
        return _moment(value)
    if not isinstance(value, list | dict | tuple) and pd.isna(value):
        return ""
    text = f"{value:,.3g}" if isinstance(value, float) and abs(value) < 1000 else str(value)
    text = f"{value:,.0f}" if isinstance(value, float) and abs(value) >= 1000 else text
    text = redact(say_word(text))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _moment(value: pd.Timestamp) -> str:
    text = value.tz_localize(None).isoformat(sep=" ", timespec="milliseconds" if value.microsecond else "seconds")
    return str(text)


def _as_text(title: str, names: list[str], cells: list[list[str]], note: str) -> str:
    rows = [names, *cells] if names else cells
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if names:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line for line in (title, *lines, note) if line)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - text_width(text))


def _as_html(title: str, names: list[str], cells: list[list[str]], note: str) -> str:
    caption = (
        f"<caption style='text-align:left;caption-side:top'><b>{html.escape(title)}</b></caption>" if title else ""
    )
    head = f"<thead><tr>{_row(names, 'th')}</tr></thead>" if names else ""
    body = "".join(f"<tr>{_row(row, 'td')}</tr>" for row in cells)
    foot = f"<div><i>{html.escape(note)}</i></div>" if note else ""
    return f"<table style='color:inherit'>{caption}{head}<tbody>{body}</tbody></table>{foot}"


def _row(cells: list[str], tag: str) -> str:
    return "".join(f"<{tag} style='text-align:left'>{html.escape(cell)}</{tag}>" for cell in cells)
