"""One choice of a few, as radio buttons; what is chosen is told at once."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from lab_helpers.base.messages import say


def radio(question: str, options: Sequence[str], chosen: str | None, on_choice: Callable[[str], object]) -> Any:
    """Return a widget with one button an option, none chosen unless `chosen` says so."""
    labels = [(say(option), option) for option in options]
    buttons: Any = ipywidgets.RadioButtons(options=labels, value=chosen, layout={"width": "max-content"})
    buttons.observe(lambda change: on_choice(change["new"]) if change["new"] else None, names="value")
    asked = ipywidgets.HTML(f"<div style='line-height:1.35'><b>{html.escape(question)}</b></div>")
    return ipywidgets.VBox([asked, buttons])
