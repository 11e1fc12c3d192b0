"""Charts of log lines, requests and objects, whose title states the finding."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from lab_helpers import audit
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.display.charts.canvas import (
    DARK,
    FEWEST_DOTS,
    HATCHES,
    INK,
    LIGHT,
    Chart,
    canvas,
    legend,
    legend_and_clock,
    listed,
    not_drawn,
    shades,
)
from lab_helpers.display.charts.fonts import in_readable_language

SOONEST_S = 0.001
"""Where a logarithmic axis begins."""
STATUS_HUES = {"2xx": "green", "3xx": "blue", "4xx": "orange", "5xx": "red", "other": "grey"}


@in_readable_language
def requests_over_time(lines: pd.DataFrame, bin_s: int = 1) -> Chart:
    """Requests in each `bin_s` seconds by status class, from log lines (health checks left out)."""
    own = _traffic(lines)
    status = (own["status"] // 100).map(lambda hundred: f"{hundred}xx", na_action="ignore").astype(object)
    own = own.assign(status_class=status.where(status.isin(list(STATUS_HUES)), "other"))
    when = own["request_time"].dt.floor(f"{bin_s}s")
    counts = own.groupby([when, "status_class"], observed=True).size().unstack(fill_value=0)
    totals = {name: int(counts[name].sum()) for name in STATUS_HUES if name in counts}
    peak = int(counts.sum(axis="columns").max()) if len(counts) else 0
    title = _requests_title(totals, len(counts) and (counts.index[-1] - counts.index[0]).total_seconds() + bin_s, peak)
    with canvas(title) as (axes, image):
        if len(counts):
            _stack_bars(axes, counts, totals, bin_s)
        axes.set_ylabel(say("requests per {seconds} s", seconds=bin_s))
    return Chart(title, listed(totals), image.getvalue())


@in_readable_language
def task_balance(lines: pd.DataFrame) -> Chart:
    """How many requests each task served, from log lines (health checks left out); a sentence for one or two."""
    counts = _traffic(lines)["task"].astype(object).value_counts().sort_index()
    served = {f"…{str(task)[-6:]}": int(count) for task, count in counts.items()}
    title = _balance_title(list(served.values()))
    if len(served) < FEWEST_DOTS:
        return not_drawn(title, listed(served))
    with canvas(title) as (axes, image):
        bars = axes.barh(list(served), list(served.values()), color=DARK, height=0.6)
        axes.bar_label(bars, [f"{count:,}" for count in served.values()], padding=3, color=INK)
        axes.set_xlabel(say("requests"))
        axes.grid(axis="y", visible=False)
    return Chart(title, listed(served), image.getvalue())


@in_readable_language
def health_checks_and_traffic(lines: pd.DataFrame) -> Chart:
    """What share of the requests' lines are the load balancer's health checks; other lines are named beside it."""
    requests = lines[lines["request_time"].notna()]
    checks = audit.is_health_check(requests)
    totals = {"traffic": int((~checks).sum()), "health checks": int(checks.sum())}
    share = totals["health checks"] / max(len(requests), 1)
    sure = audit.has_agent(requests)
    certain = "{checks:,} of {lines:,} requests ({share:.0%}) are health checks"
    likely = "{checks:,} of {lines:,} requests ({share:.0%}) look like health checks; a visitor of / looks the same"
    title = say(certain if sure else likely, checks=totals["health checks"], lines=len(requests), share=share)
    others = len(lines) - len(requests)
    text = listed({**totals, **({"lines that are no requests": others} if others else {})})
    if not len(requests):
        return not_drawn(title, text)
    with canvas(title, height=1.5) as (axes, image):
        left = 0
        for (name, total), colour, hatch in zip(totals.items(), (LIGHT, DARK), ("", "///"), strict=True):
            axes.barh(0, total, left=left, color=colour, hatch=hatch, label=f"{say(name)} ({total:,})")
            left += total
        axes.set_yticks([])
        axes.set_xlabel(say("requests"))
        axes.grid(axis="y", visible=False)
        legend(axes)
    return Chart(title, text, image.getvalue())


@in_readable_language
def latency(requests: pd.DataFrame) -> Chart:
    """Share of requests that have arrived after so many seconds in CloudWatch and in S3, from `Audit.requests`."""
    hops = {"CloudWatch": requests["to_cloudwatch_s"].dropna(), "S3": requests["to_s3_s"].dropna()}
    medians = {name: float(hop.median()) for name, hop in hops.items() if len(hop)}
    parts = [say("in {name} after {seconds:.2g} s", name=name, seconds=seconds) for name, seconds in medians.items()]
    title = say("Half of the lines are {hops}", hops=say(", ").join(parts)) if parts else say("No line has arrived yet")
    text = listed({say("{name}, median s", name=name): f"{value:.2g}" for name, value in medians.items()})
    if max((len(hop) for hop in hops.values()), default=0) < FEWEST_DOTS:
        return not_drawn(title, text)
    with canvas(title) as (axes, image):
        for (name, colour), style in zip((("CloudWatch", DARK), ("S3", LIGHT)), ("-", "--"), strict=True):
            if name in medians:
                axes.ecdf(hops[name].clip(lower=SOONEST_S), color=colour, linestyle=style, linewidth=2)
                axes.annotate(
                    say("{name}, half after {seconds:.2g} s", name=name, seconds=medians[name]),
                    (max(medians[name], SOONEST_S), 0.5), xytext=(6, -4), textcoords="offset points", va="top",
                )  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        axes.set_xlabel(say("seconds after the request was sent (each step is ten times as long)"))
        axes.set_ylabel(say("share arrived"))
    return Chart(title, text, image.getvalue())


@in_readable_language
def object_sizes(objects: pd.DataFrame, interval_s: float | None = None) -> Chart:
    """Size and fill time of each delivered object, from `s3_logs.list_objects`; `interval_s` is the buffer's
    interval.
    """
    title = _objects_title(objects, interval_s)
    sizes_kib = objects["size"].astype(float) / 1024
    text = listed({"objects": len(objects), "KiB": f"{sizes_kib.sum():,.1f}"})
    dots = set(zip(objects["fill_s"].round(1), sizes_kib.round(2), strict=True))
    if len(dots) < FEWEST_DOTS:
        return not_drawn(title, text)
    with canvas(title) as (axes, image):
        axes.scatter(objects["fill_s"], sizes_kib, color=DARK, alpha=0.8)
        if interval_s:
            label = say("buffer interval {seconds:g} s", seconds=interval_s)
            axes.axvline(interval_s, color=LIGHT, linestyle="--", label=label)
            legend(axes)
        axes.set_xlabel(say("seconds from first record to delivery"))
        axes.set_ylabel(say("KiB as stored"))
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
    return Chart(title, text, image.getvalue())


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
        total = sum(served)
        return say("One task served all {total:,} requests", total=total) if total > 1 else _few_requests(total)
    spread = (max(served) - min(served)) / sum(served)
    even = "{count} tasks share evenly: {least:,} to {most:,} of {total:,} requests"
    uneven = "{count} tasks do not share evenly: {least:,} to {most:,} of {total:,} requests"
    facts = {"count": len(served), "least": min(served), "most": max(served), "total": sum(served)}
    return say(even if spread < 0.1 else uneven, **facts)


def _few_requests(total: int) -> str:
    return say("One task served the only request") if total else say("No requests in these lines")


def _objects_title(objects: pd.DataFrame, interval_s: float | None) -> str:
    if objects.empty:
        return say("No objects were delivered")
    fill_s = objects["fill_s"].median()
    if len(objects) == 1:
        return say("1 object, closed after {seconds:.0f} s", seconds=fill_s)
    title = say("{count:,} objects, half of them closed within {seconds:.0f} s", count=len(objects), seconds=fill_s)
    if interval_s and fill_s >= interval_s * 0.9:
        title += say(": by the interval, not by size")
    return title


def _traffic(lines: pd.DataFrame) -> pd.DataFrame:
    return lines[~audit.is_health_check(lines) & lines["request_time"].notna()]


def _stack_bars(axes: Axes, counts: pd.DataFrame, totals: dict[str, int], bin_s: int) -> None:
    below = pd.Series(0, index=counts.index)
    colours = dict(zip(totals, shades([STATUS_HUES[name] for name in totals]).values(), strict=True))
    for (name, total), hatch in zip(totals.items(), HATCHES * 2, strict=False):
        width: Any = pd.Timedelta(seconds=bin_s * 0.9)
        label = f"{name} ({total:,})"
        axes.bar(counts.index, counts[name], width, below, color=colours[name], hatch=hatch, label=label, align="edge")
        below = below + counts[name]
    legend_and_clock(axes)
