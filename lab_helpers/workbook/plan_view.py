"""A plan as Terraform prints it, to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab_helpers import display
from lab_helpers.base.lazy import pd


@dataclass(frozen=True)
class PlanView:
    """What an apply would do: `table` (terraform.plan_table) and `text`, Terraform's own print."""

    table: pd.DataFrame
    text: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return bool(self.table.empty)

    def show(self, resource: str) -> display.Shown:
        """Return the part about one resource (its address)."""
        return display.plan(self.text, resource)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return display.plan(self.text)._repr_mimebundle_()

    def __repr__(self) -> str:
        return display.plan(self.text).text
