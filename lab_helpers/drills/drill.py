"""What all drills have in common: a story told symptom first, one command to break, one to mend, one to undo."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, ClassVar, Self

from lab_helpers.base.errors import NotYetError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.drills.stage import OnTick, Setup, Stage
from lab_helpers.lab import Lab

BROKEN, FIXED = "broken", "fixed"


@dataclass(frozen=True)
class Story:
    """A drill in words, in the order in which an operator meets it. `source` is where users reported it."""

    title: str
    symptom: str
    where_to_look: str
    cause: str
    fix: str
    proof: str
    source: str


class Drill(ABC):
    """One thing that goes wrong. `with drill:` breaks it and undoes everything at the end.

    `inject` breaks, `symptom` shows what a user sees, `evidence` what the right place to look shows, `mend` applies
    the fix, `proof` shows what a user sees then, `undo` removes all that the drill made (so does teardown).
    """

    name: ClassVar[str]
    story: ClassVar[Story]

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
    def evidence(self) -> pd.DataFrame:
        """Return what is found where one should look."""

    @abstractmethod
    def mend(self, on_tick: OnTick = None) -> None:
        """Apply the fix."""

    @abstractmethod
    def proof(self) -> pd.DataFrame:
        """Return the same view as `symptom`, after the fix."""

    def undo(self) -> None:
        """Remove everything that the drill made; may be called twice, and before `inject`."""
        self.stage.opened.close()

    def diagnosis(self) -> dict[str, str]:
        """Return the story's second half, for a reader who has made a guess: where to look, cause, fix, proof."""
        told = asdict(self.story)
        parts = {say(name.replace("_", " ")): say(told[name]) for name in ("where_to_look", "cause", "fix", "proof")}
        return {**parts, say("source"): self.story.source}

    def __enter__(self) -> Self:
        self.inject()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.undo()

    def __repr__(self) -> str:
        return say("drill {name}: {title}", name=self.name, title=say(self.story.title))


class TaskDrill(Drill):
    """A drill that is a task run twice: with a broken setup, and with the fixed one.

    Both tasks run to their end, when the router has drained, so that what is missing then never arrives.
    """

    until: ClassVar[str] = "STOPPED"

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._tasks: dict[str, str] = {}

    @abstractmethod
    def setups(self) -> Mapping[str, Setup]:
        """Return the setups of the takes, `BROKEN` and `FIXED`; may make what they need."""

    @abstractmethod
    def view(self, take: str) -> pd.DataFrame:
        """Return what a user sees of a take."""

    def configuration(self, take: str) -> str:
        """Return the router's extra.conf of a take."""
        return self.setups()[take].conf

    def files(self) -> dict[str, str]:
        """Return more files for the router's image, by name."""
        return {}

    def inject(self, on_tick: OnTick = None) -> None:
        self.undo()
        self._play(BROKEN, on_tick)

    def mend(self, on_tick: OnTick = None) -> None:
        self._play(FIXED, on_tick)

    def symptom(self) -> pd.DataFrame:
        self.task_arn(BROKEN)
        return self.view(BROKEN)

    def proof(self) -> pd.DataFrame:
        self.task_arn(FIXED)
        return self.view(FIXED)

    def evidence(self) -> pd.DataFrame:
        return self.stage.complaints(self.task_arn(BROKEN))

    def undo(self) -> None:
        super().undo()
        self._tasks.clear()

    def task_arn(self, take: str) -> str:
        """Return a take's task; raises NotYetError before it ran."""
        if take not in self._tasks:
            missing = say("The task of drill {name} ({take})", name=self.name, take=take)
            raise NotYetError(missing, cell=f"drill.{_VERB[take]}()")
        return self._tasks[take]

    def task(self, take: str) -> dict[str, Any]:
        """Return ECS's description of a take's task."""
        return self.stage.task(self.task_arn(take))

    def _play(self, take: str, on_tick: OnTick, until: str = "") -> None:
        setups = self.setups()
        image = self.stage.publish({f"{name}.conf": setup.conf for name, setup in setups.items()} | self.files())
        self._tasks[take] = self.stage.run(take, setups[take], image)
        self.stage.wait_for(self._tasks[take], until or self.until, on_tick)


_VERB = {BROKEN: "inject", FIXED: "mend"}
