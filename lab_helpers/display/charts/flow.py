"""Lines over time: sent, in CloudWatch, in S3, and what Firehose holds, with what was broken and healed marked."""

from __future__ import annotations

import pandas as pd
from matplotlib.patheffects import withStroke

from lab_helpers.base.messages import say
from lab_helpers.display.charts.canvas import (
    DARK,
    DARK_SHADES,
    FEWEST_DOTS,
    GROUND,
    INK,
    LIGHT,
    THOUSANDS,
    Chart,
    canvas,
    legend,
    listed,
    not_drawn,
)
from lab_helpers.display.charts.fonts import in_readable_language

_LINES = (
    ("firehose", "taken by Firehose", LIGHT, "-"),
    ("s3", "delivered to S3", DARK, "--"),
)
_EDGE = [withStroke(linewidth=4, foreground=GROUND)]
"""A dark line is seen on the dark surface of what is held, too."""
_MOST_ROWS = 3
_ROW_OF_MARKS = 0.13
"""How much higher than its lines a chart is for each row of marks."""
_LATE = 0.75
"""Share of the time after which a mark's text stands left of it: on its right it would leave the chart."""


@in_readable_language
def flow(series: pd.DataFrame, marks: pd.DataFrame | None = None) -> Chart:
    """Draw a recording (`flow.Recording.series` and `.marks`): lines in, delivered and held, in seconds."""
    if len(series) < FEWEST_DOTS:
        return not_drawn(say("Too short to draw: {count} looks at the pipeline", count=len(series)), "")
    begin, last = series["at"].iloc[0], series.iloc[-1]
    seconds = (series["at"] - begin).dt.total_seconds()
    most = int(series["held"].max())
    title = _title(last, most)
    with canvas(title, height=3.4) as (axes, image):
        axes.fill_between(
            seconds, series["held"], color=DARK_SHADES["orange"], alpha=1.0, label=say("held by Firehose")
        )
        for name, label, colour, style in _LINES:
            axes.plot(
                seconds, series[name], color=colour, linestyle=style, linewidth=2, label=say(label), path_effects=_EDGE
            )
        axes.plot(
            seconds, series["cloudwatch"], color=INK, linestyle=":", linewidth=2, label="CloudWatch Logs",
            path_effects=_EDGE,
        )  # fmt: skip
        highest = max(1.0, float(series[["firehose", "s3", "cloudwatch", "held"]].max().max()))
        rows = _draw_marks(axes, marks, begin, float(seconds.iloc[-1]))
        axes.set_ylim(0, highest * (1.05 + _ROW_OF_MARKS * rows))
        axes.set_xlabel(say("seconds since {time:%H:%M:%S} UTC", time=begin))
        axes.set_ylabel(say("lines"))
        axes.yaxis.set_major_formatter(THOUSANDS)
        legend(axes)
    figures = {
        "taken by Firehose": int(last["firehose"]), "delivered to S3": int(last["s3"]),
        "in CloudWatch Logs": int(last["cloudwatch"]), "held at most": most, "held at the end": int(last["held"]),
    }  # fmt: skip
    told = [] if marks is None else [f"  {what}: {_after(at, begin):,.0f} s" for at, what in _rows(marks)]
    return Chart(title, "\n".join([listed(figures), *told]), image.getvalue())


def _title(last: pd.Series, most: int) -> str:
    taken, out, held = int(last["firehose"]), int(last["s3"]), int(last["held"])
    if held:
        text = "Firehose has taken {taken:,} lines and delivered {out:,}: it holds {held:,}"
        return say(text, taken=taken, out=out, held=held)
    text = "Firehose has taken {taken:,} lines and delivered {out:,}: at most {most:,} were held"
    return say(text, taken=taken, out=out, most=most)


def _draw_marks(axes: object, marks: pd.DataFrame | None, begin: pd.Timestamp, last_s: float) -> int:
    """Draw them, with their texts in rows at the top; return the number of rows, which want a place above the lines."""
    if marks is None:
        return 0
    for number, (at, what) in enumerate(_rows(marks)):
        x = _after(at, begin)
        side, shift = ("right", -3) if x > _LATE * last_s else ("left", 3)
        axes.axvline(x, color=INK, linewidth=1, path_effects=_EDGE)  # type: ignore[attr-defined]
        axes.annotate(  # type: ignore[attr-defined]
            what, (x, 0.98 - 0.09 * (number % _MOST_ROWS)), xycoords=("data", "axes fraction"), xytext=(shift, 0),
            textcoords="offset points", ha=side, va="top",
        )  # fmt: skip
    return min(len(marks), _MOST_ROWS)


def _rows(marks: pd.DataFrame) -> list[tuple[pd.Timestamp, str]]:
    return list(marks[["at", "what"]].itertuples(index=False, name=None))


def _after(at: pd.Timestamp, begin: pd.Timestamp) -> float:
    return float((at - begin).total_seconds())
