"""`lab try`: a task definition, its router's files and some lines on a throw-away local AWS; what became of them."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from lab_helpers.base.errors import FluentdNotRunError, LabError, SettingsError, TaskDefinitionError

if TYPE_CHECKING:
    from lab_helpers.trying.place import LocalAws


def add(commands: Any) -> None:
    """Add `try` to the subcommands of `lab` (argparse's action)."""
    text = "run your own task definition on a throw-away local AWS, and show what becomes of its log lines"
    command = commands.add_parser("try", help=text, description=text)
    command.set_defaults(run=_try, piped=None)
    command.add_argument(
        "definition",
        type=Path,
        help="task definition as JSON (as registered, as the CLI or `terraform show -json` prints it)",
    )
    what = "the router's configuration files, or the folder of its image (with the Dockerfile)"
    command.add_argument("--files", type=Path, nargs="+", action="extend", default=[], metavar="PATH", help=what)
    what = "what a container prints; a pipe is the lines of the only app container"
    command.add_argument("--lines", action="append", default=[], metavar="CONTAINER=FILE", help=what)
    command.add_argument("--task-policy", type=Path, metavar="FILE", help="rights of the task role (default: all)")
    command.add_argument("--execution-policy", type=Path, metavar="FILE", help="more of the execution role's rights")
    what = "follow the first line with this text (or the text itself) through tag, filters and Match"
    command.add_argument("--explain", metavar="TEXT", help=what)
    what = "try again at each save of the definition, files, lines and policies, until Ctrl-C"
    how_long = command.add_mutually_exclusive_group()
    how_long.add_argument("--watch", action="store_true", help=what)
    what = "leave the local AWS standing, and say where it is"
    how_long.add_argument("--keep", action="store_true", help=what)
    command.add_argument("--json", action="store_true", help="all that was seen, as JSON")


def _try(args: argparse.Namespace) -> int:
    for number in (signal.SIGTERM, signal.SIGHUP):  # leaves nothing behind, as Ctrl-C
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, signal.default_int_handler)
    from lab_helpers.trying.place import local_aws

    if not args.watch:
        print(_told(args, local_aws))
        return 0
    return _watch(args)


def _watch(args: argparse.Namespace) -> int:
    from lab_helpers.trying import watching
    from lab_helpers.trying.place import Spare

    if not args.lines and args.explain is None and not sys.stdin.isatty():
        piped = list(taken(sys.stdin.buffer))  # once: it is at its end after that
        args.piped = lambda definition: {only_app_of(definition): piped}
    regions = list[str]()
    with Spare() as spare:

        def start(region: str, *, keep: bool) -> Any:  # noqa: ARG001  (--watch and --keep exclude each other)
            regions[:] = [region]
            return spare.local_aws(region)

        def once() -> None:
            try:
                print(_told(args, start), flush=True)
            except LabError as exc:
                print(f"lab: {exc}", file=sys.stderr)

        def prepare() -> None:
            for region in regions:  # none before a definition could be read
                spare.prepare(region)
            print(f"lab: watching {', '.join(map(str, _watched(args)))} (Ctrl-C ends)", file=sys.stderr, flush=True)

        watching.watch(_watched(args), once, prepare)
    return 0


def _watched(args: argparse.Namespace) -> list[Path]:
    lines = [Path(pair.partition("=")[2]) for pair in args.lines]
    policies = [path for path in (args.task_policy, args.execution_policy) if path]
    return [args.definition, *args.files, *lines, *policies]


def _told(args: argparse.Namespace, start: Callable[..., AbstractContextManager[LocalAws]]) -> str:
    """Try once; return what is said about it."""
    from lab_helpers.trying import explaining, report, trial

    text = _read(args.definition)
    lines = _lines(args, text)
    try:
        seen = trial.attempt(
            text,
            args.files,
            lines,
            task_policy=_policy(args.task_policy),
            execution_policy=_policy(args.execution_policy),
            keep=args.keep,
            start=start,
        )
    except FluentdNotRunError as exc:
        if not args.json:
            print(report.generated(exc.configuration), flush=True)
        raise
    if args.json:
        return json.dumps(seen.as_dict(), indent=2, default=str)
    return report.text(seen) if args.explain is None else explaining.text(seen, next(iter(lines.values()))[0])


def _lines(args: argparse.Namespace, definition: str) -> Mapping[str, list[str]]:
    explained = args.explain
    lines = args.piped(definition) if args.piped else _given_lines(args.lines, definition, explained)
    if explained is None:
        return lines
    found = ((name, line) for name, texts in lines.items() for line in texts if explained in line)
    name, line = next(found, (next(iter(lines)) if lines else only_app_of(definition), explained))
    return {name: [line]}


def only_app_of(definition: str) -> str:
    """Return the container that a line without one is of."""
    from lab_helpers.trying.definition import only_app, parse

    return only_app(parse(definition))


def _given_lines(given: Sequence[str], definition: str, explained: str | None) -> dict[str, list[str]]:
    lines = {}
    for pair in given:
        name, equals, file = pair.partition("=")
        if not equals or not name or not file:
            raise SettingsError("--lines", pair, "CONTAINER=FILE")
        with _opened(Path(file)) as stream:
            lines[name] = list(taken(stream))
    if not lines and explained is None and not sys.stdin.isatty():
        lines[only_app_of(definition)] = list(taken(sys.stdin.buffer))
    return lines


def taken(stream: IO[bytes]) -> Iterator[str]:
    """Return lines up to the bounds of a trial: a source may never end; says on stderr when it was cut."""
    from lab_helpers.trying.trial import MOST_LINE_BYTES, MOST_LINES

    left = MOST_LINE_BYTES
    for _ in range(MOST_LINES):
        line = stream.readline(left + 1)
        if not line:
            return
        if len(line) > left:
            break
        left -= len(line)
        yield line.rstrip(b"\r\n").decode(errors="surrogateescape")
    else:
        if not stream.readline(1):
            return
    print(f"lab: only the first {MOST_LINES:,} lines, or {MOST_LINE_BYTES:,} bytes, are tried.", file=sys.stderr)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as exc:
        raise TaskDefinitionError(f"{path} cannot be read ({exc.strerror})", "Name a file.") from exc


def _read(path: Path) -> str:
    with _opened(path) as stream:
        try:
            return stream.read().decode()
        except UnicodeDecodeError as exc:
            raise TaskDefinitionError(f"{path} is not UTF-8", "Save it as UTF-8.") from exc
        except OSError as exc:
            raise TaskDefinitionError(f"{path} cannot be read ({exc.strerror})", "Name a file.") from exc


def _policy(path: Path | None) -> str | None:
    return _read(path) if path else None
