"""A notebook's session: a lab, with the notebook's checks, its exercises, and its way to show progress.

Every notebook begins with `lab = open_lab(...)`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from sqlite3 import DatabaseError
from typing import TYPE_CHECKING, Any

from lab_helpers import display, traffic, visitors
from lab_helpers.account.bill import Pipeline, compare
from lab_helpers.account.bill import bill as monthly_bill
from lab_helpers.backends.backend import silent
from lab_helpers.base import config
from lab_helpers.base.errors import CheckpointError, SettingsError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import language_of, say, speak
from lab_helpers.checkpoints import Shelf, begin_notebook, take_named
from lab_helpers.display import Bar, TerraformBar, explain_missing_names, register_cell_magic
from lab_helpers.exercises import Exercise, exercise_of
from lab_helpers.lab import BUFFER, Lab, attach
from lab_helpers.pipeline import cost, trace
from lab_helpers.strip import Strips, shown
from lab_helpers.workbook.checks import CHECKS, Checks
from lab_helpers.workbook.course import plain_name
from lab_helpers.workbook.hands import HandsOn

if TYPE_CHECKING:
    from lab_helpers.display import Trace
    from lab_helpers.visitors import Visitors

LAST = "10_"
"""How the name of the course's last notebook begins: at its foot is the certificate."""
_LOG = logging.getLogger(__name__)


@dataclass
class Session(HandsOn):
    """What a notebook works with; make it with `open_lab`."""

    check: Checks = field(default_factory=Checks, repr=False)
    strips: Strips | None = field(default=None, repr=False)
    """Those of a notebook that a person has open; None in a headless run."""

    def exercise(self, name: str) -> Exercise:
        """Return an exercise of the workbook ("04_1": the first of notebook 04); raises SettingsError."""
        return exercise_of(name, self, self.settings.home, self.settings.owner)

    def by_hand(self) -> traffic.ByHand:
        """Send one GET with an id of its own and keep it: `trace` follows it, here and in later notebooks."""
        request = traffic.by_hand(self.outputs.url)
        trace.keep(self, request)
        return request

    @property
    def traced_id(self) -> str:
        """The id of the newest request by hand; raises NotYetError before notebook 04."""
        return trace.traced_id(self)

    def trace(self, request_id: str = "") -> Trace:
        """Follow a request (without an id: the newest by hand) through all its stops; errors as `trace.follow`."""
        name = request_id or self.traced_id
        with self._telling(say("the stops of {id}", id=name)):
            return display.Trace(name, trace.follow(self, name))

    def visitors(
        self,
        seed: int = 1,
        requests: int = visitors.DEFAULT_REQUESTS,
        seconds: float = visitors.DEFAULT_SECONDS,
        minutes_of_the_day: tuple[int, int] = (0, visitors.MINUTES),
    ) -> Visitors:
        """Let a day of visitors come to the service, with a bar, and keep what was sent; see `visitors.visit`."""
        with Bar("visitors") as bar:
            made = visitors.visit(self.outputs.url, seed, requests, seconds, minutes_of_the_day, on_progress=bar)
        self.notes.keep_frame("visitors", made.sent)
        self.notes.keep_frame("visitors-truth", made.truth)
        return made

    def bill(self, requests_per_s: float, **pipeline: Any) -> pd.DataFrame:
        """Return what this pipeline would bill a month at such a rate: item, unit, quantity, price, USD.

        `pipeline` are members of `account.bill.Pipeline`. Errors as `cost.measured` and `account.bill.bill`.
        """
        load = cost.measured(self, requests_per_s)
        return monthly_bill(load, self._pipeline(pipeline), self.settings.region)

    def compare_bills(self, requests_per_s: float, **pipeline: Any) -> pd.DataFrame:
        """Return the month of this pipeline and of its variants (without health checks, Infrequent Access, …)."""
        load = cost.measured(self, requests_per_s)
        return compare(load, self.settings.region, self._pipeline(pipeline))

    def _pipeline(self, members: dict[str, Any]) -> Pipeline:
        try:
            return Pipeline(**{"buffer_s": float(self.settings.buffer_s), **members})
        except TypeError as exc:
            known = ", ".join(each.name for each in fields(Pipeline))
            raise SettingsError("pipeline", sorted(members), f"some of {known}") from exc

    def board(self) -> display.Shown | None:
        """Show the pipeline: in an open notebook a live board, elsewhere one look; errors as `display.board`."""
        return display.board(self)

    def where(self) -> display.Shown | None:
        """Show where one is in the course: in an open notebook the strip that is kept up to date, else its text."""
        if self.strips is None:
            return shown(self.settings, self.notebook)
        self.strips.end()
        if plain_name(self.notebook).startswith(LAST):
            display.ask_line("Your name", "Write my certificate", self.settings.owner, self.certificate)
        return None

    def certificate(self, name: str = "") -> display.Shown:
        """Write what was done until now as a page with a signature, and show where it is; raises SettingsError."""
        from lab_helpers.workbook import certificate  # cryptography is for nobody else

        path = certificate.issue(self.settings, name)
        told = say("Your certificate: {file}", file=path.name)
        return display.strip([], [(told, f"{'../' * (self.notebook.count('/') + 1)}{path.name}")])

    def checkpoint(self, name: str, *, replace: bool = False) -> None:
        """Keep the lab as it is now; `lab.goto(name)` brings it back. Raises SettingsError, CheckpointError."""
        taken = take_named(self.settings, name, replace=replace)
        self.say(
            "Checkpoint {name}: {events:,} log events, {objects:,} objects. lab.goto({name!r}) brings it back.",
            name=taken.name, events=taken.log_events, objects=taken.objects,
        )  # fmt: skip

    def checkpoints(self) -> pd.DataFrame:
        """Return the checkpoints: columns name, at, log_events, objects, notebook (empty: taken by hand)."""
        rows = [(c.name, c.at, c.log_events, c.objects, c.notebook) for c in Shelf(self.settings).all()]
        return pd.DataFrame(rows, columns=["name", "at", "log_events", "objects", "notebook"])

    def goto(self, where: str) -> None:
        """Bring the lab to a checkpoint, or to where a notebook begins ("05"); errors as `workbook.goto.goto`."""
        print(self._gone(where, _watched))

    def _gone(self, where: str, watched: Callable[[str, Callable[[], str]], str]) -> str:
        """Go there, and return a sentence that says how."""
        from lab_helpers.workbook import goto  # papermill is slow to import

        way = goto.goto(self.settings, where, partial(goto.run_apart, watched=watched))
        self.notes.identity = self.backend.identity()
        self._outputs = self._files = None
        begun = way.start or say("a new lab")
        return say(
            "The lab is at {where}: {start}, {count} notebooks run.", where=where, start=begun, count=len(way.missing)
        )

    def say(self, text: str, **values: Any) -> None:
        """Print a sentence in the reader's language, with `values` in the places of its `{names}`."""
        print(say(text, **values))

    __repr__ = Lab.__repr__


def open_lab(notebook: str, **settings: Any) -> Session:
    """Start the backend if it is not there and return the session; settings are those of config.Settings.

    Who has the notebook open is told of what takes some seconds, as is a run that tries answers. `notebook` is the
    notebook's name without `.ipynb`, with its folder; its checks are collected under it, and its language is spoken
    from now on (`ja/…`: Japanese).
    Raises SettingsError, LocalAwsStartError.
    """
    speak(language_of(notebook))
    is_live = display.in_live_notebook()
    loaded = config.load(**settings)
    lab = attach(loaded, print if is_live or loaded.solve else silent)  # elsewhere outputs are kept and compared
    if settings.get(BUFFER) is None and lab.notes.has(BUFFER):
        lab.settings = replace(lab.settings, buffer_s=lab.notes.read(BUFFER, "The infrastructure", "02"))
    check = Checks(notebook, lab.settings.home / CHECKS)
    session = Session(lab.settings, lab.backend, lab.notes, TerraformBar, check=check, notebook=notebook)
    register_cell_magic("lab_file", lambda line, body: session.write_file(*_file_and_block(line, body)))
    register_cell_magic("fluentbit", lambda _, body: session.try_config(body))
    explain_missing_names()
    _begin(lab, notebook)
    if is_live:
        session.strips = Strips(session.settings, notebook, session._gone)
        session.strips.begin()
    return session


def _begin(lab: Lab, notebook: str) -> None:
    """Keep the lab as it is where a notebook begins; a disk that is full is no reason not to begin."""
    try:
        begin_notebook(lab.settings, notebook, lab.backend.identity())
    except (OSError, CheckpointError, DatabaseError) as exc:
        _LOG.warning("no checkpoint of the beginning of %s: %s", notebook, exc)


def _watched(name: str, run: Callable[[], str]) -> str:
    with Bar(say("notebook {name}", name=name)):
        return run()


def _file_and_block(line: str, body: str) -> tuple[str, str, str]:
    """Read the line of `%%lab_file NAME [BLOCK]`: the file's name, the cell's body, the block that it stands for."""
    name, _, block = line.strip().partition(" ")
    return name, body, block.strip()
