"""The board by its earlier name; where nobody watches, the pipeline's figures as a table."""

from __future__ import annotations

from lab_helpers import pipeline_figures
from lab_helpers.base.messages import say
from lab_helpers.display.board_widget import board
from lab_helpers.display.progress import in_live_notebook
from lab_helpers.display.tables import Shown, table
from lab_helpers.lab import Lab


def panel(lab: Lab) -> Shown | None:
    """Show the board in an open notebook; elsewhere the figures, once."""
    return board(lab) if in_live_notebook() else table(pipeline_figures.figures(lab), say("The pipeline now"))
