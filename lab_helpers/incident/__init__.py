"""An incident to close the course with: one fault or two, drawn by a seed, in a running service, and a judged report.

case = incident.begin(lab, seed=1)  one fault; faults=2, or a seed from 1000 on: two at once
case.journal()                      what was changed before
incident.board(lab)                 where the visitors' requests are now
incident.causes(), incident.mends() what a report may name
incident.end(lab)                   everything as it was
"""

from lab_helpers.incident.drawn import PAIRS, TWO_FROM, Incident, draw
from lab_helpers.incident.faults import FAULTS
from lab_helpers.incident.probe import Seen, board, look, reference, still, truths
from lab_helpers.incident.report import Finding, Report, Truth, judge, judge_all
from lab_helpers.incident.scene import Scene, begin, causes, current, end, mend, mends

__all__ = [
    "FAULTS", "PAIRS", "TWO_FROM", "Finding", "Incident", "Report", "Scene", "Seen", "Truth", "begin", "board",
    "causes", "current", "draw", "end", "judge", "judge_all", "look", "mend", "mends", "reference", "still", "truths",
]  # fmt: skip
