"""`lab events`: the API calls of late, who made them, and which were refused."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from lab_helpers.backends.calls import CallReader, Row, is_refused, lines
from lab_helpers.backends.local import backend_of
from lab_helpers.base import config
from lab_helpers.base.redact import redact
from lab_helpers.cli.logs import visible

SHOWN = 40
LOCAL_EVERY_S, ACCOUNT_EVERY_S = 1.0, 15.0
NONE = "No call has been made yet."
NONE_DENIED = "No call was refused."


def add(commands: Any) -> None:
    """Add `events` to the subcommands of `lab` (argparse's action)."""
    text = "show the API calls of late: when, who, what, on what, allowed or not"
    more = "On an account these are CloudTrail's management events, some minutes late."
    command = commands.add_parser("events", help=text, description=f"{text}. {more}")
    command.set_defaults(run=_events)
    command.add_argument("--follow", action="store_true", help="go on showing new calls, until Ctrl-C")
    command.add_argument("--denied", action="store_true", help="only calls that were refused, or failed")
    command.add_argument("--last", type=int, default=SHOWN, metavar="N", help=f"begin with the last N (now {SHOWN})")


def follow(reader: CallReader, show: Callable[[list[Row]], None], pause: Callable[[], object]) -> None:
    """Show the new calls again and again; ends by the reader's error (the local AWS is gone) or an interrupt."""
    while True:
        pause()
        show(reader.new())


def _events(args: argparse.Namespace) -> int:
    settings = config.load()
    backend = backend_of(settings)
    if not settings.can.is_embedded:
        backend.start()
    reader = CallReader(backend)
    hidden = str if settings.can.is_embedded else redact

    def chosen(rows: list[Row]) -> list[Row]:
        return [row for row in rows if not args.denied or is_refused(row)]

    def show(rows: list[Row]) -> None:
        for line in lines(chosen(rows)):
            print(visible(hidden(line)), flush=True)

    found = chosen(reader.new())
    show(found[-args.last :] if args.last > 0 else [])
    if not args.follow:
        if not found:
            print(NONE_DENIED if args.denied else NONE)
        return 0
    every_s = LOCAL_EVERY_S if settings.can.is_embedded else ACCOUNT_EVERY_S
    follow(reader, show, lambda: time.sleep(every_s))
    return 0
