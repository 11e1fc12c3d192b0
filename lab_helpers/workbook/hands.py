"""What a notebook's cells do to the running system: file cells, apply, plan, deploy, steps.

Each is a thin shell over a module that works without a notebook; here it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from lab_helpers import deployment, display, insights, playground
from lab_helpers.base.errors import SettingsError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.display import cells, sources
from lab_helpers.exercises import Progress, Status
from lab_helpers.exercises.exercise import MARKS, Words
from lab_helpers.exercises.steps import CATALOGUE, UNTOUCHED, Attempt, Outcome, Step, step_of
from lab_helpers.files import Change
from lab_helpers.files.parts import with_part
from lab_helpers.firelens import classic
from lab_helpers.lab import APPLIED, Lab
from lab_helpers.terraform import RunResult
from lab_helpers.terraform.blocks import block as hcl_block
from lab_helpers.workbook.background import Background
from lab_helpers.workbook.built_view import BuiltView
from lab_helpers.workbook.plan_view import PlanView
from lab_helpers.workbook.predictions import Predictions

SAMPLES = (
    '10.0.11.203 - - [22/Nov/2026:10:59:07 +0000] "GET / HTTP/1.1" 200 45',
    '10.0.11.203 - - [22/Nov/2026:10:59:08 +0000] "GET /?id=1 HTTP/1.1" 200 45',
    '10.0.12.221 - - [22/Nov/2026:10:59:09 +0000] "GET /missing?id=2 HTTP/1.1" 404 196',
)
"""What `%%fluentbit` tries where a cell names no samples: httpd's lines in the article's format."""
SOON_S = 2.0
"""What takes longer shows a bar."""


@dataclass
class HandsOn(Lab):
    """The part of a session that changes things."""

    notebook: str = field(default="", repr=False)
    applying: Background | None = field(default=None, repr=False)
    samples: Sequence[str | Mapping[str, Any]] = field(default=SAMPLES, repr=False)
    played: playground.Played | None = field(default=None, repr=False)
    """What the newest `%%fluentbit` cell did: `lab.reveal` looks at it."""
    _asked: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def write_file(self, name: str, text: str, block: str = "") -> display.Shown:
        """Write a file of the working copy and return what changed; `%%lab_file NAME` does the same.

        With `block` the text takes the place of one part of the file: a block of a `.tf` file
        (`aws_lb_target_group.httpd health_check`), the paragraph with a line (`LogFormat`) of any other, or all from
        there on (`[OUTPUT] ...`). Where the file is not there yet, its beginning in this notebook is completed so.
        Raises FileRefusedError, with the words of who would read it; then nothing was written.
        """
        self.files.path(name)
        if not text.endswith("\n"):
            text += "\n"
        before = self.files.read(name) if self.files.has(name) else None
        if block:
            text = with_part(name, self._beginning(name) or "" if before is None else before, block, text)
        with self._telling(name) as bar:
            if bar:
                bar.note(say("read by whoever uses it"))
            self.readers.check(name, text)
        self.files.write(name, text)
        return sources.change(Change(name, before, text))

    def read_file(self, name: str) -> str:
        """Return a file of the working copy; raises FileRefusedError."""
        return self.files.read(name)

    def insights(self, query: str) -> pd.DataFrame:
        """Ask Logs Insights about httpd's log group, over the last day; one row a row of the answer, all text."""
        return pd.DataFrame(insights.ask(self, query))

    def show_file(self, name: str, block: str = "") -> display.Shown:
        """Return a file of the working copy to look at, or one block of a `.tf` file (`resource "aws_lb" "httpd"`)."""
        text = self.files.read(name)
        return sources.source(name, hcl_block(text, block) if block else text, f"{name} · {block}" if block else name)

    def show_files(self, *names: str) -> display.Shown:
        """Return files of the working copy to look at, one below the other; the first is open, the others unfold."""
        return sources.folded([(name, self.show_file(name)) for name in names])

    def reset(self, name: str) -> display.Shown | None:
        """Bring a file back to its beginning in this notebook (without steps on it: the project's text), or the files
        of a step ("03_2"); apply or deploy it as any change.
        """
        step = step_of(name)
        if step is not None:
            Attempt(step, self, self).reset()
            return None
        original = self._beginning(name)
        if original is None:
            before = self.files.read(name)
            self.files.remove(name)
            return sources.change(Change(name, before, ""))
        return self.write_file(name, original)

    def _beginning(self, name: str) -> str | None:
        """Return a file's text at this notebook's beginning: that of the first step on it, else the project's."""
        number = self.notebook.rpartition("/")[2].partition("_")[0]
        mine = [step for step in CATALOGUE if step.id.startswith((f"{number}_", "drill_")) and name in step.files]
        return mine[0].start(self, name) if mine else self.files.original(name)

    def plan(self) -> PlanView:
        """Return what an apply would do, as Terraform prints it: `+ ~ - -/+`, resource by resource."""
        self._wait_for_apply()
        files = self.files.fingerprint()
        table, text = self.terraform.plan_text()
        self.terraform.remember(files)
        return PlanView(table, text)

    def built(self) -> BuiltView:
        """Return what Terraform has built, as a graph."""
        self._wait_for_apply()
        with self._telling(say("what Terraform has built")):
            return BuiltView.of(self.working_copy / "terraform", self.terraform.resources())

    def apply(self, *, background: bool = False) -> RunResult | Background:
        """Make AWS what the working copy says. `background`: return at once; `.wait()` gives the result."""
        self._wait_for_apply()
        if not background:
            return self._applied()
        self.terraform.init()
        self.applying = Background(self._applied_with, "terraform apply")
        return self.applying

    def deploy(self, *, force: bool = False) -> display.Shown:
        """Build and push the image, start new tasks, wait, and show the old and the new digest and tasks."""
        self._wait_for_apply()
        with display.Bar("deployment") as bar:
            bar.note(say("build and push"))
            done = deployment.deploy(self, force=force, on_tick=bar.tick)
        return display.deployed(done)

    def step(self, name: str, answer: Any = UNTOUCHED) -> StepView:
        """Return a step of the workbook, judged as the lab is now; raises SettingsError for an unknown one."""
        step = step_of(name)
        if step is None:
            raise SettingsError("step", name, "a step of this workbook")
        return StepView(step, self, answer)

    def try_config(self, text: str) -> display.Shown:
        """Run a configuration on sample records and show each before and after; `%%fluentbit` does the same.

        Samples are the lines under `[SAMPLE]` (a first line `Tag NAME` names their tag), else those of `lab.samples`.
        """
        self.played = self.play(text)
        return display.played(self.played)

    def play(self, text: str) -> playground.Played:
        """Return what a configuration does to the samples, as data."""
        given = [_samples(each.lines) for each in classic.sections(text) if each.kind == "SAMPLE"]
        samples = [sample for some in given for sample in some] or playground.samples_of(self.samples)
        rest = classic.without_sections(text, "SAMPLE") if given else text
        return playground.play(rest, samples, self.router_check, self.files)

    def predict(self, name: str, question: str, options: Sequence[str]) -> Any:
        """Ask for a guess before something is run; it is kept when a button is chosen."""
        return self._predictions.ask(name, question, options)

    def reveal(self, name: str, outcome: str | tuple[str, ...]) -> display.Shown:
        """Show what happened beside the guess; `outcome` is one of the options (or several), by a figure of the run."""
        return self._predictions.reveal(name, outcome)

    def _telling(self, what: str) -> AbstractContextManager[display.Bar | None]:
        """Return a bar for what is soon done on most machines: it shows when it is not.

        There is none where outputs are kept and compared: with nobody before the page, and no answers to be tried.
        """
        is_seen = self.settings.solve or display.in_live_notebook()
        return display.Bar(what, after_s=SOON_S) if is_seen else nullcontext()

    @property
    def _predictions(self) -> Predictions:
        return Predictions(Progress(self.settings.home, self.settings.owner), self._asked)

    # what a step does in the trainee's place (steps.Hands)

    def put_file(self, name: str, text: str) -> None:
        """Write a file without showing it."""
        self.write_file(name, text)

    def said_of(self, name: str, text: str) -> str:
        """Return what its reader says against a text."""
        return self.readers.words(name, text)

    def apply_now(self) -> None:
        """Apply, without a result."""
        self._wait_for_apply()
        self._applied()

    def deploy_now(self) -> None:
        """Deploy, without showing it."""
        self.deploy()

    def notebook_names(self) -> dict[str, Any]:
        """Return the names that the notebook has defined."""
        return cells.notebook_names()

    def _applied(self) -> RunResult:
        return self._applied_with(self.display)

    def _applied_with(self, shown: Any) -> RunResult:
        files = self.files.fingerprint()
        result = replace(self.terraform, display=shown).apply()
        self.terraform.remember(files)
        self.notes.take(APPLIED)
        self._outputs = None
        return result

    def _wait_for_apply(self) -> None:
        running, self.applying = self.applying, None
        if running is not None:
            running.wait()


def _samples(lines: Sequence[str]) -> Sequence[playground.Sample]:
    """Return the samples of a `[SAMPLE]` part of a cell."""
    given = [line.strip() for line in lines if line.strip()]
    first = given[0].split() if given else []
    is_tagged = len(first) == 2 and first[0].lower() == "tag"
    tag = first[1] if is_tagged else playground.TAG
    return playground.samples_of(given[is_tagged:], tag)


class StepView:
    """A step as a cell shows it; made by `lab.step`. `answer` is what later cells can use."""

    def __init__(self, step: Step, lab: HandsOn, answer: Any) -> None:
        self.step, self._lab, self._given = step, lab, answer
        self._progress = Progress(lab.settings.home, lab.settings.owner)
        self._told: list[str] = []
        self.outcome: Outcome = self._judge()

    @property
    def answer(self) -> Any:
        """The trainee's answer, or the reference's where there was none."""
        return self.outcome.answer

    def check(self) -> StepView:
        """Judge the step again, as the lab is now."""
        self.outcome = self._judge()
        return self

    def hint(self) -> Words:
        """Return the next hint; after the last one, the last again."""
        count = len(self.step.hints)
        if not count:
            return Words(say("There is no hint: ask your trainer."))
        number = min(self._progress.of(self.step.id).hints + 1, count)
        self._progress.hinted(self.step.id, number)
        hint = say(self.step.hints[number - 1])
        more = "" if number < count else " " + say("It was the last: solution() shows an answer.")
        return Words(say("Hint {step} of {count}: {hint}", step=number, count=count, hint=hint) + more)

    def solution(self) -> Words:
        """Return the reference answer as it goes into a cell; in a student's copy, where to get it."""
        if not self.step.has_reference():
            return Words(say("This copy has no solutions: ask your trainer."))
        self._progress.solution_seen(self.step.id)
        if not self.step.files:
            return Words(self.step.reference_code().rstrip())
        texts = self.step.reference_files()
        return Words("\n\n".join(f"%%lab_file {name}\n{text}".rstrip() for name, text in texts.items()))

    def _judge(self) -> Outcome:
        attempt = Attempt(self.step, self._lab, self._lab)
        with self._lab._telling(say("step {id}", id=self.step.id)) as bar:
            if self._lab.settings.solve:
                return attempt.solve(self._given, bar.note if bar else str)
            if bar:
                bar.note(say("the lab is asked"))
            found = attempt.judge(self._given)
            if bar and found.status is Status.FAILED:
                bar.fail(say("not yet"))
        if found.status is not Status.NOT_ATTEMPTED:
            self._progress.attempted(self.step.id, found.status is Status.PASSED)
        return found

    def _ipython_display_(self) -> None:
        """Show the step with buttons where a person has the notebook open; elsewhere as text and page alone."""
        if not display.in_live_notebook():
            raise NotImplementedError  # IPython then asks _repr_mimebundle_
        again = display.Action("Check", lambda: self.check()._shown())
        hint = display.Action("Hint", lambda: self._told_below(self.hint()))
        solution = display.Action("Solution", lambda: self._told_below(self.solution()))
        display.show_with_buttons(self._shown(), [again, hint, solution])

    def _told_below(self, words: Words) -> display.Shown:
        self._told += [words.text] if words.text not in self._told else []
        return display.below(self._shown(), self._told)

    def _shown(self) -> display.Shown:
        told = say(
            "step {id} ({minutes} min): {title}",
            id=self.step.id,
            minutes=self.step.minutes,
            title=say(self.step.title),
        )
        mark, status = MARKS[self.outcome.status], say(self.outcome.status.value)
        return display.verdict(told, mark, status, self.outcome.why)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return self._shown()._repr_mimebundle_()

    def __repr__(self) -> str:
        return self._shown().text
