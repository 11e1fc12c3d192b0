"""The pipeline live: a panel that looks again while a person works on, and a table where nobody watches."""

from __future__ import annotations

import html
import logging
import threading
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import display

from lab_helpers import pipeline_figures
from lab_helpers.base.messages import say
from lab_helpers.display.course_strip import Slot
from lab_helpers.display.drawing import log_path
from lab_helpers.display.progress import in_live_notebook
from lab_helpers.display.tables import Shown, table
from lab_helpers.lab import Lab

EVERY_S = 3.0
_log = logging.getLogger(__name__)


class Panel:
    """A widget with the newest figures; its thread ends with `stop`, with the button, and with the kernel."""

    def __init__(
        self, read: Callable[[], Shown], every_s: float = EVERY_S, put: Callable[[Shown], None] | None = None
    ) -> None:
        self._read, self._every_s, self._put = read, every_s, put
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.body: Any = ipywidgets.HTML(say("looking …"))
        self.button: Any = ipywidgets.Button(description=say("Stop"), icon="stop")
        self.button.on_click(lambda _: self.stop(wait=False))
        self.widget: Any = ipywidgets.VBox([self.body, self.button])

    @property
    def is_running(self) -> bool:
        """Whether the panel still looks."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin to look, in a thread of its own, so that an interrupted cell does not end it; idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="panel", daemon=True)
            self._thread.start()

    def stop(self, *, wait: bool = True) -> None:
        """End the thread; the last figures stay. Safe before `start` and twice."""
        self._ended.set()
        self.button.disabled = True
        if wait and self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._look()
            self._ended.wait(self._every_s)

    def _look(self) -> None:
        try:
            self._show(self._read())
        except (
            Exception
        ):  # whatever it is, the next look may work, and a thread that died would look like a still picture
            _log.debug("The panel could not look.", exc_info=True)
            told = say("The figures cannot be read just now; the panel tries again.")
            self._show(Shown(told, f"<i>{html.escape(told)}</i>"))

    def _show(self, shown: Shown) -> None:
        """Show in the cell's output, which stays when the kernel ends; without one in the widget."""
        if self._put is not None:
            self._put(shown)
        else:
            self.body.value = shown.html


_open: list[Panel] = []
"""The panel of this kernel: a new one takes the old one's place."""


def panel(lab: Lab) -> Shown | None:
    """Show the pipeline: in an open notebook its picture and its figures, live; elsewhere the figures, once."""
    if not in_live_notebook():
        return _figures(lab)
    while _open:
        _open.pop().stop(wait=False)
    looking = say("looking …")
    _open.append(Panel(lambda: live(lab), put=Slot(Shown(looking, looking)).put))
    display(_open[0].button)
    _open[0].start()
    return None


def live(lab: Lab) -> Shown:
    """The path of a log line with the numbers of lines that have passed each stop by now, and the figures below."""
    path, figures = log_path("", pipeline_figures.counts(lab)), _figures(lab)
    return Shown(f"{path.text}\n\n{figures.text}", f"{path.html}{figures.html}")


def _figures(lab: Lab) -> Shown:
    return table(pipeline_figures.figures(lab), say("The pipeline now"))
