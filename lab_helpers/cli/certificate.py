"""`lab certificate`: issue one, or verify one that somebody hands in."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lab_helpers.base import config
from lab_helpers.base.messages import ENGLISH, languages, speaking


def add(commands: Any) -> None:
    """Add the subcommand to the `lab` command's."""
    text = "write what you have done as a page with a signature; --verify FILE: see whether one was changed afterwards"
    command = commands.add_parser("certificate", help=text, description=text)
    command.add_argument("--name", default="", help="whose certificate it is (else LAB_OWNER)")
    command.add_argument("--out", type=Path, help="file to write; else certificate.html beside your notebooks")
    command.add_argument("--language", choices=languages(), default=ENGLISH, help="of the page")
    command.add_argument("--verify", type=Path, metavar="FILE", help="verify a certificate in place of writing one")
    command.set_defaults(run=_certificate)


def _certificate(args: argparse.Namespace) -> int:
    from lab_helpers.workbook import certificate

    if args.verify is None:
        with speaking(args.language):
            print(certificate.issue(config.load(), args.name, out=args.out))
        return 0
    found = certificate.verify(args.verify)
    print(f"Signed, and not changed since {found.at}, by the lab with the key {found.key}.")
    print(f"Name, as it was typed in: {found.name}")
    print(found.total)
    if not found.is_same_page:
        print("The page around it is not the one that this version of the lab makes: trust the lines above alone.")
    return 0 if found.is_same_page else 1
