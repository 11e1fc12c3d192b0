"""Progress that is a widget in JupyterLab and steady text everywhere else (papermill, nbval, terminals)."""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable
from enum import Enum
from types import TracebackType
from typing import Any, Protocol, Self

from IPython.core.getipython import get_ipython
from IPython.display import display

from lab_helpers.base import parallel
from lab_helpers.base.errors import InterruptedStep
from lab_helpers.base.messages import say
from lab_helpers.base.wait import Tick
from lab_helpers.display.tables import Shown

STEADY_S = 3.0
"""Text says something so often, and a look (`_LOOK_S`) later at most: a step that says nothing for 5 s looks dead."""
PAGE_S = 0.25
"""A bar in an open notebook moves at most so often."""
PROGRESS_MARK = "▸"
_LOOK_S = 1.0


class Ending(Enum):
    """How a step ended."""

    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Sink(Protocol):
    """Where progress is shown."""

    def show(self, share: float | None, text: str) -> None:
        """Show a share of 0 to 1 (None: unknown) and a line of text."""

    def close(self, text: str, ending: Ending = Ending.DONE) -> None:
        """Show the end."""


class Bar:
    """Progress of one step. Use as a context manager; feed it from any thread.

    A bar is also the callback of the readers (`on_progress=bar`), and `bar.tick` that of `wait_until`.
    A thread of the bar's own repeats the last state when nothing else comes; `stop` (or the end of `with`) ends it.
    `after_s`: nothing is shown of a step that ends sooner.
    """

    def __init__(
        self,
        what: str,
        sink: Sink | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        after_s: float = 0.0,
    ) -> None:
        self._what, self._monotonic, self._after_s = what, monotonic, after_s
        self._kind = _suitable_sink()  # asked in the thread of the cell
        self._making = threading.Lock()
        self._sink = sink if sink or after_s else self._kind(monotonic=monotonic)
        self._share: float | None = None
        self._note = say("started")
        self._started = monotonic()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._ending = Ending.DONE

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(exc, KeyboardInterrupt):
            self._note, self._ending = say("interrupted"), Ending.INTERRUPTED
        elif exc is not None:
            self._note, self._ending = say("stopped by {error}", error=type(exc).__name__), Ending.FAILED
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

    def fail(self, text: str) -> None:
        """Say that the step ended, and not well."""
        self._ending = Ending.FAILED
        self.note(text, self._share)

    def tick(self, tick: Tick) -> None:
        """Show a look of `wait_until`."""
        told = say("{seen} (at most {seconds:.0f} s)", seen=tick.seen, seconds=tick.timeout_s)
        self.note(told, tick.elapsed_s / tick.timeout_s)

    def show(self) -> None:
        """Show the state as it is now."""
        with self._making:
            if self._sink is None and self._monotonic() - self._started >= self._after_s:
                self._sink = self._kind(monotonic=self._monotonic)
        if self._sink is not None:
            self._sink.show(self._share, self._line())

    def stop(self) -> None:
        """Show the end and end the thread; safe before `start` and twice."""
        if self._ended.is_set():
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._sink is not None:
            self._sink.close(self._line(), self._ending)

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

    def close(self, text: str, ending: Ending = Ending.DONE) -> None:  # noqa: ARG002  # the text says it
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

    def close(self, text: str, ending: Ending = Ending.DONE) -> None:  # noqa: ARG002  # the text says it
        """Leave the end."""
        self._handle.update(_Line(text))


class _Line:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return f"{PROGRESS_MARK} {self._text}"


class PageSink:
    """A bar with a line of text beside it, as a page and a text in the cell's output.

    No widget: what was shown last is still there when the notebook is opened again or the kernel has restarted. Done,
    failed and interrupted differ by a mark, by colour, and by how far the bar is filled.
    """

    def __init__(self, every_s: float = PAGE_S, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._every_s, self._monotonic = every_s, monotonic
        self._share, self._last = 0.0, monotonic()
        self._lock = threading.Lock()
        self._handle: Any = display(_bar(0.0, "…", None), display_id=True)

    def show(self, share: float | None, text: str) -> None:
        """Move the bar; more often than every `every_s` seconds nobody would see."""
        with self._lock:
            self._share = self._share if share is None else min(max(share, 0.0), 1.0)
            if self._monotonic() - self._last < self._every_s:
                return
            self._last = self._monotonic()
            self._handle.update(_bar(self._share, text, None))

    def close(self, text: str, ending: Ending = Ending.DONE) -> None:
        """Leave the end: full where the step is done, else as far as it came."""
        with self._lock:
            self._handle.update(_bar(1.0 if ending is Ending.DONE else self._share, text, ending))


_ENDINGS = {None: ("", "#2f74c0"), Ending.DONE: ("✔ ", "#2e8b57"), Ending.FAILED: ("✘ ", "#c0392b"),
            Ending.INTERRUPTED: ("■ ", "#b7791f")}  # fmt: skip


def _bar(share: float, text: str, ending: Ending | None) -> Shown:
    mark, colour = _ENDINGS[ending]
    percent = f"{share:.0%}"
    track = "display:inline-block;width:160px;height:12px;border:1px solid #8a8f98;border-radius:3px"
    fill = f"display:block;width:{percent};height:12px;background-color:{colour}"
    bar = f"<span style='{track}' role='progressbar' aria-valuenow='{percent[:-1]}'><span style='{fill}'></span></span>"
    told = html.escape(mark + text)
    return Shown(f"{mark}{percent} {text}", f"<div style='text-align:left'>{bar} <span>{told}</span></div>")


def _suitable_sink() -> type[PageSink] | type[LineSink] | type[TextSink]:
    if in_live_notebook():
        return PageSink
    return LineSink if hasattr(get_ipython(), "kernel") else TextSink


def in_live_notebook() -> bool:
    """Whether the running cell was sent by a notebook that a person has open.

    JupyterLab, Notebook 7 and VS Code name the cell in the request's metadata; nbclient (papermill, nbconvert) and
    nbval do not, and cannot show a widget that changes.
    """
    shell = get_ipython()
    parent: Any = getattr(shell, "get_parent", dict)() if shell is not None else {}
    return "cellId" in (parent.get("metadata") or {})
