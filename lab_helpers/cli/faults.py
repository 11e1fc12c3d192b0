"""`lab fault add|list|clear`: what the local AWS is to do wrong, to which calls, for how long."""

from __future__ import annotations

import argparse
from typing import Any

from lab_helpers.backends.local import LocalBackend
from lab_helpers.base import config
from lab_helpers.base.errors import LabError
from lab_helpers.base.injected_fault import KINDS, InjectedFault


def add(commands: Any) -> None:
    """Add the command to the parser's subcommands."""
    text = "have the local AWS throttle, fail, drop, delay or ignore a share of the calls"
    actions = commands.add_parser("fault", help=text, description=text).add_subparsers(required=True, metavar="ACTION")
    new = actions.add_parser("add", help="switch a fault on")
    new.add_argument("--service", default="*", help="signing name: logs, firehose, s3, ecs, …, with * as a wildcard")
    new.add_argument("--operation", default="*", help="AWS's name: PutLogEvents, Put*, …")
    new.add_argument("--role", default="", help="the caller's role ('*task*'), or operator; default: any but operator")
    new.add_argument("--kind", choices=KINDS, default="throttle")
    new.add_argument("--share", type=float, default=1.0, help="of the calls, above 0 and at most 1")
    new.add_argument("--seconds", type=float, default=0.0, help="how long; 0: until `lab fault clear`")
    new.add_argument("--delay-s", type=float, default=3.0, help="how late a slow answer is")
    new.add_argument("--seed", type=int, default=0, help="which calls are hit depends on it alone")
    new.set_defaults(run=_add)
    actions.add_parser("list", help="show faults and what they have hit").set_defaults(run=_list)
    clear = actions.add_parser("clear", help="switch a fault off, or all")
    clear.add_argument("number", nargs="?", default="")
    clear.set_defaults(run=_clear)


def _add(args: argparse.Namespace) -> int:
    names = ("service", "operation", "role", "kind", "share", "seconds", "delay_s", "seed")
    fault = InjectedFault(**{name: getattr(args, name) for name in names})
    print(f"Fault {_backend().add_fault(fault)} is on.")
    return 0


def _list(_: argparse.Namespace) -> int:
    return _show(_backend().faults(), "No fault is on.")


def _clear(args: argparse.Namespace) -> int:
    if args.number and not args.number.isdecimal():
        raise LabError(f"{args.number!r} is no fault's number. `lab fault list` shows them.")
    return _show(_backend().clear_faults(args.number), "No such fault was on.")


def _show(rows: list[dict[str, Any]], none: str) -> int:
    for row in rows:
        who = row["role"] or "any but the operator"
        state = "over" if row["over"] else "on"
        what = f"{row['service']}:{row['operation']} by {who}: {row['kind']}, share {row['share']:g}"
        print(f"{row['number']}  {what}  {state}, {row['hit']} of {row['matched']} calls hit")
    if not rows:
        print(none)
    return 0


def _backend() -> LocalBackend:
    settings = config.load()
    if not settings.can.is_embedded:
        raise LabError("Faults can be injected into the local AWS only: an account is not ours to break.")
    return LocalBackend(settings)
