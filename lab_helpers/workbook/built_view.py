"""What Terraform built, to look at: a graph of the resources, and how many waited for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_helpers import display
from lab_helpers.terraform import graph

MADE = "made"


@dataclass(frozen=True)
class BuiltView:
    """`needs`: resource -> the resources that it needs, by the files; `made`: the addresses in Terraform's state."""

    needs: Mapping[str, frozenset[str]]
    made: Sequence[str]

    @classmethod
    def of(cls, folder: Path, made: Sequence[str]) -> BuiltView:
        """Read the configuration in a folder."""
        return cls(graph.dependencies(folder), made)

    @property
    def waited_for(self) -> dict[str, int]:
        """Resource -> how many others could not be made before it."""
        return graph.waited_for(self.needs)

    @property
    def chart(self) -> display.Chart:
        """The graph: what needs nothing on the left, each line leads on to what needs it."""
        return display.built(self.needs, dict.fromkeys(self.made, MADE))

    def show(self) -> None:
        """Show the graph now; a cell's last line may show something else."""
        self.chart.show()
