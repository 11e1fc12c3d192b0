"""The steps of the incident: the fault that was drawn is mended, and the report is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lab_helpers import incident
from lab_helpers.exercises.steps.step import Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.incident import Report
from lab_helpers.incident.faults import MENDS
from lab_helpers.lab import Lab


def is_over(lab: Lab, answer: str | Sequence[str]) -> Verdict:
    """incident_1: visitors who are sent now find a shop, and their lines arrive, as the ticket wants it."""
    drawn = incident.current(lab).incident
    done = _each(answer)
    if not done or any(str(each) not in dict(MENDS) for each in done):
        return not_yet("Name one of: {keys}.", keys=", ".join(dict(MENDS)))
    if any(each in ("restart", "memory", "retention", "block") for each in done):
        return not_yet("That was tried in our place, and the ticket is as open as before. What causes it?")
    wrong = incident.still(incident.look(lab), drawn)
    if wrong:
        return not_yet("It is not over: {what}", what=wrong)
    return passed("Visitors who were sent just now have no complaint, and the ticket can be closed.")


def reports(lab: Lab, answer: Report | Sequence[Report]) -> Verdict:
    """incident_2: cause, evidence, lines lost and mend are those of the fault that was drawn; of two, of each."""
    given = _each(answer)
    if not given or not all(isinstance(each, Report) for each in given):
        return not_yet("A list has an incident.Report(…) for each cause, and nothing else.")
    found = incident.judge_all(given, incident.truths(lab))
    wrong = [each for each in found if not each.is_right]
    if wrong:
        return Verdict(False, " · ".join(f"{each.part}: {each.why}" for each in wrong))
    told = " · ".join(f"{each.part}: {each.why}" for each in found)
    return passed("Incident {seed}. {parts}", seed=incident.current(lab).incident.seed, parts=told)


def _each(answer: Any) -> list[Any]:
    return list(answer) if isinstance(answer, list | tuple) else [answer]


def _but(**changed: Any) -> Callable[[Lab], list[Report]]:
    """Return what makes the right report, of two the first, with a part that is wrong."""

    def made(lab: Lab) -> list[Report]:
        first, *rest = _each(incident.reference(lab))
        return [replace(first, **changed), *rest]

    return made


def _mends_drawn(lab: Lab) -> list[str]:
    return [each.mend for each in incident.current(lab).incident.faults]


STEPS: tuple[Step, ...] = (
    Step(
        "incident_1",
        "Mend what the ticket tells of, in the running lab, and name what you did.",
        15,
        is_over,
        kind=Kind.MEND,
        wants=(str, list, tuple),
        wrong=(
            Wrong("restart", "the ticket is as open as before"),
            Wrong("turn it off and on again", "Name one of"),
            Wrong(None, "It is not over", by_lab=_mends_drawn),
        ),
        hints=(
            "incident.board(lab) says whether requests are missing, and where. Missing in one destination only: its "
            "output, its role, or who comes behind it. In both: what stands before both outputs.",
            "Nothing is missing? Then group the lines by task: durations, and errors.",
            "lab.plan() shows what differs from Terraform's files; lab.show_file shows what was deployed.",
            "What Terraform made is mended by lab.apply(), a file by %%lab_file and lab.deploy().",
            "Was more than one thing wrong? Then answer is a list of the keys.",
        ),
    ),
    Step(
        "incident_2",
        "Write the report: cause, evidence, lines lost, mend.",
        8,
        reports,
        kind=Kind.ANSWER,
        wants=(Report, list, tuple),
        wrong=(
            Wrong(None, "Both come every day", by_lab=_but(cause="crawler")),
            Wrong(None, "no retention has touched them", by_lab=_but(cause="retention", mend="retention")),
            Wrong(None, "Quote them as they are", by_lab=_but(evidence="the router was broken")),
            Wrong(None, "It is there (", by_lab=_but(evidence="Record release 2.4")),
            Wrong(None, "lines_lost", by_lab=_but(lines_lost=901)),
            Wrong(None, "One report for each cause", by_lab=lambda lab: _each(incident.reference(lab))[:1] * 2),
            Wrong([], "for each cause, and nothing else"),
            Wrong(None, "It does not take the cause away", by_lab=_but(mend="restart")),
        ),
        hints=(
            "The cause is one that explains all of the ticket, and whose trace is there: a line, a policy, an object.",
            "Evidence is quoted: copy the line as it is, or the name of the role or task.",
            "Lost is what is in a destination no more after the mend: case.sent has the ids. Late is not lost.",
            "Two causes have two reports: answer = [incident.Report(…), incident.Report(…)].",
        ),
    ),
)
