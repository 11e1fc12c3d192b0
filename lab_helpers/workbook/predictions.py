"""Guesses: given before the run, kept, and shown beside the outcome afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab_helpers import display
from lab_helpers.base.errors import NotYetError, SettingsError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.exercises.progress import Guess, Progress


@dataclass(frozen=True)
class Predictions:
    """The guesses of one trainee; what options a guess has is noted in this kernel."""

    progress: Progress
    options: dict[str, tuple[str, ...]]

    def ask(self, name: str, question: str, options: Sequence[str]) -> Any:
        """Ask for a guess: buttons where a person sits, a table anywhere else. Raises SettingsError."""
        choices = tuple(options)
        if len(choices) < 2 or len(set(choices)) != len(choices):
            raise SettingsError("options", list(choices), "two or more different answers")
        self.options[name] = choices
        kept = self.progress.guess(name).chosen
        if display.in_live_notebook():
            chosen = kept if kept in choices else None
            return display.radio(say(question), choices, chosen, lambda choice: self.progress.guessed(name, choice))
        frame = pd.DataFrame({say("your guess"): [f"○ {say(choice)}" for choice in choices]})
        return display.table(frame, say(question))

    def reveal(self, name: str, outcome: str | tuple[str, ...]) -> display.Shown:
        """Show the guess beside the outcome; nobody guessed is no error. Of several outcomes a guess at one is right.

        Raises NotYetError when nothing was asked, SettingsError for an outcome that was no option.
        """
        if name not in self.options:
            raise NotYetError("The question", cell=f"lab.predict({name!r}, …)")
        outcomes = (outcome,) if isinstance(outcome, str) else outcome
        for each in outcomes or ("",):
            if each not in self.options[name]:
                raise SettingsError("outcome", each, f"one of {', '.join(self.options[name])}")
        chosen = self.progress.guess(name).chosen
        guess = self.progress.revealed(name, chosen if chosen in outcomes else outcomes[0])
        happened = " · ".join(say(each) for each in outcomes)
        told = {"your guess": say(guess.chosen) if guess.chosen else say("no guess"), "what happened": happened}
        return display.facts(told, _verdict(guess))


def _verdict(guess: Guess) -> str:
    if not guess.chosen:
        return say("… nothing was guessed")
    return say("✔ as you said") if guess.is_right else say("✘ it went otherwise")
