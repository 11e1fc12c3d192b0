"""The live panel: the board's earlier name, and the figures where nobody watches."""

from __future__ import annotations

from unittest.mock import MagicMock

import pandas as pd
import pytest

from lab_helpers import pipeline_figures
from lab_helpers.base.errors import NotYetError
from lab_helpers.display import live_panel


def test_panel_is_the_board_in_an_open_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The earlier name opens the board, once."""
    asked: list[object] = []
    monkeypatch.setattr(live_panel, "in_live_notebook", lambda: True)
    monkeypatch.setattr(live_panel, "board", asked.append)
    assert live_panel.panel("lab") is None  # type: ignore[arg-type]
    assert asked == ["lab"]


def test_panel_is_one_table_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of an open notebook (papermill, nbval, a terminal) the figures are shown once."""
    frame = pd.DataFrame({"hop": ["S3"], "figure": ["2 objects"]})
    monkeypatch.setattr(pipeline_figures, "figures", lambda _: frame)
    shown = live_panel.panel(None)  # type: ignore[arg-type]
    assert shown is not None
    assert "2 objects" in shown.text


def test_figures_that_cannot_be_read_say_why() -> None:
    """Before the infrastructure is there each part names what is missing, and nothing is raised."""

    class Lab:
        backend = None

        @property
        def outputs(self) -> None:
            raise NotYetError("The infrastructure", "02")

        def client(self, _: str) -> MagicMock:
            return MagicMock()

    found = pipeline_figures.figures(Lab())  # type: ignore[arg-type]
    assert list(found["hop"]) == ["tasks", "records", "S3", "delivery errors"]
    assert found["figure"].str.contains("02").all()
