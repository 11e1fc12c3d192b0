"""What is asked of the running lab: whether the incident is over, and how many requests are missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lab_helpers import audit, cloudwatch, s3_logs, visitors
from lab_helpers.base.errors import NotFoundError, NotYetError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.display import Bar
from lab_helpers.faults import ERROR_STREAM
from lab_helpers.incident import scene
from lab_helpers.incident.drawn import Incident
from lab_helpers.incident.faults import Symptom, Ticket
from lab_helpers.incident.report import Report, Truth, plain
from lab_helpers.lab import Lab

SEED, REQUESTS, SECONDS = 3, 240, 5.0
"""The visitors who are sent to see whether it is over, with many products and orders among them: only every second
order reaches the one task that is wrong."""
CLOUDWATCH_S, S3_MARGIN_S = 15.0, 30.0
"""How long is waited for the last of them; for S3 on top of the buffer interval."""
ACCOUNT_MARGIN_S = 300.0
UNREACHED_S = 60.0
"""Beyond the wait: a look that takes long is no error."""
SLOW_MS, SLOW_SHARE = 600.0, 0.15
"""Products come within milliseconds. At 5 KiB a second most take longer than `SLOW_MS`."""
_MARGIN = timedelta(seconds=5)


@dataclass(frozen=True)
class Seen:
    """What became of the visitors who were sent: how many requests, how many of them are followed by their id and
    missing in each destination after the wait, how many got a status that they should not, and the share of products
    that came slowly. With two faults `missing_s3` counts only what is in CloudWatch Logs.
    """

    requests: int
    followed: int
    missing_cloudwatch: int
    missing_s3: int
    unexpected: int
    slow_share: float


def still(seen: Seen, incident: Incident) -> str:
    """Return what is still wrong of what the tickets tell, in a sentence; empty when it is over.

    Of two faults each that is seen is told, and that one of them is mended where the other is not.
    """
    wrong = _wrong(seen, incident)
    if not wrong:
        return ""
    if len(incident.faults) == 1:
        return next(iter(wrong.values()))
    what = " ".join(wrong.values())
    return say("Part of it is mended, and not all. {what}", what=what) if incident.symptoms - wrong.keys() else what


def _wrong(seen: Seen, incident: Incident) -> dict[Symptom, str]:
    """Return what is wrong of what the tickets tell: a sentence for each symptom."""
    found = {}
    if Ticket.LINES in incident.tickets:
        missing = {Symptom.IN_NEITHER: seen.missing_cloudwatch, Symptom.NOT_IN_S3: seen.missing_s3}
        for (symptom, count), place in zip(missing.items(), ("CloudWatch Logs", "S3"), strict=True):
            if count:
                text = "{count:,} of {all:,} requests that were sent just now are still missing in {place}."
                found[symptom] = say(text, count=count, all=seen.followed, place=place)
    if Ticket.SHOP in incident.tickets:
        if seen.unexpected:
            text = "{count:,} of {all:,} requests still get an error."
            found[Symptom.ERRORS] = say(text, count=seen.unexpected, all=seen.requests)
        if seen.slow_share > SLOW_SHARE:
            found[Symptom.SLOW] = say("Products still come slowly: {share:.0%} of them.", share=seen.slow_share)
    return found


def look(lab: Lab) -> Seen:
    """Send visitors, wait for their lines as long as they may take, and return what became of them."""
    incident, begin = scene.current(lab).incident, datetime.now(UTC) - _MARGIN
    planned = visitors.plan(SEED, REQUESTS, SECONDS, scene.OPEN_HOURS)
    with Bar("visitors") as bar:
        made = visitors.visit(lab.outputs.url, SEED, REQUESTS, SECONDS, scene.OPEN_HOURS, on_progress=bar)
    sent = scene.with_an_id(made.sent)
    wrong = int((made.sent["status"].to_numpy() != made.truth["status"].to_numpy()).sum())
    products = made.sent["path"].str.match(r"/products/\d").fillna(False).to_numpy(bool)
    slow = float((made.sent["elapsed_ms"].to_numpy(float)[products] > SLOW_MS).mean()) if products.any() else 0.0
    if Ticket.LINES not in incident.tickets:
        return Seen(len(planned), len(sent), 0, 0, wrong, slow)
    missing = _missing_apart if len(incident.faults) > 1 else _missing_after_wait
    return Seen(len(planned), len(sent), *missing(lab, set(sent["id"]), begin), wrong, slow)


def board(lab: Lab) -> pd.DataFrame:
    """Return where the incident's requests are now: where, requests."""
    sent = scene.current(lab).sent
    ids = set(sent["id"])
    begin = scene.since(lab)
    rows = [
        ("sent, with an id, and answered", len(ids)),
        ("answered with 5xx", int((sent["status"] >= 500).sum())),
        ("in CloudWatch Logs", len(ids & _in_cloudwatch(lab, begin))),
        ("in S3", len(ids & _in_s3(lab, begin))),
    ]
    return pd.DataFrame([(say(what), count) for what, count in rows], columns=["where", "requests"])


def truths(lab: Lab) -> tuple[Truth, ...]:
    """Return what was so, a truth for each fault, by which reports are judged; counts are taken now."""
    note, incident = scene.noted(lab), scene.current(lab).incident
    sources = {
        **note["sources"],
        "log_router": scene.messages_since(lab, "httpd-sidecar/"),
        ERROR_STREAM: scene.messages_since(lab, ERROR_STREAM),
    }
    gone, is_alone = lost(lab), len(incident.faults) == 1
    return tuple(Truth(each, note["facts"], gone[each.key], sources, is_alone) for each in incident.faults)


def lost(lab: Lab) -> dict[str, int]:
    """Return how many of the incident's requests are gone because of each fault; 0 where nothing gets lost."""
    case = scene.current(lab)
    if not any(each.loses for each in case.incident.faults):
        return dict.fromkeys(case.incident.keys, 0)
    begin = scene.since(lab)
    return lost_by(case.incident, set(case.sent["id"]), _in_cloudwatch(lab, begin), _in_s3(lab, begin))


def lost_by(incident: Incident, sent: Collection[str], in_cloudwatch: set[str], in_s3: set[str]) -> dict[str, int]:
    """Return how many requests each fault has lost: one fault what is missing anywhere; of two the one before both
    outputs what is in neither, and the one of an output what the other output has.
    """
    ids = set(sent)
    if len(incident.faults) == 1:
        gone = dict.fromkeys(Symptom, ids - (in_cloudwatch & in_s3))
    else:
        gone = {Symptom.IN_NEITHER: ids - in_cloudwatch, Symptom.NOT_IN_S3: (ids & in_cloudwatch) - in_s3}
    return {each.key: len(gone[each.symptom]) if each.loses else 0 for each in incident.faults}


def reference(lab: Lab) -> Report | list[Report]:
    """Return the report that is right, of two faults a list of both.

    Its evidence is the first line that proves the fault, or the object's name. Raises NotYetError without one.
    """
    found = [_right(each) for each in truths(lab)]
    return found[0] if len(found) == 1 else found


def _right(found: Truth) -> Report:
    quoted = next((line for text in found.sources.values() for line in text.splitlines() if proves(line, found)), "")
    if not quoted:
        raise NotYetError("The line that proves the fault", cell="incident.begin(lab, seed)")
    return Report(found.fault.key, quoted.strip(), found.lines_lost, found.fault.mend)


def proves(line: str, found: Truth) -> bool:
    """Whether a line has all fragments of one of the fault's proofs."""
    proofs = [[part.format_map(dict(found.facts)) for part in proof] for proof in found.fault.proofs]
    return any(all(plain(part) in plain(line) for part in proof) for proof in proofs)


def _missing_after_wait(lab: Lab, ids: set[str], begin: datetime) -> tuple[int, int]:
    """Return how many are missing in CloudWatch Logs and in S3; S3 is not waited for where the first has gaps."""
    in_cloudwatch = _wait(lab, ids, lambda: _in_cloudwatch(lab, begin), CLOUDWATCH_S)
    s3_s = 0.0 if in_cloudwatch else lab.settings.buffer_s + S3_MARGIN_S
    return in_cloudwatch, _wait(lab, ids, lambda: _in_s3(lab, begin), s3_s)


def _missing_apart(lab: Lab, ids: set[str], begin: datetime) -> tuple[int, int]:
    """Return how many are missing in CloudWatch Logs, and how many in S3 that are in CloudWatch Logs."""
    in_cloudwatch = _wait(lab, ids, lambda: _in_cloudwatch(lab, begin), CLOUDWATCH_S)
    there = ids & _in_cloudwatch(lab, begin)
    return in_cloudwatch, _wait(lab, there, lambda: _in_s3(lab, begin), lab.settings.buffer_s + S3_MARGIN_S)


def _wait(lab: Lab, ids: set[str], read: Callable[[], set[str]], seconds: float) -> int:
    """Wait until `read` has all ids, as long as `seconds`, and return how many are missing then."""
    more = 0.0 if lab.settings.can.is_embedded or not seconds else ACCOUNT_MARGIN_S
    end = time.monotonic() + seconds + more
    with Bar("lines") as bar:
        return wait_until(
            lambda: len(ids - read()),
            seconds + more + UNREACHED_S,
            1.0,
            say("the lines of these visitors"),
            done=lambda count: count == 0 or time.monotonic() >= end,
            describe=lambda count: say("{count:,} are missing", count=count),
            on_tick=bar.tick,
        )


def _in_cloudwatch(lab: Lab, begin: datetime) -> set[str]:
    try:
        lines = cloudwatch.read_events(lab.client("logs"), lab.outputs.httpd_log_group, since=begin)
    except NotFoundError:
        return set()
    return set(audit.with_ids(lines)["id"].dropna())


def _in_s3(lab: Lab, begin: datetime) -> set[str]:
    lines = s3_logs.read_objects(lab.client("s3"), lab.outputs.log_bucket, since=begin)
    return set(audit.with_ids(lines)["id"].dropna())
