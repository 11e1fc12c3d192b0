"""What Terraform builds, as a graph: resources by what they need, planned ones pale, made ones dark."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from lab_helpers.base.messages import say
from lab_helpers.display.charts.canvas import DARK_SHADES, GROUND, INK, LIGHT_SHADES, Chart, canvas, listed
from lab_helpers.display.charts.fonts import in_readable_language
from lab_helpers.terraform.graph import layers

PLANNED, WORKING, MADE, FAILED = "planned", "working", "made", "failed"
_FILL = {PLANNED: GROUND, WORKING: LIGHT_SHADES["grey"], MADE: DARK_SHADES["green"], FAILED: DARK_SHADES["red"]}
_LETTER = {PLANNED: INK, WORKING: "#000000", MADE: GROUND, FAILED: GROUND}
_MARK = {PLANNED: "", WORKING: "… ", MADE: "✔ ", FAILED: "✘ "}
_LONGEST, _KIND = 28, 12


@in_readable_language
def built(needs: Mapping[str, frozenset[str]], states: Mapping[str, str]) -> Chart:
    """Draw resources (terraform.graph.dependencies) with their states by address: planned, working, made or failed.

    An address with an index (`aws_subnet.public["a"]`) stands for its resource, which is made when all of them are.
    """
    state = _by_resource(needs, states)
    totals = {name: sum(found == name for found in state.values()) for name in _FILL}
    title = say(
        "{made} of {count} resources are made, {working} are being made, {failed} failed",
        made=totals[MADE], count=len(needs), working=totals[WORKING], failed=totals[FAILED],
    )  # fmt: skip
    columns = _columns(needs)
    tallest = max(map(len, columns), default=1)
    with canvas(title, height=max(2.0, 0.24 * tallest + 0.6)) as (axes, image):
        places = {name: (x, -y * tallest / len(column)) for x, column in enumerate(columns)
                  for y, name in enumerate(column)}  # fmt: skip
        for name, others in needs.items():
            for other in others:
                (x1, y1), (x2, y2) = places[other], places[name]
                axes.plot([x1, x2], [y1, y2], color=INK, alpha=0.35, linewidth=0.6, zorder=1)
        for name, (x, y) in places.items():
            now = state[name]
            axes.text(
                x, y, _MARK[now] + _short(name), ha="center", va="center", fontsize=5.5, color=_LETTER[now], zorder=3,
                bbox={"boxstyle": "round,pad=0.25", "facecolor": _FILL[now], "edgecolor": INK, "linewidth": 0.6},
            )  # fmt: skip
        axes.set_xlim(-0.6, len(columns) - 0.4)
        axes.set_ylim(-tallest, 1)
        axes.set_axis_off()
    rows = {name: say(state[name]) for name in needs}
    return Chart(title, listed(rows), image.getvalue())


def _by_resource(needs: Mapping[str, frozenset[str]], states: Mapping[str, str]) -> dict[str, str]:
    order = (FAILED, WORKING, PLANNED, MADE)
    found: dict[str, str] = {}
    for address, state in states.items():
        name = address.partition("[")[0]
        found[name] = min(found.get(name, MADE), state, key=order.index)
    return {name: found.get(name, PLANNED) for name in needs}


def _columns(needs: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Resources by depth, each beside what it needs (by the mean place of that), so that few lines cross."""
    depth = layers(needs)
    place: dict[str, float] = {}
    columns = list[list[str]]()
    for at in range(max(depth.values(), default=0) + 1):
        column = [name for name in sorted(needs) if depth[name] == at]
        column.sort(key=lambda name: fmean(place[other] for other in needs[name]) if needs[name] else 0.0)
        place |= {name: (row + 0.5) / len(column) for row, name in enumerate(column)}
        columns.append(column)
    return columns


def _short(name: str) -> str:
    """A resource's kind and name; a long kind is cut, as the name tells one from another."""
    kind, _, own = name.partition(".")
    kind = kind.removeprefix("aws_")
    room = max(_LONGEST - len(own) - 1, _KIND)
    return f"{kind}.{own}" if len(kind) <= room else f"{kind[: room - 1]}….{own}"
