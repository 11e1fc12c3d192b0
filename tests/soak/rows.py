"""Run one row: send numbered requests, do the fault in the middle, count what arrived where."""

from __future__ import annotations

import time
from collections import Counter

from tests.integration import arrivals
from tests.soak.faults import RATE_PER_S, Row
from tests.soak.promises import Arrival, Outcome
from tests.soak.stage import Stage

BEFORE_S = 2.0
"""How long requests are sent before the fault."""
BOUND_S = 150.0
"""Longest wait for lines: back-off of Firehose after a denial, a connection that waits for its answer."""
QUIET_S = 20.0
"""Where lines may be lost: so long without a new one, all that will come has come."""
LOOK_S = 1.0


def run(stage: Stage, row: Row, seconds: float, rate_per_s: float = RATE_PER_S) -> Outcome:
    """Run a row with requests for so many seconds."""
    reason = row.why_not(stage)
    if reason:
        return Outcome(row.name, row.promise, 0, 0, {}, 0.0, skipped=reason)
    lost_before, began = stage.lost(), time.monotonic()
    with arrivals.Load(stage.stack, rate_per_s) as load:
        stage.pause(BEFORE_S)
        remarks = row.act(stage, max(1.0, seconds - BEFORE_S)) or {}
        stage.pause(seconds - (time.monotonic() - began))
    ended = time.monotonic()
    answered = set(load.ids) - set(load.lost["id"])
    found = _arrived(stage, load.run, answered)
    recovery_s = time.monotonic() - ended
    stage.settle()
    lost = stage.lost()
    counted = {where: lost[where] - lost_before[where] for where in lost} if lost and lost_before else None
    counts = {where: Arrival.of(answered, each) for where, each in found.items()}
    return Outcome(row.name, row.promise, len(answered), len(load.lost), counts, recovery_s, counted, remarks=remarks)


def _arrived(stage: Stage, run: str, wanted: set[str]) -> dict[str, Counter[str]]:
    """Look until all is there, or nothing new has come for a while, or the bound has passed."""
    until = time.monotonic() + BOUND_S
    seen, changed = -1, time.monotonic()
    while True:
        found = {"CloudWatch": arrivals.in_cloudwatch(stage.stack, run), "S3": arrivals.in_s3(stage.stack, run)}
        now, total = time.monotonic(), sum(each.total() for each in found.values())
        if total != seen:
            seen, changed = total, now
        whole = all(wanted <= set(each) for each in found.values())
        if (whole and now - changed >= 2 * LOOK_S) or now - changed >= QUIET_S or now >= until:
            return found
        stage.pause(LOOK_S)
