"""What every chart is drawn on: its form, its colours, its ground.

A chart is a PNG on a ground of its own, so that its contrast is the same in light and in dark themes (no one ink has
4.5 to 1 with both white and #111111), in the HTML report and in an untrusted notebook (where Jupyter shows no SVG).
Colours come in a light and a dark shade that differ 3 to 1 in lightness, as does each from the ground: neighbours take
one of each, and a hatching where there are more than two.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import matplotlib as mpl
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from lab_helpers.base.messages import say

GROUND = "#ffffff"
INK = "#333333"
"""Of text, axes and legends: 12.6 to 1 on the ground."""
LIGHT_SHADES = {"blue": "#4797dc", "green": "#39a573", "orange": "#d27e00", "red": "#ec635c", "grey": "#8e8e8e"}
DARK_SHADES = {"blue": "#0b3d70", "green": "#0b442d", "orange": "#5a3000", "red": "#7d1212", "grey": "#3d3d3d"}
LIGHT, DARK = LIGHT_SHADES["blue"], DARK_SHADES["blue"]
HATCHES = ("", "///", "...", "xx")
"""What tells colours of one shade apart beside their hue, by position."""
WIDTH_INCHES, HEIGHT_INCHES = 7.5, 2.9
DPI = 144
TITLE_WIDTH = 80
"""Characters of a title that fit into a line of the picture; of Japanese ones half as many."""
THOUSANDS = StrMethodFormatter("{x:,g}")
FEWEST_DOTS = 3
"""A chart with fewer is not drawn: a sentence says as much."""
_STYLE = {
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.titlecolor": INK, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "font.size": 9, "legend.frameon": False,
    "axes.grid": True, "axes.axisbelow": True, "grid.alpha": 0.25, "grid.color": INK, "figure.facecolor": GROUND,
    "axes.facecolor": GROUND, "savefig.facecolor": GROUND, "hatch.color": GROUND, "hatch.linewidth": 0.8,
}  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """A finished chart: its finding, the figures behind it as text, and the picture as PNG bytes.

    Without a picture (too few dots) it is its sentence.
    """

    title: str
    text: str
    png: bytes = b""

    @property
    def alt(self) -> str:
        """The picture in words, for those who do not see it."""
        figures = "; ".join(line.strip() for line in self.text.splitlines() if line.strip())
        return f"{self.title}. {figures}" if figures else self.title

    def show(self) -> None:
        """Show it now, where a cell's last line shows something else."""
        display(self)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
        if not self.png:
            return {"text/plain": str(self)}, {}
        picture = base64.b64encode(self.png).decode()
        metadata = {"width": round(WIDTH_INCHES * 100), "alt": self.alt}
        return {"text/plain": str(self), "image/png": picture}, {"image/png": metadata}

    def __str__(self) -> str:
        return f"{self.title}\n{self.text}".rstrip()


def shades(names: list[str]) -> dict[str, str]:
    """Return a colour for each name of a hue, light and dark in turn: neighbours differ in lightness."""
    return {name: (DARK_SHADES if place % 2 else LIGHT_SHADES)[name] for place, name in enumerate(names)}


def not_drawn(title: str, text: str) -> Chart:
    """Return a chart without a picture: what it would show is said."""
    return Chart(title, text)


def listed(values: Mapping[str, Any]) -> str:
    """Return figures as lines of text, with thousands separators."""
    return "\n".join(
        f"  {say(name)}: {value:,}" if isinstance(value, int) else f"  {say(name)}: {value}"
        for name, value in values.items()
    )


def in_lines(title: str) -> str:
    """Return a title broken into lines that fit into the picture."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in title)
    return fill(title, TITLE_WIDTH * len(title) // (len(title) + wide)) if title else title


def legend(axes: Axes) -> None:
    """Put the legend beside the picture, where there is something to explain."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def legend_and_clock(axes: Axes) -> None:
    """Like `legend`, with an axis of UTC times."""
    legend(axes)
    if axes.has_data():
        axes.xaxis.set_major_formatter(DateFormatter("%H:%M:%S"))
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=7))
        axes.set_xlabel("UTC")


@contextmanager
def canvas(title: str, height: float = HEIGHT_INCHES) -> Iterator[tuple[Axes, io.BytesIO]]:
    """Axes to draw on; when the block ends the picture is in the buffer. No pyplot: no global figure is left
    behind.
    """
    image = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure = Figure((WIDTH_INCHES, height), DPI, layout="constrained")
        axes = figure.add_subplot()
        yield axes, image
        axes.set_title(in_lines(title))
        if not axes.has_data():
            axes.set_axis_off()
        figure.savefig(image, format="png", metadata={"Software": None})
