"""`lab logs` and `lab query`: the lab's logs on the command line, as a table, CSV or Parquet."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab_helpers.base import config
from lab_helpers.base.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from lab_helpers.lab import Lab

FORMATS = ("table", "csv", "parquet")
MAX_ROWS = 200
"""A table shows no more rows; CSV and Parquet hold all."""
SHOWN = {
    "cloudwatch": ["event_time", "task", "remote_host", "method", "path", "query", "status", "size", "problem"],
    "s3": ["request_time", "task", "remote_host", "method", "path", "query", "status", "size", "problem"],
    "alb": ["created_at", "target", "method", "path", "query", "elb_status", "target_status", "target_s", "problem"],
}
"""Columns of the table; `--columns` names others, CSV and Parquet hold all."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FORMULA = re.compile(r"\s*[=+@]|\s*-.|[\t\r\n]", re.DOTALL)
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add(commands: Any) -> None:
    """Add `logs` and `query` to the subcommands of `lab` (argparse's action)."""
    logs = _command(commands, "logs", _logs, "show the log lines of the lab, from one of the places they are kept")
    logs.add_argument("--source", choices=tuple(SHOWN), default="cloudwatch", help="default: cloudwatch")
    when = "a time (2026-01-31T09:30:00Z; without zone UTC) or how long ago (90s, 15m, 2h, 1d)"
    logs.add_argument("--since", metavar="TIME", help=f"from this on: {when}; S3 and ALB: of delivery")
    logs.add_argument("--until", metavar="TIME", help="up to this, exclusive; as --since")
    logs.add_argument("--filter", default="", metavar="TEXT", help="only lines that hold this text")
    logs.add_argument("--columns", metavar="A,B", help="columns to put out")
    _add_output(logs)
    query = _command(commands, "query", _query, "ask the logs in S3 a question in Athena's SQL")
    query.add_argument("sql", metavar="SQL", help="a statement; SHOW TABLES names the table")
    _add_output(query)


def moment(text: str | None, now: datetime, name: str = "time") -> datetime | None:
    """The UTC time that a command line names: absolute, or how long before `now`. Raises SettingsError."""
    from lab_helpers.logs import frames  # pandas is slow to import, and most commands do without

    ago = _AGO.fullmatch(text or "")
    return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) if ago else frames.utc(text, name)


def read(lab: Lab, args: argparse.Namespace, now: datetime) -> pd.DataFrame:
    """The frame that `lab logs` puts out, before its columns are chosen. Errors as those of the readers."""
    from lab_helpers import alb_logs, cloudwatch, s3_logs

    since, until = moment(args.since, now, "--since"), moment(args.until, now, "--until")
    if args.source == "cloudwatch":
        frame = cloudwatch.read_events(lab.client("logs"), lab.outputs.httpd_log_group, since, until)
    elif args.source == "s3":
        frame = s3_logs.read_objects(lab.client("s3"), lab.outputs.log_bucket, "", since, until)
    else:
        frame = alb_logs.read_entries(lab.client("s3"), lab.outputs.alb_log_bucket, "", since, until)
    if not args.filter:
        return frame
    return frame[frame["line"].str.contains(args.filter, regex=False)].reset_index(drop=True)


def write(frame: pd.DataFrame, form: str, file: Path | None, *, raw: bool = False) -> None:
    """Put a frame out, on the standard output or to a file. Raises SettingsError for Parquet without a file.

    What log lines could do to a terminal or a spreadsheet is made harmless, unless `raw` wants it as it is.
    """
    if form in {"csv", "table"} and not raw:
        frame = harmless(frame, defused if form == "csv" else visible)
    if form == "parquet":
        if file is None:
            raise SettingsError("--output", None, "a file when the format is parquet")
        frame.to_parquet(file)
    elif form == "csv":
        frame.to_csv(file or sys.stdout, index=False)
    else:
        text = table(frame)
        print(text) if file is None else file.write_text(text + "\n")


def harmless(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """Return the frame with its texts changed, its column names too."""

    def told(value: object) -> object:
        return change(value) if isinstance(value, str) else value

    changed: pd.DataFrame = frame.apply(lambda column: column.map(told))
    changed.columns = [change(str(name)) for name in frame.columns]
    return changed


def visible(text: str) -> str:
    """Return a text whose control characters a terminal shows in place of doing what they say."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def defused(text: str) -> str:
    """Return a text that a spreadsheet takes for a text, and never for a formula."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def table(frame: pd.DataFrame) -> str:
    """The frame as text, `-` for missing; says how many rows are left out."""
    if frame.empty:
        return "No rows."
    shown = frame.head(MAX_ROWS).astype(object)
    text = shown.where(shown.notna(), "-").to_string(index=False)
    left = len(frame) - len(shown)
    return f"{text}\n… and {left:,} more rows: --format csv puts out all." if left else str(text)


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    return command


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=FORMATS, help="default: by the file's name, else table")
    command.add_argument("--raw", action="store_true", help="texts as they are, escape sequences and formulas too")
    command.add_argument("--output", type=Path, metavar="FILE", help="default: the standard output")


def _form(args: argparse.Namespace) -> str:
    """The format that was asked for, or that the file's name says."""
    ending = args.output.suffix.removeprefix(".") if args.output else ""
    return str(args.format or (ending if ending in FORMATS else "table"))


def _logs(args: argparse.Namespace) -> int:
    from lab_helpers import s3_logs
    from lab_helpers.lab import attach

    frame = read(attach(config.load()), args, datetime.now(UTC))
    for damage in s3_logs.damaged(frame).itertuples():
        print(f"lab: {damage.key}: {damage.why}, {damage.lines_read} lines read", file=sys.stderr)
    write(_chosen(frame, args), _form(args), args.output, raw=args.raw)
    return 0


def _chosen(frame: pd.DataFrame, args: argparse.Namespace) -> pd.DataFrame:
    if not args.columns:
        shown: pd.DataFrame = frame[SHOWN[args.source]] if _form(args) == "table" else frame
        return shown
    names = args.columns.split(",")
    if unknown := [name for name in names if name not in frame.columns]:
        raise SettingsError("--columns", unknown[0], f"among {', '.join(frame.columns)}")
    chosen: pd.DataFrame = frame[names]
    return chosen


def _query(args: argparse.Namespace) -> int:
    from lab_helpers import sql
    from lab_helpers.lab import attach

    lab = attach(config.load())
    answer = sql.ask(lab, args.sql)
    write(answer, _form(args), args.output, raw=args.raw)
    if _form(args) == "table":
        print(f"{len(answer):,} rows, {answer.attrs['scanned_bytes']:,} bytes read (table {lab.outputs.glue_table})")
    return 0
