"""Where am I: the course's notebooks in a row, and how this one stands; HTML for notebooks, a table for terminals."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from lab_helpers.base.messages import say
from lab_helpers.display.progress import in_live_notebook
from lab_helpers.display.tables import Shown, text_width

HERE = "▶"
MARKS = {"done": "✔", "begun": "◐", "open": "○"}
_EDGE = {"done": "#2e8b57", "begun": "#b7791f", "open": "#8a8f98"}
_CHIP = "display:inline-block;margin:1px 2px;padding:0 6px;border-radius:4px;white-space:nowrap"


@dataclass(frozen=True)
class Entry:
    """One notebook in the strip. `state` is done, begun or open; `link` leads there from the present notebook."""

    part: str
    number: str
    title: str
    link: str
    state: str
    is_here: bool
    facts: tuple[str, ...]
    """Steps, guesses, minutes, as they are said."""
    is_held: bool = False
    """Whether the trainer of a class holds it back for now: it is named, and not linked."""


class Slot:
    """A place in a cell's output whose content can be replaced, by later cells too."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._handle: Any = display(shown, display_id=True)

    def put(self, shown: Shown) -> None:
        """Show something else; nothing is sent where it is the same."""
        if shown != self._shown and self._handle is not None:
            self._shown = shown
            self._handle.update(shown)


def strip(entries: Sequence[Entry], notes: Sequence[tuple[str, str]] = ()) -> Shown:
    """The strip; `notes` are sentences below it, each with a link or none."""
    told = [note for note, _ in notes]
    return Shown("\n".join([*_rows(entries), *told]), _page(entries, notes))


def _rows(entries: Sequence[Entry]) -> list[str]:
    heads = [f"{HERE if each.is_here else MARKS[each.state]} {_name(each)}" for each in entries]
    cells = [[head, each.title, *each.facts] for head, each in zip(heads, entries, strict=True)]
    widths = [max(map(text_width, column)) for column in zip(*cells, strict=True)]  # none without entries
    padded = (
        [cell + " " * (width - text_width(cell)) for cell, width in zip(row, widths, strict=True)] for row in cells
    )
    return ["  ".join(row).rstrip() for row in padded]


def _name(entry: Entry) -> str:
    return f"{say(entry.part)} {entry.number}".strip()


def _page(entries: Sequence[Entry], notes: Sequence[tuple[str, str]]) -> str:
    parts = dict.fromkeys(each.part for each in entries)
    rows = "".join(_row(part, [each for each in entries if each.part == part]) for part in parts)
    here = "".join(_here(each) for each in entries if each.is_here)
    below = "".join(f"<div>{_linked(note, link)}</div>" for note, link in notes)
    return f"<div style='text-align:left;font-size:13px;line-height:1.7'><div>{rows}</div>{here}{below}</div>"


def _here(entry: Entry) -> str:
    name, facts = f"{_name(entry)} · {entry.title}", " · ".join(filter(None, entry.facts))
    return f"<div><b>{html.escape(name)}</b>: {html.escape(facts)}</div>"


def _row(part: str, entries: Sequence[Entry]) -> str:
    name = f"<span style='margin:0 2px 0 8px'>{html.escape(say(part))}</span>" if part else ""
    return f"<span>{name}{''.join(map(_chip, entries))}</span> "


def _chip(entry: Entry) -> str:
    mark, width = (HERE, 2) if entry.is_here else (MARKS[entry.state], 1)
    label = f"{mark} {entry.number}"
    state = say("not released yet") if entry.is_held else say(entry.state)
    title = html.escape(f"{entry.title} ({state}): {', '.join(filter(None, entry.facts))}", quote=True)
    weight, line = "bold" if entry.is_here else "normal", "dashed" if entry.is_held else "solid"
    style = f"{_CHIP};border:{width}px {line} {_EDGE[entry.state]};font-weight:{weight}"
    inner = html.escape(label) if entry.is_here or entry.is_held else _linked(label, entry.link)
    return f"<span style='{style}' title='{title}'>{inner}</span>"


def _linked(text: str, link: str) -> str:
    told = html.escape(text)
    return f"<a href='{html.escape(link, quote=True)}'>{told}</a>" if link else told


_after: list[Callable[[], None]] = []
"""What is called after each cell of this kernel: one callback, that of the newest session."""
_cells: list[str] = []
"""The id of the newest cell that a person ran."""


def after_each_cell(call: Callable[[], None]) -> None:
    """Call `call` after each cell that a person runs, in place of what was named before; not in headless runs."""
    shell = get_ipython()
    if shell is None:
        return
    if not _after:
        shell.events.register("post_run_cell", _ran)
    _after[:] = [call]


def newest_cell() -> str:
    """Return the id of the cell that a person ran last in this kernel, as the notebook's file has it; else empty."""
    return _cells[-1] if _cells else ""


def _ran(result: Any) -> None:
    if in_live_notebook():
        _cells[:] = [str(getattr(getattr(result, "info", None), "cell_id", None) or "")]
        look_again()


def look_again() -> None:
    """Do what is done after each cell: a button was pressed."""
    for each in _after:
        each()
