"""`lab class serve`, `lab join`, `lab leave`; and the trainer's sentence after any command."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
import time
from typing import Any

from lab_helpers.base import config
from lab_helpers.base.errors import ClassError, LabError
from lab_helpers.base.messages import ENGLISH, languages, speaking


def add(commands: Any) -> None:
    """Add the subcommands to the `lab` command's."""
    actions = commands.add_parser("class", help="lead a class").add_subparsers(required=True, metavar="ACTION")
    text = "serve a page that shows where the class is; trainees come in with `lab join`"
    serving = actions.add_parser("serve", help=text, description=text)
    serving.add_argument("--bind", default="", metavar="ADDRESS", help="this machine's address that the class reaches")
    serving.add_argument("--port", type=int, help="0: a free one (default: that of last time, at first 8750)")
    serving.add_argument("--fresh", action="store_true", help="a new class: new code, no trainees")
    text = (
        "encrypt what is sent (default where --bind names an address that others reach); --no-tls: whoever can read "
        "the network reads names, code and progress"
    )
    serving.add_argument("--tls", action=argparse.BooleanOptionalAction, help=text)
    serving.add_argument("--language", choices=languages(), default=ENGLISH, help="of the page")
    serving.set_defaults(run=_serve)
    text = "take part in a class: send your trainer how far you are (--show prints all that is sent)"
    joining = commands.add_parser("join", help=text, description=text)
    joining.add_argument("url", nargs="?", default="", help="https://ADDRESS:PORT; without: which class was joined")
    joining.add_argument("code", nargs="?", default="", help="the code of the class")
    joining.add_argument("--name", default="", help="as the class sees you (else LAB_OWNER)")
    joining.add_argument("--show", action="store_true", help="print what would be sent now, and send nothing")
    joining.set_defaults(run=_join)
    text = "leave the class: nothing is sent any more"
    commands.add_parser("leave", help=text, description=text).set_defaults(run=_leave)


def _serve(args: argparse.Namespace) -> int:
    from lab_helpers.classroom.door import LOOPBACK
    from lab_helpers.classroom.serving import open_class, welcome

    if args.port is not None and not 0 <= args.port < 65536:
        raise ClassError.cannot_listen(args.bind or LOOPBACK, args.port, "a port is a number from 0 to 65535")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    home = config.load().home
    # What a browser that does not know the certificate says, or a scanner, is nothing for the trainer's terminal.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)
    opened = open_class(home, args.bind or LOOPBACK, args.port, args.fresh, args.language, encrypted=args.tls)
    with speaking(args.language), opened as room:
        print("\n".join(welcome(room)), flush=True)
        while not ended.wait(1.0):  # a wait without an end would keep signals from Python on some systems
            pass
    print("The class is closed. `lab class serve` opens it again, with the same code and everybody in it.")
    return 0


def _join(args: argparse.Namespace) -> int:
    from lab_helpers.classroom import files, member

    settings = config.load()
    if args.show:
        print(json.dumps(member.current(settings.home).as_dict(), indent=1))
        return 0
    if not args.url:
        known = files.seat(settings.home)
        print(f"You are in the class at {known.url} as {known.name}." if known else str(ClassError.not_joined()))
        return 0 if known else 1
    if not args.code:
        raise LabError("The code of the class is missing: lab join URL CODE. It is on your trainer's page.")
    seat = member.join(settings.home, args.url, args.code, args.name or settings.owner)
    member.report(settings.home, seat)
    print(
        f"You are in the class at {seat.url} as {seat.name}. From now on your trainer sees notebook, section, minutes, "
        "steps passed or tried, and guesses whose outcome you have seen; nothing else. "
        "`lab join --show` prints it, `lab leave` ends it."
    )
    return 0


def _leave(_: argparse.Namespace) -> int:
    from lab_helpers.classroom import member

    print(f"You have left the class at {member.leave(config.load().home).url}.")
    return 0


def tell() -> None:
    """Print the trainer's sentence on stderr where no terminal has shown it; nothing that fails here matters."""
    from lab_helpers.classroom import files

    try:
        home = config.load().home
        if not files.has_seat(home):
            return
        told = files.told(home, time.time())
        if told.sentence and files.is_unsaid(home, told.number):
            print(f"Your trainer says: {told.sentence}", file=sys.stderr)
            files.keep_said(home, told.number)
    except (LabError, OSError):
        return
