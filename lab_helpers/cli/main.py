"""The `lab` command: one subcommand a function; what it prints is for people, its exit status for scripts."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lab_helpers.backends.local import LocalBackend, backend_of, denials_table
from lab_helpers.base import config, extras, project
from lab_helpers.base.errors import LabError, SettingsError
from lab_helpers.base.messages import ENGLISH, languages, speaking
from lab_helpers.base.redact import redact
from lab_helpers.checkpoints import begin_anew
from lab_helpers.cli import certificate as cli_certificate
from lab_helpers.cli import checkpoints as cli_checkpoints
from lab_helpers.cli import classroom as cli_classroom
from lab_helpers.cli import events as cli_events
from lab_helpers.cli import faults as cli_faults
from lab_helpers.cli import logs as cli_logs
from lab_helpers.cli import new as cli_new
from lab_helpers.cli import trying as cli_trying

if TYPE_CHECKING:
    from lab_helpers.account.deletion import Step

INTERRUPTED = 130
START_PAGE = "00_setup.ipynb"


_OF_THE_MACHINE = {
    errno.EACCES, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip
"""What a folder or a bound of this machine's is the reason for: no fault of the program's."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; return 0, 1 with the reason on stderr, or 130 after Ctrl-C."""
    parser = _parser()
    args, options = parser.parse_known_args(argv)
    if options and args.run is not _jupyter:
        parser.error(f"unrecognized arguments: {' '.join(options)}")
    args.options = options
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        status = run(args)
        cli_classroom.tell()
        return status
    except LabError as exc:
        print(f"lab: {exc}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as exc:
        lacking = extras.missing(exc)
        if lacking is None:
            raise
        print(f"lab: {lacking}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output, such as `head`, has gone
        sys.stdout = None
        return 1
    except OSError as exc:
        if exc.errno not in _OF_THE_MACHINE:
            raise
        where = f" ({exc.filename})" if exc.filename else ""
        print(f"lab: {exc.strerror}{where}. LAB_HOME has to be a folder of yours with room in it.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="The FireLens lab. Settings come from LAB_* variables.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    up = add("up", _up, "start the local AWS, with what was built on it; on an account: check that it is the one named")
    up.add_argument("--fresh", action="store_true", help="begin anew; what was built before is put aside")
    add("status", _status, "show what the local AWS is doing; on an account: what is there of the lab")
    add("down", _down, "stop the local AWS; what was built on it is there again at the next `lab up`")
    add("env", _env, 'print the variables that lead the aws CLI to the lab\'s backend: eval "$(lab env)"')
    doctor = add("doctor", _doctor, "show what is installed, what would be used, what is missing and how to get it")
    doctor.add_argument("--backend", choices=config.BACKENDS, help="for another backend than the one that is set")
    add("explain-denials", _denials, "show the calls that IAM refused, and why")
    add("forget-state", _forget_state, "put Terraform's state aside when the local AWS it was made on is gone")
    add("teardown", _teardown, "delete everything the lab made, and prove it")
    sweep = add("sweep", _sweep, "show the labs of all participants in an account, and which have expired")
    sweep.add_argument("--delete", action="store_true", help="remove the expired ones")
    sweep.add_argument("--yes", action="store_true", help="do not ask before removing")
    add("review", _review, "show what a run would make on an account, what it costs, and what speaks against it")
    add("policy", _policy, "print the IAM policy that the lab's operator needs")
    run = add("run", _run, "run the workbook headless and write a report")
    which = "04, 04-06, faq, drills, drills/3 or faq/1_plugins, on the present state"
    run.add_argument("notebooks", nargs="?", help=f"{which}; all: every notebook, on a state of its own")
    run.add_argument("--language", choices=languages(), default=ENGLISH, help="of the notebooks")
    run.add_argument("--keep", action="store_true", help="do not tear down afterwards")
    run.add_argument("--solve", action="store_true", help="try each step untouched, with wrong answers, and solved")
    jupyter = add("jupyter", _jupyter, "open the workbook in JupyterLab; options after it are those of `jupyter lab`")
    jupyter.add_argument("--language", choices=languages(), default=ENGLISH, help="of the notebook that is opened")
    renew = add("renew", _renew, "run all notebooks and store their outputs in notebooks/ (for the lab's developers)")
    renew.add_argument("notebooks", nargs="?", help=f"only {which}")
    renew.add_argument("--language", choices=languages(), help="only the notebooks of this language")
    progress = add("progress", _progress, "show where you are in the course, and which exercises are passed")
    progress.add_argument("--out", type=Path, metavar="FILE", help="write what --class reads, your minutes too")
    progress.add_argument("--class", dest="folder", type=Path, help="folder with the progress files of a class")
    copy = add("student-copy", _student_copy, "copy the lab without solutions and outputs")
    copy.add_argument("folder", type=Path, help="folder that is not there yet, or is empty")
    add("translate", _translate, "build the Japanese notebooks from the English ones and notebooks/ja/*.md")
    cli_events.add(commands)
    cli_logs.add(commands)
    cli_faults.add(commands)
    cli_checkpoints.add(commands)
    cli_certificate.add(commands)
    cli_classroom.add(commands)
    cli_trying.add(commands)
    cli_new.add(commands)
    image = commands.add_parser("image", help="build and push the Fluent Bit image")
    publish = image.add_subparsers(required=True, metavar="ACTION").add_parser("publish", help="build and push")
    publish.add_argument("--repository-url", required=True)
    publish.add_argument("--context", type=Path, required=True, help="folder that COPY reads from")
    publish.add_argument("--file", default="Dockerfile", help="Dockerfile, in the context folder")
    publish.add_argument("--tag", default="latest")
    publish.add_argument("--region", required=True)
    publish.add_argument("--architecture", default="amd64", choices=("amd64", "arm64"), help="of the tasks")
    publish.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    publish.set_defaults(run=_publish)
    return parser


def _up(args: argparse.Namespace) -> int:
    settings = config.load()
    if not settings.can.is_embedded:
        backend_of(settings).start()
        print(f"The {settings.can.place} answers, and it is the one that you named.")
        return 0
    backend = LocalBackend(settings)
    if args.fresh:
        backend.stop(at_once=True)
        aside = begin_anew(settings)
        print(f"What was built before is now in {aside}." if aside else "There was nothing to put aside.")
    backend.start(partial(print, file=sys.stderr))
    state = backend.running()
    print(f"The local AWS answers at {state.endpoint_url} (instance {state.instance_id})." if state else "It is gone.")
    return 0 if state else 1


def _status(_: argparse.Namespace) -> int:
    settings = config.load()
    if settings.can.is_embedded:
        print(json.dumps(LocalBackend(settings).status(), indent=2))
        return 0
    from lab_helpers import teardown
    from lab_helpers.lab import attach

    there = teardown.leftovers(attach(settings))
    print(redact(there.to_string(index=False)) if len(there) else f"Nothing of {settings.prefix} is there.")
    return 0


def _down(_: argparse.Namespace) -> int:
    settings = config.load()
    if not settings.can.is_embedded:
        raise LabError(
            f"There is nothing to stop on the {settings.can.place}. `lab teardown` deletes what the lab made."
        )
    print("The local AWS is stopped." if LocalBackend(settings).stop() else "The local AWS was not running.")
    return 0


def _env(_: argparse.Namespace) -> int:
    settings = config.load()
    if not settings.can.has_own_endpoint:
        print("unset AWS_ENDPOINT_URL")
        names = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}
        names |= {"AWS_PROFILE"} if settings.aws_profile else set()
    else:
        names = {name for name in backend_of(settings).environment() if name.startswith("AWS_")}
        names |= {"NO_PROXY", "no_proxy"}
    for name, value in backend_of(settings).environment().items():
        if name in names:
            print(f"export {name}={shlex.quote(value)}")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from lab_helpers.preflight import inspect  # pandas is slow to import, and most commands do without

    found = inspect(config.load(backend=args.backend))
    shown = found.assign(ok=found["ok"].map({True: "yes", False: "NO"})).drop(columns="remark")
    print(shown.to_string(index=False))
    for part, ok, remark in found.loc[found["remark"] != "", ["part", "ok", "remark"]].itertuples(index=False):
        print(f"\n{part}: {'' if ok else 'missing. '}{redact(remark)}")
    return 0 if found["ok"].all() else 1


def _denials(_: argparse.Namespace) -> int:
    rows = LocalBackend(config.load()).denials()
    harmless = [{key: cli_logs.visible(value) for key, value in row.items()} for row in rows]
    print(denials_table(harmless))
    return 0


def _forget_state(_: argparse.Namespace) -> int:
    from lab_helpers.lab import attach

    settings = config.load()
    if not settings.can.is_embedded:
        raise LabError(
            "Only the local AWS's state can be forgotten: what is on an account is still there. Use `lab teardown`."
        )
    put_aside = attach(settings).terraform.forget_state()
    print(f"Terraform's state is now in {put_aside}." if put_aside else "There was no state.")
    return 0


def _teardown(_: argparse.Namespace) -> int:
    from lab_helpers import teardown
    from lab_helpers.lab import attach

    lab = attach(config.load())
    steps = teardown.tear_down(lab)
    _show_steps(steps)
    left = teardown.leftovers(lab)
    print("Nothing is left." if left.empty else redact(f"Left:\n{left.to_string(index=False)}"))
    return 0 if left.empty and not any(step.error for step in steps) else 1


def _sweep(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from lab_helpers.account import forgotten_labs as sweep

    settings = config.load()
    backend = backend_of(settings)
    backend.start()
    found = sweep.labs(backend.client, datetime.now(UTC).date())
    expired = found.loc[found["expired"], "prefix"].tolist()
    print(redact(found.to_string(index=False)) if len(found) else f"No labs in {settings.region}.")
    if not args.delete or not expired:
        return 0
    if not args.yes and input(f"Delete everything of {', '.join(expired)}? Type yes: ").strip().lower() != "yes":
        print("Nothing was deleted.")
        return 1
    removed = sweep.remove_expired(backend.client, found)
    for prefix, steps in removed.items():
        print(f"{prefix}:")
        _show_steps(steps)
    return 1 if any(step.error for steps in removed.values() for step in steps) else 0


def _show_steps(steps: Sequence[Step]) -> None:
    for step in steps:
        print(redact(f"{'failed' if step.error else 'done'}: {step.what} {step.error}".rstrip()))


def _review(_: argparse.Namespace) -> int:
    from lab_helpers.lab import attach

    lab = attach(config.load())
    found = lab.review()
    print(found if found else "Nothing here costs anything: there is nothing to review.")
    for refusal in found.refusals if found else []:
        print(redact(f"Refused     {refusal}"))
    return 1 if found and found.refusals else 0


def _policy(_: argparse.Namespace) -> int:
    from lab_helpers.account import operator_policy
    from lab_helpers.account.inventory import LabNames

    settings = config.load()
    account = settings.aws_account
    if not account:
        raise SettingsError("LAB_AWS_ACCOUNT", "", "the 12 digits of the account that the policy is for")
    names = LabNames(settings.prefix, account, settings.region)
    print(json.dumps(operator_policy.document(names, settings.state_bucket), indent=2))
    return 0


def _workbook_settings() -> config.Settings:
    """Return the settings of a command that needs a workbook; raises NoWorkbookError where there is none."""
    settings = config.load()
    project.require_workbook(has_home=settings.home != project.home())
    return settings


def _run(args: argparse.Namespace) -> int:
    settings = _workbook_settings()
    from lab_helpers.workbook import runner
    from lab_helpers.workbook.run_display import RunDisplay

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a run that is told to end tears down, as after Ctrl-C
    settings = replace(settings, keep=settings.keep or args.keep, solve=settings.solve or args.solve)
    notebooks = runner.select(args.notebooks, runner.folder_of(args.language))
    whole = args.notebooks in (None, runner.ALL)
    settings = runner.agree(settings, whole)
    with RunDisplay([runner.name_of(path) for path in notebooks]) as display:
        run = runner.run_workbook(settings, notebooks, whole, display.on_cell)
    display.close(run.results, run.seconds)
    for step in run.teardown:
        if step.error:
            print(f"teardown: {step.what}: {step.error}")
    print(f"Report: {run.report}")
    return 0 if run.passed else 1


def _jupyter(args: argparse.Namespace) -> int:
    extras.require("jupyterlab", "ipykernel")
    page = START_PAGE if args.language == ENGLISH else f"{args.language}/{START_PAGE}"
    argv = [sys.executable, "-m", "jupyterlab", f"--LabApp.default_url=/lab/tree/notebooks/{page}"]
    # The lab works without a network: JupyterLab is not to ask for news and updates.
    argv.append(f"--LabApp.app_settings_dir={Path(__file__).parents[1] / 'jupyterlab_settings'}")
    # A login shell would set PATH anew, and `lab` would not be found in the terminals.
    argv.append(f"--ServerApp.terminado_settings={config.terminal_settings()}")
    if not any("root_dir" in option for option in args.options):
        argv.append(f"--ServerApp.root_dir={_own_copy(args.language)}")
    argv += args.options
    startup = Path(__file__).parents[1] / "workbook" / "kernel_start.py"
    with config.overriding({**config.kernel_variables(startup), **config.with_programs(Path(sys.executable).parent)}):
        os.execv(sys.executable, argv)  # Ctrl-C and the exit status are JupyterLab's own


def _own_copy(language: str) -> Path:
    """Make or freshen the trainee's own copy, and say which notebooks are newer in the course."""
    from lab_helpers.workbook.copies import own_copy

    settings = _workbook_settings()
    with speaking(language):
        for kept in own_copy.make(settings):
            print(kept.sentence(), flush=True)
    return own_copy.folder_of(settings)


def _renew(args: argparse.Namespace) -> int:
    from lab_helpers.workbook import translation

    _workbook_settings()
    for language in [args.language] if args.language else languages():
        if language != ENGLISH:
            translation.build_all()  # the other languages have the code of the English ones
        if not _renewed(language, args.notebooks):
            return 1
    return 0


def _renewed(language: str, wanted: str | None) -> bool:
    from lab_helpers.workbook import runner, stored_outputs
    from lab_helpers.workbook.run_display import RunDisplay

    notebooks = runner.select(wanted or runner.ALL, runner.folder_of(language))
    with RunDisplay([runner.name_of(path) for path in notebooks]) as display:
        run = runner.run_workbook(config.load(), notebooks, wanted in (None, runner.ALL), display.on_cell)
    display.close(run.results, run.seconds)
    for path in notebooks if run.passed else []:
        stored_outputs.store(run.report.parent / f"{runner.name_of(path)}.ipynb", path)
    return run.passed


def _progress(args: argparse.Namespace) -> int:
    from lab_helpers import exercises, strip
    from lab_helpers.exercises import steps
    from lab_helpers.workbook import handed_in

    if args.out:
        settings = config.load()
        handed_in.hand_in(settings.home, settings.owner, args.out)
        print(f"{args.out} has what your trainer's `lab progress --class` reads: attempts, guesses, minutes.")
        return 0
    names = sorted([*(task.name for task in exercises.CATALOGUE), *(step.id for step in steps.CATALOGUE)])
    if args.folder:
        tables = [exercises.class_table(args.folder, names, handed_in.minutes_of), exercises.class_guesses(args.folder)]
    else:
        settings = config.load()
        print(strip.shown(settings), end="\n\n")
        progress = exercises.Progress(settings.home, settings.owner)
        tables = [exercises.table(progress, names), exercises.guess_table(progress)]
    for rows in (rows for rows in tables if len(rows) > 1):
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def _student_copy(args: argparse.Namespace) -> int:
    from lab_helpers.workbook.copies import student_copy

    count = student_copy.make(args.folder)
    print(f"{count} files are in {args.folder}: no solutions, no outputs, no trainer's guide.")
    return 0


def _translate(_: argparse.Namespace) -> int:
    from lab_helpers.workbook import translation

    _workbook_settings()
    for path in translation.build_all():
        print(path.name)
    return 0


def _publish(args: argparse.Namespace) -> int:
    import boto3

    from lab_helpers import images

    # Terraform's environment says where ECR is and with which keys, on either backend.
    ecr = boto3.client("ecr", region_name=args.region)
    build_args = dict(pair.split("=", 1) for pair in args.build_arg)
    done = images.publish(
        args.context,
        args.file,
        args.repository_url,
        args.tag,
        ecr,
        builder=config.load().builder,
        build_args=build_args,
        architecture=args.architecture,
    )
    print(redact(f"{done.uri} {done.digest} ({done.builder})"))
    return 0
