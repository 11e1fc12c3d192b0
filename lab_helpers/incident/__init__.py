"""An incident to close the course with: a fault drawn by a seed in a running service, and a report that is judged.

case = incident.begin(lab, seed=1)
case.journal()                      what was changed before
incident.board(lab)                 where the visitors' requests are now
incident.causes(), incident.mends() what a report may name
incident.end(lab)                   everything as it was
"""

from lab_helpers.incident.faults import FAULTS, Incident, draw
from lab_helpers.incident.probe import Seen, board, look, reference, still, truth
from lab_helpers.incident.report import Finding, Report, Truth, judge
from lab_helpers.incident.scene import Scene, begin, causes, current, end, mend, mends

__all__ = [
    "FAULTS", "Finding", "Incident", "Report", "Scene", "Seen", "Truth", "begin", "board", "causes", "current", "draw",
    "end", "judge", "look", "mend", "mends", "reference", "still", "truth",
]  # fmt: skip
