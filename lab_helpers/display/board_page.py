"""The board's parts as HTML and as text: pure, from a look. Colours follow the page: light and dark."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from lab_helpers.backends.calls import Row, is_refused, short_principal
from lab_helpers.base.messages import say
from lab_helpers.base.redact import redact
from lab_helpers.board.look import Hop, Look
from lab_helpers.display.tables import Shown, text_width

CALLS_SHOWN = 8
RED = "#d1432f"
"""Seen on white and on JupyterLab's dark grey."""
_BODY = "line-height:1.35;text-align:left;font-size:13px"
_MONO = f"{_BODY};font-family:var(--jp-code-font-family,monospace);font-size:12px;white-space:pre-wrap"
_CUT = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_REFUSED = f"border-left:3px solid {RED};padding-left:6px;margin:2px 0"


def head(look: Look) -> str:
    """The time of the moment, and the sentences of who refuses."""
    when = html.escape(say("The pipeline at {time:%H:%M:%S} UTC", time=look.at))
    told = "".join(f"<div style='{_REFUSED}'>{_sentence(hop)}</div>" for hop in look.refused)
    return f"<div style='{_BODY}'><b>{when}</b>{told}</div>"


def figures(hop: Hop) -> str:
    """A hop's figures, below its name."""
    edge = f"2px solid {RED}" if hop.refused else "1px solid currentColor"
    shade = "background-color:rgba(209,67,47,0.14);" if hop.refused else ""
    style = f"border:{edge};{shade}border-radius:0 0 4px 4px;padding:2px 6px;min-height:58px;text-align:center"
    told = [f"<b style='font-size:17px'>{_number(hop.total)}</b>", f"<span>{html.escape(_rate(hop))}</span>"]
    told += [f"<span>{html.escape(text)}</span>" for text in _held_and_lost(hop)]
    return f"<div style='line-height:1.35;font-size:12px;{style}'>{'<br>'.join(told)}</div>"


def feed(calls: Sequence[Row]) -> str:
    """The newest calls, the newest first; those that were refused in red."""
    rows = "".join(_call(row, count) for row, count in grouped(calls))
    title = html.escape(say("API calls"))
    return f"<div style='{_BODY}'><b>{title}</b></div><div style='{_MONO};max-height:150px;overflow:auto'>{rows}</div>"


def grouped(calls: Sequence[Row]) -> list[tuple[Row, int]]:
    """Return the newest call of each caller, action and outcome, and how many there were; the newest first.

    Routers send each second: else nothing but that would be seen.
    """
    found: dict[tuple[str, ...], list[Row]] = {}
    for row in reversed(calls):
        key = (_role(row), str(row["action"]), str(row["outcome"]))
        found.setdefault(key, []).append(row)
    return [(rows[0], len(rows)) for rows in found.values()][:CALLS_SHOWN]


def records(name: str, found: Iterable[str]) -> str:
    """The last records of a hop, as they are."""
    body = "".join(f"<div style='margin:2px 0'>{html.escape(redact(text))}</div>" for text in found)
    title = html.escape(say("Last records: {hop}", hop=name))
    return f"<div style='{_BODY}'><b>{title}</b></div><div style='{_MONO};max-height:150px;overflow:auto'>{body}</div>"


def sentence(text: str) -> str:
    """A line about what goes on."""
    return f"<div style='{_BODY}'>{html.escape(text)}</div>"


def picture(look: Look, ended: str = "") -> Shown:
    """The whole of a look: for where there is no widget, and for a notebook that is opened again."""
    told = [text for text in (look.note, ended) if text]
    hops = "".join(f"<td style='border:none;padding:2px;vertical-align:top'>{_box(hop)}</td>" for hop in look.hops)
    table = f"<table style='color:inherit;border:none'><tbody><tr style='background:none'>{hops}</tr></tbody></table>"
    notes = "".join(sentence(text) for text in told)
    return Shown("\n".join([_as_text(look), *told]), f"{head(look)}{table}{notes}{feed(look.calls)}")


def folded(shown: Shown) -> Shown:
    """The same below one line that opens it: beside a widget that shows it live."""
    title = html.escape(say("The board as it stays in the notebook"))
    return Shown(shown.text, f"<details><summary style='cursor:pointer'>{title}</summary>{shown.html}</details>")


def _box(hop: Hop) -> str:
    return f"<div style='{_BODY};text-align:center'>{html.escape(hop.name)}</div>{figures(hop)}"


def _as_text(look: Look) -> str:
    cells = [["✘" if hop.refused else " ", hop.name, _number(hop.total), _rate(hop), *_two(hop)] for hop in look.hops]
    widths = [max(map(text_width, column)) for column in zip(*cells, strict=True)]
    rows = [say("The pipeline at {time:%H:%M:%S} UTC", time=look.at)]
    for hop, row in zip(look.hops, cells, strict=True):
        padded = [_padded(cell, width, place == 2) for place, (cell, width) in enumerate(zip(row, widths, strict=True))]
        rows.append("  ".join(padded).rstrip())
        rows += [f"     {redact(hop.refused)} ({hop.refused_at})".replace(" ()", "")] if hop.refused else []
    calls = [redact(_line(row, count)) for row, count in grouped(look.calls)]
    return "\n".join([*rows, say("API calls"), *calls])


def _two(hop: Hop) -> list[str]:
    found = _held_and_lost(hop)
    return [*found, "", ""][:2]


def _padded(text: str, width: int, is_right: bool) -> str:
    blanks = " " * (width - text_width(text))
    return blanks + text if is_right else text + blanks


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _rate(hop: Hop) -> str:
    return "–" if hop.rate is None else say("{rate:,.1f} a second", rate=hop.rate)


def _held_and_lost(hop: Hop) -> list[str]:
    told = [] if hop.held is None else [say("{count:,} held", count=hop.held)]
    return [*told, say("{count:,} lost", count=hop.lost)] if hop.lost else told


def _sentence(hop: Hop) -> str:
    when = f" ({hop.refused_at} UTC)" if hop.refused_at else ""
    return f"<b>✘ {html.escape(hop.name)}</b>{when}: {html.escape(redact(hop.refused))}"


def _call(row: Row, count: int) -> str:
    whole = f"{row['at']} {row['principal']} {row['action']} {row['resource']} {row['outcome']}\n{row['message']}"
    title = html.escape(redact(whole.strip()), quote=True)
    colour = f"color:{RED};font-weight:bold;" if is_refused(row) else ""
    return f"<div style='{colour}{_CUT}' title='{title}'>{html.escape(redact(_line(row, count)))}</div>"


def _line(row: Row, count: int) -> str:
    refused = is_refused(row)
    times = f" ×{count}" if count > 1 else ""
    told = f"{str(row['at'])[11:19]} {'✘' if refused else '✔'} {row['action']}{times}"
    told += f" {row['outcome']}" if refused else ""
    return f"{told} · {_role(row)} · {_short_resource(str(row['resource']))}"


def _role(row: Row) -> str:
    """A role without its session, a user, or a service."""
    return short_principal(str(row["principal"])).partition("/")[0]


def _short_resource(arn: str) -> str:
    """What stands behind the account in an ARN."""
    return arn.split(":", 5)[5] if arn.startswith("arn:") and arn.count(":") >= 5 else arn
