"""The report that ends an incident, and its judge: cause, evidence, lines lost, mend. Pure.

An incident with two faults has a report for each; what is said of one gives the other away nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lab_helpers.base.messages import say
from lab_helpers.incident.faults import CAUSES, MENDS, Fault, cause_of
from lab_helpers.logs.apache import parse_line

SHORTEST_QUOTATION = 6
"""Characters; less is found anywhere."""


@dataclass(frozen=True)
class Report:
    """What a trainee reports: `cause` and `mend` are keys, `evidence` is quoted, `lines_lost` a number of requests."""

    cause: str
    evidence: str
    lines_lost: int
    mend: str


@dataclass(frozen=True)
class Truth:
    """What was so: the fault, the facts of this lab that its proofs name, how many requests are in S3 or CloudWatch no
    more because of it, and the texts that can be quoted, by their place. `is_alone`: it is the incident's only fault.
    """

    fault: Fault
    facts: Mapping[str, str]
    lines_lost: int
    sources: Mapping[str, str]
    is_alone: bool = True


@dataclass(frozen=True)
class Finding:
    """One part of a report as the judge sees it."""

    part: str
    is_right: bool
    why: str


def judge(report: Report, truth: Truth) -> tuple[Finding, ...]:
    """Return what holds of a report, part by part: cause, evidence, lines lost, mend."""
    return (_cause(report, truth), _evidence(report, truth), _lines(report, truth), _mend(report, truth))


def judge_all(reports: Sequence[Report], truths: Sequence[Truth]) -> tuple[Finding, ...]:
    """Return what holds of the reports of an incident: each is judged by the fault that it names.

    With two faults the parts carry the report's number, and a fault that no report names is said to be there.
    """
    if len(reports) == len(truths) == 1:
        return judge(reports[0], truths[0])
    open_truths = {each.fault.key: each for each in truths}
    found: list[Finding] = []
    for number, report in enumerate(reports, 1):
        truth = open_truths.pop(str(report.cause), None)
        parts = judge(report, truth) if truth else (_unfounded(report, truths),)
        found += [replace(each, part=f"{number}. {each.part}") for each in parts]
    if len(reports) < len(truths) and len(open_truths) + len(reports) == len(truths):
        text = "This is not all of it: something else is wrong as well. Give a list with one report for each cause."
        found.append(Finding("causes", False, say(text)))
    return tuple(found)


def _unfounded(report: Report, truths: Sequence[Truth]) -> Finding:
    """Return what is to be said of a report on a cause that is none, or that has its report already."""
    if any(report.cause == each.fault.key for each in truths):
        return Finding("cause", False, say("This cause has its report already. One report for each cause."))
    return _cause(report, truths[0])


def _cause(report: Report, truth: Truth) -> Finding:
    known = cause_of(str(report.cause))
    if known is None:
        return Finding("cause", False, say("Name one of: {keys}.", keys=", ".join(each.key for each in CAUSES)))
    if known.key != truth.fault.key:
        return Finding("cause", False, say(known.refuted))
    return Finding("cause", True, say(truth.fault.story))


def _evidence(report: Report, truth: Truth) -> Finding:
    quoted = plain(str(report.evidence))
    if len(quoted) < SHORTEST_QUOTATION:
        text = "Quote a line of a log, a file or a policy, or name the object, as it is written there."
        return Finding("evidence", False, say(text))
    place = next((name for name, text in truth.sources.items() if quoted in plain(text)), None)
    if place is None and parse_line(str(report.evidence).strip()).problem is None:
        return Finding("evidence", False, say("An access line shows the symptom. What shows the cause?"))
    if place is None:
        text = "No log, file, policy or object of this incident has these words. Quote them as they are."
        return Finding("evidence", False, say(text))
    if not any(all(part in quoted for part in _filled(proof, truth.facts)) for proof in truth.fault.proofs):
        text = "It is there ({place}), but it does not do what happened."
        if not truth.is_alone:
            text = "It is there ({place}), but it does not prove this cause."
        return Finding("evidence", False, say(text, place=place))
    return Finding("evidence", True, say("Found in: {place}.", place=place))


def _lines(report: Report, truth: Truth) -> Finding:
    if not isinstance(report.lines_lost, int) or isinstance(report.lines_lost, bool) or report.lines_lost < 0:
        return Finding("lines_lost", False, say("A whole number of requests is wanted."))
    if report.lines_lost == truth.lines_lost:
        return Finding("lines_lost", True, say("{count:,} requests are missing for ever.", count=truth.lines_lost))
    if not truth.fault.loses:
        return Finding(
            "lines_lost", False, say("Nothing of it is lost. What is late, and what was logged all the same?")
        )
    if report.lines_lost < truth.lines_lost:
        return Finding("lines_lost", False, say("More are missing: did you look into both destinations?"))
    if not truth.is_alone:
        text = "Fewer are missing because of this cause. Count a request once: where it was lost first."
        return Finding("lines_lost", False, say(text))
    return Finding("lines_lost", False, say("Fewer are missing. Count requests with an id of this incident only."))


def _mend(report: Report, truth: Truth) -> Finding:
    if str(report.mend) not in dict(MENDS):
        return Finding("mend", False, say("Name one of: {keys}.", keys=", ".join(dict(MENDS))))
    if report.mend != truth.fault.mend:
        return Finding("mend", False, say("It does not take the cause away: the next line would go the same way."))
    return Finding("mend", True, say(dict(MENDS)[report.mend]))


def plain(text: str) -> str:
    """Return a text as quotations are compared: small letters, one blank for any run of blanks and quotation marks."""
    return re.sub(r"[\s\"'\\]+", " ", text).strip().lower()


def _filled(proof: tuple[str, ...], facts: Mapping[str, str]) -> list[str]:
    """Return a proof's fragments with the facts in them; a fact that is not known fits nothing."""
    return [plain(part.format_map(_Facts(facts))) for part in proof]


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return f"<no {key}>"
