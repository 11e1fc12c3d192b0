"""What the experiments have in common: a question, a run, a table that answers it, and nothing left."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import ClassVar, Self

from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.drills.stage import OnTick, Setup, Stage
from lab_helpers.lab import Lab


class Experiment(ABC):
    """One question of the article's FAQ. `run` does it, `result` shows it, `undo` removes all that it made."""

    name: ClassVar[str]
    question: ClassVar[str]

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.stage = Stage(lab, self.name)
        self.tasks: dict[str, str] = {}

    @abstractmethod
    def run(self, on_tick: OnTick = None) -> None:
        """Do it; what an earlier run left is undone first."""

    @abstractmethod
    def result(self) -> pd.DataFrame:
        """Return what was found; columns are the experiment's own."""

    def undo(self) -> None:
        """Remove everything that the experiment made; may be called twice, and before `run`."""
        self.stage.opened.close()
        self.tasks.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.undo()

    def __repr__(self) -> str:
        return say("experiment {name}: {question}", name=self.name, question=say(self.question))

    def play(self, setups: dict[str, Setup], on_tick: OnTick = None) -> None:
        """Run a task a setup side by side, each to its end."""
        image = self.stage.publish({f"{take}.conf": setup.conf for take, setup in setups.items()})
        for take, setup in setups.items():
            self.tasks[take] = self.stage.run(take, setup, image)
        for arn in self.tasks.values():
            self.stage.wait_for(arn, "STOPPED", on_tick)
