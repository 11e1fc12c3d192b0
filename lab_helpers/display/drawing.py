"""The path of a log line, drawn, with "you are here" and live counts.

An HTML table with borders in the text's own colour: it follows light and dark themes, and survives the sanitising of
untrusted notebooks, which removes SVG.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass

from lab_helpers.base.errors import SettingsError
from lab_helpers.base.messages import say
from lab_helpers.display.tables import Shown, text_width


@dataclass(frozen=True)
class Stop:
    """One place that a line passes; `detail` names the thing in the lab."""

    key: str
    name: str
    detail: str


TRUNK = (
    Stop("client", "client", "your requests"),
    Stop("alb", "load balancer", "ALB, port 80"),
    Stop("httpd", "httpd", "prints the line"),
    Stop("driver", "awsfirelens", "log driver"),
    Stop("router", "Fluent Bit", "log_router sidecar"),
)
BRANCHES = (
    ("task role", (Stop("cloudwatch", "CloudWatch Logs", "/ecs/firelens/httpd"),)),
    (
        "task role, then Firehose's role",
        (Stop("firehose", "Firehose", "1 MiB or 60 s"), Stop("s3", "S3", "YYYY/MM/DD/HH/….gz")),
    ),
    ("execution role", (Stop("router_log", "Fluent Bit's own log", "awslogs → /ecs/firelens"),)),
)
_LONGEST = max(len(branch) for _, branch in BRANCHES)
STOPS = {stop.key: stop for stop in (*TRUNK, *(stop for _, branch in BRANCHES for stop in branch))}
_BOX = "border:1px solid currentColor;border-radius:6px;padding:4px 8px;text-align:center;opacity:0.75"
_HERE = "border:3px solid #d98a1f;border-radius:6px;padding:4px 8px;text-align:center;font-weight:bold"
_PLAIN = "border:none;background:none;padding:2px 4px;text-align:left"


def log_path(here: str = "", counts: Mapping[str, int] | None = None) -> Shown:
    """Draw the path. `here` marks one stop; `counts` puts a number of lines under stops (keys: `STOPS`).

    Raises SettingsError for a stop that is not on the path.
    """
    counts = counts or {}
    for key in (here, *counts):
        if key and key not in STOPS:
            raise SettingsError("stop", key, f"one of {', '.join(STOPS)}")
    return Shown(_text(here, counts), _html(here, counts))


def _text(here: str, counts: Mapping[str, int]) -> str:
    trunk = " -> ".join(_name(stop, here, counts) for stop in TRUNK)
    indent = " " * 4
    lines = [trunk]
    for role, branch in BRANCHES:
        lines.append(f"{indent}-> " + " -> ".join(_name(stop, here, counts) for stop in branch) + f"   ({say(role)})")
    if here:
        stop = STOPS[here]
        lines.append(say("You are here: {name} ({detail})", name=say(stop.name), detail=say(stop.detail)))
    return "\n".join(lines)


def _name(stop: Stop, here: str, counts: Mapping[str, int]) -> str:
    count = f" {counts[stop.key]:,}" if stop.key in counts else ""
    name = say(stop.name) + count
    return f"[{name}]" if stop.key == here else name


def _html(here: str, counts: Mapping[str, int]) -> str:
    span = len(BRANCHES)
    trunk = _arrow(span).join(_box(stop, here, counts, span) for stop in TRUNK)
    rows = [_branch(role, branch, here, counts) for role, branch in BRANCHES]
    first, rest = rows[0], "".join(f"<tr>{row}</tr>" for row in rows[1:])
    # said, because a table does not take the page's colour everywhere
    style = "border-collapse:separate;border-spacing:2px 6px;border:none;color:inherit"
    return f"<table style='{style}'><tbody><tr>{trunk}{first}</tr>{rest}</tbody></table>"


def _branch(role: str, branch: tuple[Stop, ...], here: str, counts: Mapping[str, int]) -> str:
    cells = "".join(_arrow(1) + _box(stop, here, counts, 1) for stop in branch)
    span = 1 + 2 * (_LONGEST - len(branch))
    return f"{cells}<td colspan='{span}' style='{_PLAIN}'><small><i>{html.escape(say(role))}</i></small></td>"


def _arrow(span: int) -> str:
    return f"<td rowspan='{span}' style='{_PLAIN}'>→</td>"


def _box(stop: Stop, here: str, counts: Mapping[str, int], span: int) -> str:
    count = "<br>" + say("<b>{count:,}</b> lines", count=counts[stop.key]) if stop.key in counts else ""
    mark = f"<br><small>▲ {_whole(say('you are here'))}</small>" if stop.key == here else ""
    style = _HERE if stop.key == here else _BOX
    return (
        f"<td rowspan='{span}' style='{style}'>{_whole(say(stop.name))}<br>"
        f"<small>{_whole(say(stop.detail))}</small>{count}{mark}</td>"
    )


def _whole(text: str) -> str:
    """Return a name as HTML that is broken at its blanks only: a narrow box would break Japanese anywhere."""
    return " ".join(map(_word, text.split(" ")))


def _word(text: str) -> str:
    escaped = html.escape(text)
    return f"<span style='white-space:nowrap'>{escaped}</span>" if text_width(text) > len(text) else escaped
