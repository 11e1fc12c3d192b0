"""The strip's buttons: begin here, and back to the beginning of this notebook; each asks before it does anything."""

from __future__ import annotations

import threading
from collections.abc import Callable

from lab_helpers.base.config import Settings
from lab_helpers.base.errors import CheckpointError
from lab_helpers.base.messages import say
from lab_helpers.checkpoints import Shelf
from lab_helpers.checkpoints.shelf import automatic_name
from lab_helpers.display.buttons import Asking

Watched = Callable[[str, Callable[[], str]], str]
Go = Callable[[str, Watched], str]
"""Brings the lab to a place, with who is told of each notebook that is run; returns a sentence that says how."""
_LOOK_S = 1.0


def show(settings: Settings, notebook: str, go: Go) -> None:
    """Show the buttons, on the local AWS; an account cannot be set back, and consent is given in a terminal."""
    if not settings.can.is_embedded:
        return
    asking = Asking()

    def act() -> str:
        asking.say(say("The lab is being brought there …"))
        done = go(place(notebook), lambda name, run: _watched(asking, name, run))
        return f"{done} {say('Run the first cells of this notebook again, then go on.')}"

    asking.offer("Begin here", lambda: beginning(settings, notebook), act)
    asking.offer("Back to the beginning of this notebook", lambda: back(settings, notebook), act)
    asking.show()


def place(notebook: str) -> str:
    """Return what `lab goto` calls a notebook ("05", "drills/3")."""
    folder, _, stem = notebook.rpartition("/")
    number = stem.partition("_")[0]
    return f"{folder}/{number}" if folder else number


def beginning(settings: Settings, notebook: str) -> str:
    """Return what beginning here would do."""
    from lab_helpers.workbook import goto, runner  # papermill is slow to import

    way = goto.way_to(Shelf(settings), place(notebook))
    if not way.missing and way.start == automatic_name(notebook):
        return back(settings, notebook)
    if not way.missing:
        return say("A new lab is begun. What is there now is kept: lab goto before-goto brings it back. Go on?")
    names = ", ".join(runner.name_of(path) for path in way.missing)
    return say(
        "The lab becomes the one in which this notebook begins. What is missing is run first, with its reference "
        "answers: {names}. That takes minutes, and this notebook waits. What is there now is kept: lab goto "
        "before-goto brings it back. Go on?",
        names=names,
    )


def back(settings: Settings, notebook: str) -> str:
    """Return what going back would do; raises CheckpointError where this notebook has no beginning to go back to."""
    from lab_helpers.workbook import goto

    name = automatic_name(notebook)
    way = goto.way_to(Shelf(settings), place(notebook))
    if way.missing or way.start != name:
        raise CheckpointError(say("This notebook was not begun on a lab that was built. Begin here makes one."))
    return say(
        "The lab becomes what it was at {at}: files, AWS, logs. Your text here, your steps and guesses stay. What is "
        "there now is kept: lab goto before-goto brings it back. Go on?",
        at=Shelf(settings).get(name).at.replace("T", " ").replace("+00:00", " UTC"),
    )


def _watched(asking: Asking, name: str, run: Callable[[], str]) -> str:
    """Run a notebook, and say each second how long it takes."""
    ended, seconds = threading.Event(), 0

    def tell() -> None:
        nonlocal seconds
        while not ended.wait(_LOOK_S):
            seconds += 1
            asking.say(say("notebook {name} is run, {seconds} s", name=name, seconds=seconds))

    thread = threading.Thread(target=tell, name="goto", daemon=True)
    thread.start()
    try:
        return run()
    finally:
        ended.set()
        thread.join()
