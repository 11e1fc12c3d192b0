"""The steps of the incident: the fault that was drawn is mended, and the report is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lab_helpers import incident
from lab_helpers.exercises.steps.step import Kind, Step, Verdict, Wrong, not_yet, passed
from lab_helpers.incident import Report
from lab_helpers.incident.faults import MENDS
from lab_helpers.lab import Lab


def is_over(lab: Lab, answer: str) -> Verdict:
    """incident_1: visitors who are sent now find a shop, and their lines arrive, as the ticket wants it."""
    drawn = incident.current(lab).incident
    if answer not in dict(MENDS):
        return not_yet("Name one of: {keys}.", keys=", ".join(dict(MENDS)))
    if answer in ("restart", "memory", "retention", "block"):
        return not_yet("That was tried in our place, and the ticket is as open as before. What causes it?")
    wrong = incident.still(incident.look(lab), drawn)
    if wrong:
        return not_yet("It is not over: {what}", what=wrong)
    return passed("Visitors who were sent just now have no complaint, and the ticket can be closed.")


def reports(lab: Lab, answer: Report) -> Verdict:
    """incident_2: cause, evidence, lines lost and mend are those of the fault that was drawn."""
    found = incident.judge(answer, incident.truth(lab))
    wrong = [each for each in found if not each.is_right]
    if wrong:
        return Verdict(False, " · ".join(f"{each.part}: {each.why}" for each in wrong))
    told = " · ".join(f"{each.part}: {each.why}" for each in found)
    return passed("Incident {seed}. {parts}", seed=incident.current(lab).incident.seed, parts=told)


def _but(**changed: Any) -> Callable[[Lab], Report]:
    return lambda lab: replace(incident.reference(lab), **changed)


STEPS: tuple[Step, ...] = (
    Step(
        "incident_1",
        "Mend what the ticket tells of, in the running lab, and name what you did.",
        15,
        is_over,
        kind=Kind.MEND,
        wrong=(
            Wrong("restart", "the ticket is as open as before"),
            Wrong("turn it off and on again", "Name one of"),
            Wrong(None, "It is not over", by_lab=lambda lab: incident.current(lab).incident.fault.mend),
        ),
        hints=(
            "incident.board(lab) says whether requests are missing, and where. Missing in one destination only: its "
            "output, its role, or who comes behind it. In both: what stands before both outputs.",
            "Nothing is missing? Then group the lines by task: durations, and errors.",
            "lab.plan() shows what differs from Terraform's files; lab.show_file shows what was deployed.",
            "What Terraform made is mended by lab.apply(), a file by %%lab_file and lab.deploy().",
        ),
    ),
    Step(
        "incident_2",
        "Write the report: cause, evidence, lines lost, mend.",
        8,
        reports,
        kind=Kind.ANSWER,
        wants=Report,
        wrong=(
            Wrong(None, "Both come every day", by_lab=_but(cause="crawler")),
            Wrong(None, "no retention has touched them", by_lab=_but(cause="retention", mend="retention")),
            Wrong(None, "Quote them as they are", by_lab=_but(evidence="the router was broken")),
            Wrong(None, "it does not do what happened", by_lab=_but(evidence="Record release 2.4")),
            Wrong(None, "lines_lost", by_lab=lambda lab: replace(incident.reference(lab), lines_lost=901)),
            Wrong(None, "It does not take the cause away", by_lab=_but(mend="restart")),
        ),
        hints=(
            "The cause is one that explains all of the ticket, and whose trace is there: a line, a policy, an object.",
            "Evidence is quoted: copy the line as it is, or the name of the role or task.",
            "Lost is what is in a destination no more after the mend: case.sent has the ids. Late is not lost.",
        ),
    ),
)
