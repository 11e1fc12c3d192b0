"""What is asked of the running lab: whether the incident is over, and how many requests are missing."""

from __future__ import annotations

import time
from collections.abc import Callable
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
from lab_helpers.incident.faults import Incident, Ticket
from lab_helpers.incident.report import Report, Truth, plain
from lab_helpers.lab import Lab

SEED, REQUESTS, SECONDS = 4, 240, 5.0
"""The visitors who are sent to see whether it is over: with products and orders among them."""
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
    """What became of the visitors who were sent: how many, how many of them are missing in each destination after the
    wait, were answered with a status that they should not get, and the share of products that came slowly.
    """

    requests: int
    missing_cloudwatch: int
    missing_s3: int
    unexpected: int
    slow_share: float


def still(seen: Seen, incident: Incident) -> str:
    """Return what is still wrong of what the ticket tells, in a sentence; empty when it is over."""
    if incident.fault.ticket is Ticket.SHOP:
        if seen.unexpected:
            return say("{count} of {all} requests still get an error.", count=seen.unexpected, all=seen.requests)
        if seen.slow_share > SLOW_SHARE:
            return say("Products still come slowly: {share:.0%} of them.", share=seen.slow_share)
        return ""
    for place, count in (("CloudWatch Logs", seen.missing_cloudwatch), ("S3", seen.missing_s3)):
        if count:
            text = "{count} of {all} requests that were sent just now are still missing in {place}."
            return say(text, count=count, all=seen.requests, place=place)
    return ""


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
    if incident.fault.ticket is Ticket.SHOP:
        return Seen(len(planned), 0, 0, wrong, slow)
    missing_cloudwatch, missing_s3 = _missing_after_wait(lab, set(sent["id"]), begin)
    return Seen(len(sent), missing_cloudwatch, missing_s3, wrong, slow)


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


def truth(lab: Lab) -> Truth:
    """Return what was so, by which a report is judged; counts are taken now."""
    note, incident = scene.noted(lab), scene.current(lab).incident
    sources = {
        **note["sources"],
        "log_router": scene.messages_since(lab, "httpd-sidecar/"),
        ERROR_STREAM: scene.messages_since(lab, ERROR_STREAM),
    }
    return Truth(incident.fault, note["facts"], lost(lab), sources)


def lost(lab: Lab) -> int:
    """Return how many of the incident's requests are missing in CloudWatch Logs or in S3; 0 where nothing gets lost."""
    if not scene.current(lab).incident.fault.loses:
        return 0
    begin = scene.since(lab)
    both = _in_cloudwatch(lab, begin) & _in_s3(lab, begin)
    return len(set(scene.current(lab).sent["id"]) - both)


def reference(lab: Lab) -> Report:
    """Return the report that is right: its evidence is the first line that proves the fault, or the object's name."""
    found = truth(lab)
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
            describe=lambda count: say("{count} are missing", count=count),
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
