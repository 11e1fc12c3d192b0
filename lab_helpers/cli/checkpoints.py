"""`lab checkpoint`, `lab checkpoints`, `lab goto`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab_helpers.base import config
from lab_helpers.base.config import Settings
from lab_helpers.base.messages import ENGLISH, languages
from lab_helpers.checkpoints import Shelf, take_named

if TYPE_CHECKING:
    from lab_helpers.workbook import runner as running


def add(commands: Any) -> None:
    """Add the subcommands to the `lab` command's."""
    taking = commands.add_parser("checkpoint", help="keep the lab as it is now, under a name; it goes on running")
    taking.add_argument("name")
    taking.add_argument("--replace", action="store_true", help="also where there is one of that name")
    taking.set_defaults(run=_checkpoint)
    listing = commands.add_parser("checkpoints", help="list the checkpoints")
    listing.add_argument("--delete", metavar="NAME", help="delete one")
    listing.set_defaults(run=_checkpoints)
    going = commands.add_parser("goto", help="go to a checkpoint, or to where a notebook begins (05, drills/3)")
    going.add_argument("where")
    going.add_argument("--language", choices=languages(), default=ENGLISH, help="of the notebooks run on the way")
    going.set_defaults(run=_goto)


def _checkpoint(args: argparse.Namespace) -> int:
    taken = take_named(config.load(), args.name, replace=args.replace)
    print(f"{taken.name}: {taken.log_events} log events, {taken.objects} objects. `lab goto {taken.name}` goes back.")
    return 0


def _checkpoints(args: argparse.Namespace) -> int:
    shelf = Shelf(config.load())
    if args.delete:
        shelf.delete(args.delete)
        print(f"{args.delete} is deleted.")
        return 0
    found = shelf.all()
    for each in found:
        origin = f"the beginning of {each.notebook}" if each.notebook else ""
        print(f"{each.name:<20} {each.at}  {each.log_events:>8} events {each.objects:>6} objects  {origin}".rstrip())
    if not found:
        print("There are no checkpoints. `lab checkpoint NAME` takes one.")
    return 0


def _goto(args: argparse.Namespace) -> int:
    from lab_helpers.workbook import goto

    way = goto.goto(config.load(), args.where, run_shown, args.language)
    ran = f", then {len(way.missing)} notebooks were run" if way.missing else ""
    print(f"The lab is at {args.where}: {f'checkpoint {way.start}' if way.start else 'begun anew'}{ran}.")
    return 0


def run_shown(settings: Settings, notebooks: list[Path]) -> running.Run:
    """Run notebooks with a bar."""
    from lab_helpers.workbook import runner
    from lab_helpers.workbook.run_display import RunDisplay

    with RunDisplay([runner.name_of(path) for path in notebooks]) as display:
        run = runner.run_workbook(settings, notebooks, False, display.on_cell)
    display.close(run.results, run.seconds)
    return run
