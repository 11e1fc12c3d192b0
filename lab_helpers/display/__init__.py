"""What a trainee sees: tables, charts, progress, the path of a log line. The only importer of IPython and
matplotlib. Each name is loaded by its first use: most cells draw nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab_helpers.base.lazy import lazily

if TYPE_CHECKING:
    from lab_helpers.display.board_widget import Board, board
    from lab_helpers.display.buttons import Action, Asking, ask_line, below, show_with_buttons
    from lab_helpers.display.cells import explain_missing_names, register_cell_magic
    from lab_helpers.display.charts.canvas import Chart
    from lab_helpers.display.charts.findings import (
        health_checks_and_traffic,
        latency,
        object_sizes,
        requests_over_time,
        task_balance,
    )
    from lab_helpers.display.charts.flow import flow
    from lab_helpers.display.charts.loss import cost, gaps, memory
    from lab_helpers.display.charts.resource_graph import built
    from lab_helpers.display.choices import radio
    from lab_helpers.display.course_strip import strip
    from lab_helpers.display.drawing import log_path
    from lab_helpers.display.outcomes import deployed, plan, verdict
    from lab_helpers.display.playground import played
    from lab_helpers.display.progress import Bar, in_live_notebook
    from lab_helpers.display.tables import Shown, facts, table, text
    from lab_helpers.display.terraform_progress import TerraformBar
    from lab_helpers.display.trace import Trace
else:
    _ROOMS = {
        "charts.resource_graph": ("built",),
        "board_widget": ("Board", "board"),
        "buttons": ("Action", "Asking", "ask_line", "below", "show_with_buttons"),
        "charts.canvas": ("Chart",),
        "cells": ("explain_missing_names", "register_cell_magic"),
        "charts.findings": (
            "health_checks_and_traffic", "latency", "object_sizes", "requests_over_time", "task_balance",
        ),
        "choices": ("radio",),
        "course_strip": ("strip",),
        "drawing": ("log_path",),
        "charts.flow": ("flow",),
        "charts.loss": ("cost", "gaps", "memory"),
        "outcomes": ("deployed", "plan", "verdict"),
        "playground": ("played",),
        "progress": ("Bar", "in_live_notebook"),
        "tables": ("Shown", "facts", "table", "text"),
        "terraform_progress": ("TerraformBar",),
        "trace": ("Trace",),
    }  # fmt: skip
    _NAMES = {name: f"{__name__}.{room}" for room, names in _ROOMS.items() for name in names}

    def __getattr__(name: str) -> Any:
        """Load the room that has the name."""
        return lazily(__name__, _NAMES, name)


__all__ = [
    "Action",
    "Asking",
    "Bar",
    "Board",
    "Chart",
    "Shown",
    "TerraformBar",
    "Trace",
    "ask_line",
    "below",
    "board",
    "built",
    "cost",
    "deployed",
    "explain_missing_names",
    "facts",
    "flow",
    "gaps",
    "health_checks_and_traffic",
    "in_live_notebook",
    "latency",
    "log_path",
    "memory",
    "object_sizes",
    "plan",
    "played",
    "radio",
    "register_cell_magic",
    "requests_over_time",
    "show_with_buttons",
    "strip",
    "table",
    "task_balance",
    "text",
    "verdict",
]
