"""A trial as text for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby

from lab_helpers.trying.seen import Trial

MOST_SHOWN = 3
"""Records that are shown of one place."""
MOST_CHARACTERS = 400
GENERATED = "The configuration that FireLens generates"


def text(trial: Trial, *, everything: bool = False) -> str:
    """Return the whole report; `everything`: all records, and not only the first of each place."""
    parts = [
        _configuration(trial),
        _task(trial),
        _arrived(trial, everything),
        _outside(trial, everything),
        _calls(trial),
        _lost(trial),
    ]
    if trial.complaints:
        parts.append(["The router's warnings and errors", *(f"  {line}" for line in trial.complaints)])
    if trial.notes:
        parts.append(["Notes", *(f"  {note}" for note in trial.notes)])
    if trial.kept:
        parts.append([f"Left standing: {trial.kept}"])
    return "\n\n".join("\n".join(map(_visible, part)) for part in parts if part)


def generated(configuration: str) -> str:
    """Return a configuration whose lines have their authors, where nothing ran and there is no more to tell."""
    return "\n".join([GENERATED, *map(_visible, configuration.split("\n"))])


def _configuration(trial: Trial) -> list[str]:
    width = max((len(line.author) for line in trial.configuration), default=0)
    heading = f"The configuration that the router reads, {trial.main}" if trial.main else ""
    return [heading or GENERATED,
            *(f"  {line.author:{width}} | {line.text}" for line in trial.configuration)]  # fmt: skip


def _task(trial: Trial) -> list[str]:
    codes = ", ".join(f"{name} {'-' if code is None else code}" for name, code in trial.exit_codes.items())
    return ["The task", f"  stopped: {trial.stopped or '-'}", f"  exit codes: {codes}"]


def _arrived(trial: Trial, everything: bool) -> list[str]:
    lines = ["What arrived (printed: " + ", ".join(f"{name} {n}" for name, n in trial.printed.items()) + ")"]
    own = {each.plugin for each in trial.outside}
    arrived = [each for each in trial.arrived if each.kind not in own]
    ordered = sorted(arrived, key=lambda each: (each.kind, each.destination, each.place))
    for (kind, destination, place), group in groupby(ordered, lambda each: (each.kind, each.destination, each.place)):
        records = list(group)
        lines.append(f"  {kind} {destination} {place}: {_count(len(records), 'record')}")
        shown = records if everything else records[:MOST_SHOWN]
        lines += [f"    {_short(each.record, everything)}" for each in shown]
        lines += [f"    … and {len(records) - len(shown)} more (--json has all)"] if len(shown) < len(records) else []
    nothing = "  nothing in AWS" if own else "  nothing, anywhere"
    return lines if ordered else [*lines, nothing]


def _outside(trial: Trial, everything: bool) -> list[str]:
    lines = ["Outside AWS (recorded here; nothing left this machine)"]
    for each in trial.outside:
        lines.append(f"  {each.told}" + (f" ({each.author})" if each.author else ""))
        lines += [f"    {each.form}:"] if each.bodies else []
        shown = [line for body in each.bodies for line in body.splitlines()]
        lines += [f"    {_short(line, everything)}" for line in (shown if everything else shown[:MOST_SHOWN])]
    return lines if len(lines) > 1 else []


def _calls(trial: Trial) -> list[str]:
    lines = ["Calls, by role"]
    for role, calls in sorted(trial.calls.items()):
        lines.append(f"  {role}: " + ", ".join(f"{name} {count}" for name, count in calls.items()))
    seen = set[str]()
    for each in trial.refused:
        told = f"  refused: {each['principal']} {each['action']} on {each['resource']} ({each['reason']})"
        lines += [] if told in seen else [told]
        seen.add(told)
    return lines if len(lines) > 1 else [*lines, "  none"]


def _lost(trial: Trial) -> list[str]:
    balance = trial.balance
    lines = ["Dropped, and left undelivered"]
    lines += [f"  {count} lost: {place}" for place, count in trial.dropped.items()]
    if balance.get("removed"):
        again = ", ".join(trial.put_in_again)
        more = f" ({again}: what it takes comes in again, joined or under another tag)" if again else ""
        lines.append(f"  {_count(balance['removed'], 'record')} removed by filters{more}")
    if balance.get("unrouted"):
        lines.append(f"  {_count(balance['unrouted'], 'record')} that no output's Match took")
    lines += [f"  {each}" for each in trial.unmatched]
    if balance.get("router") in ("not counted", "metrics only"):
        lines.append("  the router kept no account of its records: what it dropped is not all counted")
    return lines if len(lines) > 1 else [*lines, "  nothing"]


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _short(record: object, everything: bool) -> str:
    told = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
    return told if everything or len(told) <= MOST_CHARACTERS else f"{told[:MOST_CHARACTERS]}… ({len(told)} characters)"


def _visible(line: str) -> str:
    """Show what a record or a file could do to a terminal in place of doing it."""
    return "".join(_characters(line))


def _characters(line: str) -> Iterator[str]:
    for each in line:
        yield each if each.isprintable() or each == "\t" else f"\\x{ord(each):02x}"
