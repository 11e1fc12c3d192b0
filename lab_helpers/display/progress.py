"""Progress that is a widget in JupyterLab and steady text everywhere else (papermill, nbval, terminals)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

import ipywidgets
from IPython.core.getipython import get_ipython
from IPython.display import display

from lab_helpers.base import parallel
from lab_helpers.base.errors import InterruptedStep
from lab_helpers.base.messages import say
from lab_helpers.base.wait import Tick

STEADY_S = 5.0
"""Text says something at least this often, so that a long step never looks dead (papermill's and nbval's timeouts)."""
PROGRESS_MARK = "▸"
_LOOK_S = 1.0


class Sink(Protocol):
    """Where progress is shown."""

    def show(self, share: float | None, text: str) -> None:
        """Show a share of 0 to 1 (None: unknown) and a line of text."""

    def close(self, text: str) -> None:
        """Show the end."""


class Bar:
    """Progress of one step. Use as a context manager; feed it from any thread.

    A bar is also the callback of the readers (`on_progress=bar`), and `bar.tick` that of `wait_until`.
    A thread of the bar's own repeats the last state when nothing else comes; `stop` (or the end of `with`) ends it.
    """

    def __init__(self, what: str, sink: Sink | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._what, self._monotonic = what, monotonic
        self._sink: Sink = sink or _suitable_sink(monotonic)
        self._share: float | None = None
        self._note = say("started")
        self._started = monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(exc, KeyboardInterrupt):
            self._note = say("interrupted")
        elif exc is not None:
            self._note = say("stopped by {error}", error=type(exc).__name__)
        self.stop()
        if isinstance(exc, KeyboardInterrupt):
            raise InterruptedStep from exc

    def __call__(self, progress: parallel.Progress) -> None:
        self.update(progress.done, progress.total, progress.unit)

    def start(self) -> None:
        """Begin to show; idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._repeat, name="progress", daemon=True)
            self._thread.start()

    def update(self, done: float, total: float, unit: str = "") -> None:
        """Say that `done` of `total` units are done."""
        told = say("{done:,} of {total:,} {unit}", done=done, total=total, unit=say(unit))
        self.note(told.rstrip(), done / total if total else None)

    def note(self, text: str, share: float | None = None) -> None:
        """Say something, with a share of 0 to 1 when it is known."""
        self._note, self._share = text, share
        self.show()

    def tick(self, tick: Tick) -> None:
        """Show a look of `wait_until`."""
        told = say("{seen} (at most {seconds:.0f} s)", seen=tick.seen, seconds=tick.timeout_s)
        self.note(told, tick.elapsed_s / tick.timeout_s)

    def show(self) -> None:
        """Show the state as it is now."""
        self._sink.show(self._share, self._line())

    def stop(self) -> None:
        """Show the end and end the thread; safe before `start` and twice."""
        if self._ended.is_set():
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._sink.close(self._line())

    def _line(self) -> str:
        seconds = self._monotonic() - self._started
        return say("{what}: {note}, {seconds:.0f} s", what=say(self._what), note=self._note, seconds=seconds)

    def _repeat(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self.show()


class TextSink:
    """Prints a line when the last one is `every_s` seconds old, and always the last one."""

    def __init__(
        self,
        write: Callable[[str], object] = lambda line: print(line, flush=True),
        every_s: float = STEADY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write, self._every_s, self._monotonic = write, every_s, monotonic
        self._lock = threading.Lock()
        self._last = monotonic()

    def show(self, share: float | None, text: str) -> None:
        """Print, unless a line was printed lately."""
        with self._lock:
            if self._monotonic() - self._last < self._every_s:
                return
            self._last = self._monotonic()
        self._write(f"{share:4.0%} {text}" if share is not None else text)

    def close(self, text: str) -> None:
        """Print the end."""
        self._write(text)


class LineSink:
    """One line of a notebook's output that is replaced as things go on: what papermill keeps is the last state.

    The line begins with a mark by which tests.sanitize.cfg finds it: its numbers differ from run to run.
    """

    def __init__(self, every_s: float = STEADY_S, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._monotonic = every_s, monotonic
        self._last = monotonic()
        self._handle: Any = display(_Line("…"), display_id=True)

    def show(self, share: float | None, text: str) -> None:
        """Replace the line, unless it was replaced lately."""
        if self._monotonic() - self._last >= self._every_s:
            self._last = self._monotonic()
            self._handle.update(_Line(f"{share:.0%} {text}" if share is not None else text))

    def close(self, text: str) -> None:
        """Leave the end."""
        self._handle.update(_Line(text))


class _Line:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"{PROGRESS_MARK} {self._text}"


class WidgetSink:
    """A progress bar with a line of text beside it."""

    def __init__(self) -> None:
        self._bar: Any = ipywidgets.FloatProgress(min=0.0, max=1.0)
        self._label: Any = ipywidgets.Label()
        display(ipywidgets.HBox([self._bar, self._label]))

    def show(self, share: float | None, text: str) -> None:
        """Move the bar."""
        self._bar.value = self._bar.value if share is None else share
        self._label.value = text

    def close(self, text: str) -> None:
        """Fill the bar; it stays in the cell."""
        self._bar.value = 1.0
        self._label.value = text


def _suitable_sink(monotonic: Callable[[], float]) -> Sink:
    if in_live_notebook():
        return WidgetSink()
    in_kernel = hasattr(get_ipython(), "kernel")
    return LineSink(monotonic=monotonic) if in_kernel else TextSink(monotonic=monotonic)


def in_live_notebook() -> bool:
    """Whether the running cell was sent by a notebook that a person has open.

    JupyterLab, Notebook 7 and VS Code name the cell in the request's metadata; nbclient (papermill, nbconvert) and
    nbval do not, and cannot show a widget that changes.
    """
    shell = get_ipython()
    parent: Any = getattr(shell, "get_parent", dict)() if shell is not None else {}
    return "cellId" in (parent.get("metadata") or {})
