"""What all drills have in common: broken by one command, looked into, mended by the trainee's file, undone."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

from lab_helpers.base.errors import NotYetError, WaitTimeoutError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.display import Shown
from lab_helpers.drills import case, views
from lab_helpers.drills.case import Files
from lab_helpers.drills.looks import newest_record
from lab_helpers.drills.rights import allowed_beyond
from lab_helpers.drills.stage import OnTick, Setup, Stage
from lab_helpers.drills.trial import refused_by_the_router
from lab_helpers.lab import Lab

BROKEN, FIXED = "broken", "fixed"


@dataclass(frozen=True)
class Story:
    """A drill in words, in the order in which an operator meets it. `source` is where users reported it.

    `reasons` are what is said to each cause that the trainee may choose, by its letter; `right` is the letter of the
    cause. The causes themselves stand in the notebook.
    """

    title: str
    symptom: str
    where_to_look: str
    cause: str
    fix: str
    proof: str
    source: str
    right: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)


class Drill(ABC):
    """One thing that goes wrong. `with drill:` breaks it and undoes everything at the end.

    `inject` breaks, `symptom` shows what a user sees, `show` the broken system, `mend` applies the trainee's files
    (or the reference), `proof` shows what a user sees then, `diagnosis` unfolds cause and diff, `undo` removes all that
    the drill made (so does teardown).
    """

    name: ClassVar[str]
    story: ClassVar[Story]
    mendable: ClassVar[tuple[str, ...]] = (case.CONF,)
    """The files that the trainee mends, as case.py has them; empty where a call mends."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.stage = Stage(lab, self.name)

    @abstractmethod
    def inject(self, on_tick: OnTick = None) -> None:
        """Break it; an earlier injection is undone first."""

    @abstractmethod
    def symptom(self) -> pd.DataFrame:
        """Return what the user notices; columns are the drill's own."""

    @abstractmethod
    def show(self) -> Shown:
        """Return the broken system to look into: files, container definitions, the app."""

    @abstractmethod
    def evidence(self) -> pd.DataFrame:
        """Return what is found where one should look."""

    @abstractmethod
    def mend(self) -> None:
        """Apply the reference's mend; where the trainee's own is given, that."""

    @abstractmethod
    def proof(self) -> pd.DataFrame:
        """Return the same view as `symptom`, after the mend."""

    @abstractmethod
    def is_mended(self, seen: pd.DataFrame) -> bool:
        """Tell from a view (`symptom`, `proof`) whether the system is whole."""

    def undo(self) -> None:
        """Remove everything that the drill made; may be called twice, and before `inject`."""
        self.stage.opened.close()

    def diagnosis(self) -> Shown:
        """Return what unfolds after the mend: where to look, cause, fix, proof, source, evidence, and the diff."""
        told = asdict(self.story)
        parts = {say(name.replace("_", " ")): say(told[name]) for name in ("where_to_look", "cause", "fix", "proof")}
        mended = case.mended(self.name, self.mendable)
        return views.diagnosis(
            {**parts, say("source"): self.story.source}, self.evidence(), self.broken_files(), mended
        )

    def broken_files(self) -> dict[str, str]:
        """Return the mendable files with the mistake."""
        return case.broken(self.name, self.mendable)

    def __enter__(self) -> Self:
        self.inject()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.undo()

    def __repr__(self) -> str:
        return say("drill {name}: {title}", name=self.name, title=say(self.story.title))


class TaskDrill(Drill):
    """A drill that is a task run twice: with the broken files, and with the mended ones.

    Both tasks run to their end, when the router has drained, so that what is missing then never arrives. Which tasks
    they were is noted, so that a step, or a later kernel, finds them.
    """

    until: ClassVar[str] = "STOPPED"

    @abstractmethod
    def setup(self, files: Files) -> Setup:
        """Return how the task is run with these files; may make what it needs. Raises LabError."""

    @abstractmethod
    def view(self, take: str) -> pd.DataFrame:
        """Return what a user sees of a take."""

    def given(self) -> dict[str, str]:
        """Return more files for the router's image, by name; they are right."""
        return {}

    def inject(self, on_tick: OnTick = None) -> None:
        self._begin_anew()
        self._play(BROKEN, self.broken_files(), on_tick)

    def _begin_anew(self) -> None:
        """Undo an earlier injection; an earlier mend goes too, or its diff would give it away."""
        self.undo()
        for name in self.mendable:
            self.lab.files.remove(case.path_of(self.name, name))

    def mend(self, files: Files | None = None, on_tick: OnTick = None) -> None:
        """Run the task with these files (the reference, unless given); raises LabError when they cannot be run."""
        chosen = files if files is not None else case.mended(self.name, self.mendable)
        self._refuse(chosen)
        self._clear(FIXED)
        self._mend(chosen, on_tick)

    def symptom(self) -> pd.DataFrame:
        self.task_arn(BROKEN)
        return self.view(BROKEN)

    def proof(self) -> pd.DataFrame:
        self.task_arn(FIXED)
        return self.view(FIXED)

    def evidence(self) -> pd.DataFrame:
        return self.stage.complaints(self.task_arn(BROKEN))

    def show(self) -> Shown:
        setup = self.setup(self.broken_files())
        return views.system({**self.broken_files(), **self.given()}, self.stage.containers(BROKEN, setup))

    def router_log(self, take: str = BROKEN) -> Shown:
        """Return the router's own log, as it printed it, without its start and its end."""
        return views.router_log(self.stage.wait_for_router_log(self.task_arn(take)))

    def describe(self, take: str = BROKEN) -> Shown:
        """Return what DescribeTasks answers about the task: the part that says how it stands."""
        return views.task(self.task(take))

    def record(self, take: str = BROKEN) -> Shown:
        """Return the newest event of the task's log group, as CloudWatch Logs has it."""
        return views.record(self.stage.events(take))

    def keys(self, take: str = BROKEN) -> pd.DataFrame:
        """Return the newest record, a key a row: key, value."""
        return newest_record(self.stage.events(take))

    def undo(self) -> None:
        super().undo()
        self.lab.notes.drop(self._note)

    def task_arn(self, take: str) -> str:
        """Return a take's task; raises NotYetError before it ran."""
        tasks = self._tasks()
        if take not in tasks:
            missing = say("The task of drill {name} ({take})", name=self.name, take=take)
            raise NotYetError(missing, cell=f"drill.{_VERB[take]}()")
        return tasks[take]

    def task(self, take: str) -> dict[str, Any]:
        """Return ECS's description of a take's task."""
        return self.stage.task(self.task_arn(take))

    def definition(self, take: str) -> list[dict[str, Any]]:
        """Return the container definitions that a take's task was started with."""
        return self.stage.definition(self.task(take)["taskDefinitionArn"])

    def _mend(self, files: Files, on_tick: OnTick) -> None:
        self._play(FIXED, files, on_tick)

    def _play(self, take: str, files: Files, on_tick: OnTick, until: str = "") -> None:
        setup = self.setup(files)
        image = self.stage.publish({setup.config_name or f"{take}.conf": setup.conf} | self.given())
        self._keep(take, self.stage.run(take, setup, image))
        self.stage.wait_for(self.task_arn(take), until or self.until, on_tick)

    def _wait_for_events(self, take: str, count: int, on_tick: OnTick) -> None:
        """Wait until so many events are there, or until none will come: the router has ended, or time is over."""
        with contextlib.suppress(WaitTimeoutError):
            self.stage.wait_for_events(take, count, on_tick, self.task_arn(take))

    def _refuse(self, files: Files) -> None:
        """Raise LabError when a file is missing, or when the router would not start with it."""
        for name in self.mendable:
            if not files.get(name, "").strip():
                raise case.refusal(name, say("it would be empty"))
        for name in {case.TASK_ROLE, case.EXECUTION_ROLE}.intersection(files):
            if action := allowed_beyond(files[name]):
                told = say("it also allows {action}: that is more than this task needs", action=action)
                raise case.refusal(name, told)
        if case.CONF in files and (words := refused_by_the_router(self.lab, files[case.CONF], self.given())):
            raise case.refusal(case.CONF, words)

    def _clear(self, take: str) -> None:
        """Remove what an earlier try with other files has left."""
        if take in self._tasks():
            self.stage.clear(take, self._tasks()[take])

    def _tasks(self) -> dict[str, str]:
        return dict(self.lab.notes.read(self._note, "A drill", "02")) if self.lab.notes.has(self._note) else {}

    def _keep(self, take: str, arn: str) -> None:
        self.lab.notes.take(self._note, {**self._tasks(), take: arn})

    @property
    def _note(self) -> str:
        return f"drill tasks:{self.name}"


_VERB = {BROKEN: "inject", FIXED: "mend"}
