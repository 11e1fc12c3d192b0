"""What is lost and what fills up: gaps in numbered lines, memory over time, cost against buffer and line size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lab_helpers.base.messages import say
from lab_helpers.display.charts.canvas import (
    DARK,
    FEWEST_DOTS,
    LIGHT,
    THOUSANDS,
    Chart,
    canvas,
    legend,
    listed,
    not_drawn,
)
from lab_helpers.display.charts.fonts import in_readable_language

FIREHOSE_STEP_BYTES = 5 * 1024
"""Source: Amazon Data Firehose pricing: each record is rounded up to the next 5 KB."""


@in_readable_language
def gaps(numbers: Iterable[int], sent: int) -> Chart:
    """Numbered lines that arrived out of `sent` (0, 1, …): where the gaps are, and how often one came twice."""
    found = np.fromiter((number for number in numbers if 0 <= number < sent), np.int64)
    counts = np.bincount(found, minlength=sent)
    missing, double = int((counts == 0).sum()), int((counts > 1).sum())
    title = say(
        "{arrived:,} of {sent:,} lines arrived; {missing:,} are missing, {double:,} came more than once",
        arrived=sent - missing, sent=sent, missing=missing, double=double,
    )  # fmt: skip
    text = listed({"sent": sent, "missing": missing, "more than once": double, "gaps": len(_runs(counts == 0))})
    if sent < FEWEST_DOTS:
        return not_drawn(title, text)
    with canvas(title, height=1.8) as (axes, image):
        for lacks, colour, label in ((counts > 0, DARK, "arrived"), (counts == 0, LIGHT, "missing")):
            spans = _runs(lacks)
            if spans:
                axes.broken_barh(
                    spans, (0, 1), facecolors=colour, label=say(label), hatch="" if colour == DARK else "///"
                )
        axes.set_yticks([])
        axes.set_xlim(0, sent)
        axes.set_xlabel(say("number of the line"))
        axes.xaxis.set_major_formatter(THOUSANDS)
        axes.grid(visible=False)
        legend(axes)
    return Chart(title, text, image.getvalue())


@in_readable_language
def memory(samples: pd.DataFrame, limit_mib: float, what: str = "") -> Chart:
    """Memory of a container over time from samples (seconds, mib) against its limit."""
    most = float(samples["mib"].max()) if len(samples) else 0.0
    reached = say("the limit of {limit:,.0f} MiB is reached", limit=limit_mib)
    kept = say("below its limit of {limit:,.0f} MiB", limit=limit_mib)
    title = say("{what}: at most {most:,.0f} MiB, {told}", what=what or say("Memory"), most=most,
                told=reached if most >= limit_mib else kept)  # fmt: skip
    text = listed({"samples": len(samples), "MiB at most": f"{most:,.1f}", "limit, MiB": f"{limit_mib:,.0f}"})
    if len(samples) < FEWEST_DOTS:
        return not_drawn(title, text)
    with canvas(title) as (axes, image):
        axes.plot(samples["seconds"], samples["mib"], color=DARK, linewidth=2, label=say("memory"))
        axes.axhline(limit_mib, color=LIGHT, linestyle="--", linewidth=2, label=say("limit"))
        axes.set_xlabel(say("seconds"))
        axes.set_ylabel("MiB")
        axes.set_ylim(0, max(most, limit_mib) * 1.1)
        legend(axes)
    return Chart(title, text, image.getvalue())


def firehose_cost(lines: float, line_bytes: float, price_per_gb: float) -> float:
    """Return the price of delivering lines that are one record each: every record counts as full steps of 5 KB."""
    steps = np.ceil(line_bytes / FIREHOSE_STEP_BYTES)
    return float(lines * steps * FIREHOSE_STEP_BYTES / 1e9 * price_per_gb)


def objects_cost(seconds: float, buffer_s: float, price_per_1000: float) -> float:
    """Return the price of the PUT requests of one object every `buffer_s` seconds."""
    return seconds / buffer_s / 1000 * price_per_1000


@in_readable_language
def cost(
    lines_a_month: float, line_bytes: Sequence[float], buffers_s: Sequence[float], price_per_gb: float,
    price_per_1000_puts: float,
) -> Chart:  # fmt: skip
    """Monthly price of a delivery against the size of a line, and what the objects of each buffer add to it.

    Prices are arguments: they differ by region and change.
    """
    month_s = 30 * 86_400
    first = firehose_cost(lines_a_month, line_bytes[0], price_per_gb)
    title = say(
        "{lines:,.0f} lines of {size:,.0f} bytes a month: {price:,.2f} USD, whatever they weigh up to 5 KB",
        lines=lines_a_month, size=line_bytes[0], price=first,
    )  # fmt: skip
    puts = {f"{each:g} s": objects_cost(month_s, each, price_per_1000_puts) for each in buffers_s}
    text = listed({say("objects every {buffer}", buffer=name): f"{price:,.2f} USD" for name, price in puts.items()})
    if len(line_bytes) < FEWEST_DOTS:
        return not_drawn(title, text)
    with canvas(title) as (axes, image):
        sizes = np.linspace(min(line_bytes), max(line_bytes), 400)
        prices = [firehose_cost(lines_a_month, size, price_per_gb) for size in sizes]
        plain = lines_a_month * sizes / 1e9 * price_per_gb
        axes.plot(sizes, prices, color=DARK, linewidth=2, label=say("billed (full 5 KB)"))
        axes.plot(sizes, plain, color=LIGHT, linestyle="--", linewidth=2, label=say("by weight"))
        axes.set_xlabel(say("bytes of a line"))
        axes.xaxis.set_major_formatter(THOUSANDS)
        axes.yaxis.set_major_formatter(THOUSANDS)
        axes.set_ylabel(say("USD a month"))
        axes.set_ylim(bottom=0)
        legend(axes)
    return Chart(title, text, image.getvalue())


def _runs(where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and length of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], where, [False]]).astype(np.int8)))
    return [(int(begin), int(end - begin)) for begin, end in zip(edges[::2], edges[1::2], strict=True)]
