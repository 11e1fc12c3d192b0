"""`lab new`: the workbook in a folder of one's own, from an installed package as from a clone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add `new` to the subcommands of `lab` (argparse's action)."""
    text = "lay out the workbook (notebooks, terraform, fluentbit) in a new folder"
    command = commands.add_parser("new", help=text, description=text)
    command.add_argument("folder", type=Path, help="folder that is not there yet, or is empty")
    command.set_defaults(run=_new)


def _new(args: argparse.Namespace) -> int:
    from lab_helpers.workbook.copies import new_folder

    made = new_folder.make(args.folder)
    print(f"{args.folder} has {', '.join(made)}. Next:\n\n{new_folder.next_steps(args.folder)}")
    return 0
