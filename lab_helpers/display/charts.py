"""Charts whose title states the finding.

A chart is a PNG with a transparent ground and mid-tone ink, so that it can be read in light and in dark themes, in the
HTML report and in an untrusted notebook (where Jupyter shows no SVG); its text form is the title and the figures.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure

from lab_helpers import audit
from lab_helpers.base.messages import say
from lab_helpers.display.fonts import in_readable_language

INK = "#767a82"
"""Contrast of 4 to 1 or more with white and with JupyterLab's dark ground (#111111)."""
STATUS_COLOURS = {"2xx": "#2f9e6e", "3xx": "#3b8fd6", "4xx": "#d98a1f", "5xx": "#d64545", "other": INK}
BLUE, ORANGE = "#3b8fd6", "#d98a1f"
SIZE_INCHES = (7.5, 2.9)
DPI = 144
TITLE_WIDTH = 80
"""Characters of a title that fit into a line of the picture; of Japanese ones half as many."""
_STYLE = {
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.titlecolor": INK, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "font.size": 9, "legend.frameon": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.alpha": 0.25, "grid.color": INK,
}  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """A finished chart: its finding, the figures behind it as text, and the picture as PNG bytes."""

    title: str
    text: str
    png: bytes

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
        picture = base64.b64encode(self.png).decode()
        width = round(SIZE_INCHES[0] * 100)
        return {"text/plain": str(self), "image/png": picture}, {"image/png": {"width": width}}

    def __str__(self) -> str:
        return f"{self.title}\n{self.text}".rstrip()


@in_readable_language
def requests_over_time(lines: pd.DataFrame, bin_s: int = 1) -> Chart:
    """Requests in each `bin_s` seconds by status class, from log lines (health checks left out)."""
    own = _traffic(lines)
    status = (own["status"] // 100).map(lambda hundred: f"{hundred}xx", na_action="ignore").astype(object)
    own = own.assign(status_class=status.where(status.isin(list(STATUS_COLOURS)), "other"))
    when = own["request_time"].dt.floor(f"{bin_s}s")
    counts = own.groupby([when, "status_class"], observed=True).size().unstack(fill_value=0)
    totals = {name: int(counts[name].sum()) for name in STATUS_COLOURS if name in counts}
    peak = int(counts.sum(axis="columns").max()) if len(counts) else 0
    title = _requests_title(totals, len(counts) and (counts.index[-1] - counts.index[0]).total_seconds() + bin_s, peak)
    with _canvas(title) as (axes, image):
        if len(counts):
            _stack_bars(axes, counts, totals, bin_s)
        axes.set_ylabel(say("requests per {seconds} s", seconds=bin_s))
    return Chart(title, _listed(totals), image.getvalue())


@in_readable_language
def task_balance(lines: pd.DataFrame) -> Chart:
    """How many requests each task served, from log lines (health checks left out)."""
    counts = _traffic(lines)["task"].astype(object).value_counts().sort_index()
    served = {f"…{str(task)[-6:]}": int(count) for task, count in counts.items()}
    title = _balance_title(list(served.values()))
    with _canvas(title) as (axes, image):
        bars = axes.barh(list(served), list(served.values()), color=BLUE, height=0.6)
        axes.bar_label(bars, padding=3, color=INK)
        axes.set_xlabel(say("requests"))
        axes.grid(axis="y", visible=False)
    return Chart(title, _listed(served), image.getvalue())


@in_readable_language
def health_checks_and_traffic(lines: pd.DataFrame, bin_s: int = 10) -> Chart:
    """Log lines in each `bin_s` seconds: the load balancer's health checks against everything else."""
    checks = audit.is_health_check(lines)
    kind = checks.map({True: "health checks", False: "traffic"})
    when = lines["request_time"].dt.floor(f"{bin_s}s")
    counts = _without_gaps(lines.groupby([when, kind]).size().unstack(fill_value=0), bin_s)
    totals = {name: int((kind == name).sum()) for name in ("traffic", "health checks")}
    share = totals["health checks"] / max(len(lines), 1)
    text = "{checks:,} of {lines:,} lines ({share:.0%}) are health checks"
    title = say(text, checks=totals["health checks"], lines=len(lines), share=share)
    with _canvas(title) as (axes, image):
        for name, colour in (("traffic", BLUE), ("health checks", ORANGE)):
            if name in counts:
                axes.step(
                    counts.index, counts[name], where="post", color=colour, label=f"{say(name)} ({totals[name]:,})"
                )
        axes.set_ylabel(say("lines per {seconds} s", seconds=bin_s))
        axes.set_ylim(bottom=0)
        _legend_and_clock(axes)
    return Chart(title, _listed(totals), image.getvalue())


@in_readable_language
def latency(requests: pd.DataFrame) -> Chart:
    """Share of requests that have arrived after so many seconds in CloudWatch and in S3, from `Audit.requests`."""
    hops = {"CloudWatch": requests["to_cloudwatch_s"].dropna(), "S3": requests["to_s3_s"].dropna()}
    medians = {name: float(hop.median()) for name, hop in hops.items() if len(hop)}
    parts = [say("in {name} after {seconds:.3g} s", name=name, seconds=seconds) for name, seconds in medians.items()]
    title = say("Half of the lines are {hops}", hops=say(", ").join(parts)) if parts else say("No line has arrived yet")
    with _canvas(title) as (axes, image):
        for name, colour in (("CloudWatch", BLUE), ("S3", ORANGE)):
            if name in medians:
                axes.ecdf(hops[name], color=colour, label=name)
        axes.set_xlabel(say("seconds after the request was sent"))
        axes.set_ylabel(say("share arrived"))
        _legend(axes)
    return Chart(
        title,
        _listed({say("{name}, median s", name=name): f"{value:.3g}" for name, value in medians.items()}),
        image.getvalue(),
    )


@in_readable_language
def object_sizes(objects: pd.DataFrame, interval_s: float | None = None) -> Chart:
    """Size and fill time of each delivered object, from `s3_logs.list_objects`; `interval_s` is the buffer's
    interval.
    """
    title = _objects_title(objects, interval_s)
    sizes_kib = objects["size"].astype(float) / 1024
    with _canvas(title) as (axes, image):
        axes.scatter(objects["fill_s"], sizes_kib, color=BLUE, alpha=0.8)
        if interval_s:
            axes.axvline(
                interval_s, color=ORANGE, linestyle="--", label=say("buffer interval {seconds:g} s", seconds=interval_s)
            )
            _legend(axes)
        axes.set_xlabel(say("seconds from first record to delivery"))
        axes.set_ylabel(say("KiB as stored"))
        axes.set_ylim(bottom=0)
    return Chart(title, _listed({"objects": len(objects), "KiB": f"{sizes_kib.sum():.1f}"}), image.getvalue())


def _requests_title(totals: dict[str, int], seconds: float, peak: int) -> str:
    if not totals:
        return say("No requests in these lines")
    answers = say(", ").join(say("{count:,} answered {status}", count=n, status=name) for name, n in totals.items())
    if not seconds:
        return answers
    text = "{total:,} requests in {seconds:,.0f} s: {answers}; at most {peak:,} a second"
    return say(text, total=sum(totals.values()), seconds=seconds, answers=answers, peak=peak)


def _balance_title(served: list[int]) -> str:
    if len(served) < 2:
        return say("{count} task served all {total:,} requests", count=len(served), total=sum(served))
    spread = (max(served) - min(served)) / sum(served)
    even = "{count} tasks share evenly: {least:,} to {most:,} of {total:,} requests"
    uneven = "{count} tasks do not share evenly: {least:,} to {most:,} of {total:,} requests"
    facts = {"count": len(served), "least": min(served), "most": max(served), "total": sum(served)}
    return say(even if spread < 0.1 else uneven, **facts)


def _objects_title(objects: pd.DataFrame, interval_s: float | None) -> str:
    if objects.empty:
        return say("No objects were delivered")
    fill_s = objects["fill_s"].median()
    title = say("{count:,} objects, half of them closed within {seconds:.0f} s", count=len(objects), seconds=fill_s)
    if interval_s and fill_s >= interval_s * 0.9:
        title += say(": by the interval, not by size")
    return title


def _traffic(lines: pd.DataFrame) -> pd.DataFrame:
    return lines[~audit.is_health_check(lines) & lines["request_time"].notna()]


def _stack_bars(axes: Axes, counts: pd.DataFrame, totals: dict[str, int], bin_s: int) -> None:
    below = pd.Series(0, index=counts.index)
    for name, total in totals.items():
        width: Any = pd.Timedelta(seconds=bin_s * 0.9)
        label = f"{name} ({total:,})"
        axes.bar(counts.index, counts[name], width, below, color=STATUS_COLOURS[name], label=label, align="edge")
        below = below + counts[name]
    _legend_and_clock(axes)


def _without_gaps(counts: pd.DataFrame, bin_s: int) -> pd.DataFrame:
    """Counts of every span, of those without lines too, and the last one's again where it ends: a step has two ends."""
    if counts.empty:
        return counts
    step = pd.Timedelta(seconds=bin_s)
    every = pd.date_range(counts.index[0], counts.index[-1], freq=step)
    whole = counts.reindex(every, fill_value=0)
    return pd.concat([whole, whole.tail(1).set_axis([every[-1] + step])])


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _legend_and_clock(axes: Axes) -> None:
    _legend(axes)
    if axes.has_data():
        axes.xaxis.set_major_formatter(DateFormatter("%H:%M:%S"))
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=7))
        axes.set_xlabel("UTC")


def _in_lines(title: str) -> str:
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in title)
    return fill(title, TITLE_WIDTH * len(title) // (len(title) + wide)) if title else title


def _listed(values: dict[str, Any]) -> str:
    return "\n".join(
        f"  {say(name)}: {value:,}" if isinstance(value, int) else f"  {say(name)}: {value}"
        for name, value in values.items()
    )


@contextmanager
def _canvas(title: str) -> Iterator[tuple[Axes, io.BytesIO]]:
    """Axes to draw on; when the block ends the picture is in the buffer. No pyplot: no global figure is left
    behind.
    """
    image = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure = Figure(SIZE_INCHES, DPI, layout="constrained")
        axes = figure.add_subplot()
        yield axes, image
        axes.set_title(_in_lines(title))
        if not axes.has_data():
            axes.set_axis_off()
        figure.savefig(image, format="png", transparent=True, metadata={"Software": None})
