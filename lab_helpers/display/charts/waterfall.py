"""The time of one request between its stops, on a logarithmic axis: milliseconds and minutes in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.ticker import FuncFormatter

from lab_helpers.base.messages import say
from lab_helpers.display.charts.canvas import DARK, FEWEST_DOTS, LIGHT, Chart, canvas, listed, not_drawn
from lab_helpers.display.charts.fonts import in_readable_language

FIRST_S = 0.001
"""Where the axis begins: what comes sooner stands on it."""


@dataclass(frozen=True)
class Bar:
    """A stop: from `begin_s` to `end_s` seconds after the request (None: one moment)."""

    name: str
    begin_s: float
    end_s: float | None = None


@in_readable_language
def waterfall(request_id: str, bars: Sequence[Bar]) -> Chart:
    """Draw when a request was at each stop."""
    title = _title(request_id, bars)
    text = listed({bar.name: _span(bar) for bar in bars})
    if len(bars) < FEWEST_DOTS:
        return not_drawn(title, text)
    with canvas(title, height=0.8 + 0.35 * len(bars)) as (axes, image):
        for row, bar in enumerate(bars):
            begin, end = max(bar.begin_s, FIRST_S), max(bar.end_s or 0, bar.begin_s, FIRST_S)
            axes.plot([FIRST_S, begin], [row, row], color=LIGHT, linewidth=1.5)
            axes.barh(row, max(end - begin, begin * 0.08), left=begin, height=0.55, color=DARK)
            axes.annotate(_span(bar), (end * 1.15, row), va="center")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        axes.set_xlim(FIRST_S, max(max(bar.end_s or 0, bar.begin_s) for bar in bars) * 12 + FIRST_S * 10)
        axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
        axes.invert_yaxis()
        axes.set_xlabel(say("seconds after the request was sent (each step is ten times as long)"))
        axes.grid(axis="y", visible=False)
    return Chart(title, text, image.getvalue())


def _span(bar: Bar) -> str:
    until = f"–{bar.end_s:,.3f}" if bar.end_s is not None and bar.end_s > bar.begin_s else ""
    return f"{bar.begin_s:,.3f}{until} s"


def _title(request_id: str, bars: Sequence[Bar]) -> str:
    if not bars:
        return say("No stop of {id} has a time yet", id=request_id)
    last = max(bars, key=lambda bar: bar.begin_s)
    return say("{id}: in {name} after {seconds:,.3g} s", id=request_id, name=last.name, seconds=last.begin_s)
