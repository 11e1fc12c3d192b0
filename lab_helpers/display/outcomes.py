"""How a step stands, what a deployment did, and what Terraform plans: each as HTML and as text."""

from __future__ import annotations

import html
import re

from lab_helpers.base.errors import SettingsError
from lab_helpers.base.messages import say
from lab_helpers.base.redact import redact
from lab_helpers.deployment import Deployed, Running, short
from lab_helpers.display.tables import Shown

MAX_TEXT_LINES = 40
"""Lines of a plan that a text shows; HTML has all of them, in a box that scrolls."""
_PRE = "text-align:left;font-family:monospace;line-height:1.35;margin:0;max-height:32em;overflow:auto"
_SIGN = re.compile(r"^\s*(-/\+|\+/-|<=|[+~-])(?= )")
_BACKGROUND = {
    "+": "rgba(46,160,67,.22)", "-": "rgba(248,81,73,.22)", "~": "rgba(210,153,34,.25)", "-/+": "rgba(163,113,247,.25)",
    "+/-": "rgba(163,113,247,.25)",
}  # fmt: skip
_RESOURCE = re.compile(r"^  # (\S+) (?:will|must) be ")


def verdict(task: str, mark: str, status: str, why: str) -> Shown:
    """A step: its task, a mark, how it stands, and why."""
    told = redact(why)
    stands = say("{status}. ", status=status)
    page = f"<div>{html.escape(mark)} <b>{html.escape(task)}</b></div><div>{html.escape(stands)}"
    return Shown(
        f"{mark} {task}\n{stands}{told}", f"{page}<span style='white-space:pre-wrap'>{html.escape(told)}</span></div>"
    )


def deployed(done: Deployed) -> Shown:
    """A deployment: one sentence, and the tasks and digests before and after."""
    told = redact(done.sentence())
    rows = [("before", done.before), ("after", done.after)]
    lines = [f"{say(name)}: {_running(each)}" for name, each in rows] if done.was_needed else []
    page = "".join(f"<div>{html.escape(line)}</div>" for line in [told, *lines])
    return Shown("\n".join([told, *lines]), page)


def plan(text: str, resource: str = "") -> Shown:
    """A plan in Terraform's own print, its signs coloured; `resource` limits it to one address."""
    lines = redact(text).strip("\n").splitlines()
    if resource:
        lines = _about(lines, resource)
    rest = len(lines) - MAX_TEXT_LINES
    short_lines = lines if rest <= 1 else [*lines[:MAX_TEXT_LINES], say("… and {count:,} more lines", count=rest)]
    rows = "".join(
        f"<span style='display:block;{_style(line)}'>{html.escape(line) or '&nbsp;'}</span>" for line in lines
    )
    return Shown("\n".join(short_lines), f"<pre style='{_PRE}'>{rows}</pre>")


def _about(lines: list[str], resource: str) -> list[str]:
    """Return the lines about one resource; raises SettingsError with the addresses that there are."""
    heads = {found[1]: number for number, line in enumerate(lines) if (found := _RESOURCE.match(line))}
    if resource not in heads:
        raise SettingsError("resource", resource, f"one of {', '.join(heads) or '(nothing is to change)'}")
    first = heads[resource]
    last = next((n for n in range(first, len(lines)) if lines[n] == "    }"), len(lines) - 1)
    return lines[first : last + 1]


def _style(line: str) -> str:
    found = _SIGN.match(line)
    colour = _BACKGROUND.get(found[1], "") if found else ""
    return f"background:{colour}" if colour else ""


def _running(now: Running) -> str:
    digests = ", ".join(map(short, now.digests)) or "–"
    return say("image {digests}, tasks {tasks}", digests=digests, tasks=", ".join(now.tasks) or "–")
