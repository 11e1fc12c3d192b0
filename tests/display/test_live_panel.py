"""The live panel: its thread looks again and again, and ends."""

from __future__ import annotations

import threading
from unittest.mock import MagicMock

import pandas as pd
import pytest

from lab_helpers import pipeline_figures
from lab_helpers.base.errors import NotYetError
from lab_helpers.display import panel as panel_module_function
from lab_helpers.display.live_panel import Panel, live
from lab_helpers.display.tables import Shown


class Figures:
    """Counts looks, and fails at the second."""

    def __init__(self) -> None:
        self.looks, self.third = 0, threading.Event()

    def __call__(self) -> Shown:
        self.looks += 1
        if self.looks == 2:
            raise ConnectionError("gone")
        if self.looks >= 3:
            self.third.set()
        return Shown(text := f"look {self.looks}", f"<p>{text}</p>")


def test_panel_looks_again_after_a_failure_and_stops() -> None:
    """A look that fails does not end the panel; after `stop` nobody looks any more, and the figures stay."""
    read = Figures()
    panel = Panel(read, every_s=0.01)
    panel.start()
    panel.start()
    assert read.third.wait(10)
    panel.stop()
    looks = read.looks
    assert not panel.is_running
    assert f"look {looks}" in panel.body.value
    panel.stop()


def test_panel_can_be_stopped_before_it_started() -> None:
    """Stopping a panel that never looked is harmless."""
    panel = Panel(Figures())
    panel.stop()
    assert not panel.is_running


def test_button_stops_the_panel() -> None:
    """The trainee's button ends the thread."""
    panel = Panel(Figures(), every_s=0.01)
    panel.start()
    panel.button.click()
    panel.stop()
    assert not panel.is_running


def test_panel_is_one_table_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of an open notebook (papermill, nbval, a terminal) the figures are shown once."""
    frame = pd.DataFrame({"hop": ["S3"], "figure": ["2 objects"]})
    monkeypatch.setattr(pipeline_figures, "figures", lambda _: frame)
    shown = panel_module_function(None)  # type: ignore[arg-type]
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


def test_live_is_the_path_with_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each stop that is counted shows its number on the path; the figures stand below."""
    monkeypatch.setattr(
        pipeline_figures, "figures", lambda _: pd.DataFrame({"hop": ["tasks"], "figure": ["2 RUNNING"]})
    )
    monkeypatch.setattr(pipeline_figures, "counts", lambda _: {"alb": 300, "cloudwatch": 1324})
    shown = live(None)  # type: ignore[arg-type]
    assert "load balancer 300" in shown.text
    assert "CloudWatch Logs 1,324" in shown.text
    assert "<b>1,324</b> lines" in shown.html
    assert "2 RUNNING" in shown.html
