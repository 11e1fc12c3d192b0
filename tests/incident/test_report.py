"""The judge of a report: right is right, each wrong part has its reason, and no red herring passes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab_helpers.base import messages
from lab_helpers.base.config import PROJECT
from lab_helpers.incident import FAULTS, Report, Truth, changes, judge, still
from lab_helpers.incident.faults import CAUSES, EXTRA_CONF, HTTPD_CONF, JOURNAL, MENDS, Fault, Incident, Ticket
from lab_helpers.incident.probe import Seen, proves
from tests.incident.test_faults import FIREHOSE_POLICY, TASK_POLICY

FACTS = {
    "task_role": "lab-ecs-task-role", "firehose_role": "lab-firehose-role", "task": "b" * 32, "address": "10.0.12.7",
}  # fmt: skip
LOGS = {
    "task_role": "[error] PutRecordBatch API responded with error='AccessDeniedException', message='User is not …'",
    "firehose_role": '{"errorCode": "S3.AccessDenied", "message": "Access was denied."}',
}
EVIDENCE = {
    "task_role": LOGS["task_role"],
    "firehose_role": LOGS["firehose_role"],
    "match": "Match              httpd.*",
    "filter": "Exclude log checkout",
    "slow_task": 'SetEnvIf Server_Addr "^10\\.0\\.12\\." rate-limit=5',
    "wrong_task": 'RewriteRule "^/checkout/" "-" [R=503,L]',
}
OBJECTS = {"task_role": "lab-ecs-task-role", "firehose_role": "lab-firehose-role", "slow_task": "b" * 32}
LOST = 12


def truth_of(fault: Fault, *, has_slow_task: bool = False) -> Truth:
    """Return what a lab with this fault would tell."""
    incident = Incident(1, fault, 12, has_slow_task)
    sources = {
        EXTRA_CONF: changes.extra_conf((PROJECT / EXTRA_CONF).read_text(), incident),
        HTTPD_CONF: changes.httpd_conf((PROJECT / HTTPD_CONF).read_text(), incident),
        "task policy": json.dumps(changes.task_policy(TASK_POLICY, incident), indent=1),
        "firehose policy": json.dumps(changes.firehose_policy(FIREHOSE_POLICY, incident), indent=1),
        "IAM": "lab-ecs-task-role\nlab-firehose-role\nlab-ecs-task-exec-role",
        "ECS": "\n".join(["a" * 32, "b" * 32, "10.0.11.9", "10.0.12.7"]),
        "log": f"[info] [engine] started\n{LOGS.get(fault.key, '')}",
    }
    return Truth(fault, FACTS, LOST if fault.loses else 0, sources)


def right(fault: Fault) -> Report:
    """Return the report that is right."""
    return Report(fault.key, EVIDENCE[fault.key], LOST if fault.loses else 0, fault.mend)


def wrong_parts(report: Report, truth: Truth) -> dict[str, str]:
    """Return the reasons of the parts that are wrong."""
    return {each.part: each.why for each in judge(report, truth) if not each.is_right}


@pytest.fixture(params=FAULTS, ids=lambda fault: fault.key)
def fault(request: pytest.FixtureRequest) -> Fault:
    """Each fault in turn."""
    found: Fault = request.param
    return found


def test_the_right_report_is_right(fault: Fault) -> None:
    """With the line, and with the object where there is one."""
    assert wrong_parts(right(fault), truth_of(fault)) == {}
    if fault.key in OBJECTS:
        assert wrong_parts(replace(right(fault), evidence=OBJECTS[fault.key]), truth_of(fault)) == {}


def test_every_other_cause_is_refused_with_its_reason(fault: Fault) -> None:
    """Red herrings too: the slow task where lines are asked for, the crawler, the scanner, the bank, the retention."""
    truth = truth_of(fault, has_slow_task=fault.ticket is Ticket.LINES)
    for cause in CAUSES:
        if cause.key != fault.key:
            assert wrong_parts(replace(right(fault), cause=cause.key), truth) == {"cause": cause.refuted}


def test_every_other_faults_evidence_is_refused(fault: Fault) -> None:
    """What is there and does no harm, and what is not there at all."""
    truth = truth_of(fault, has_slow_task=fault.ticket is Ticket.LINES)
    others = [text for key, text in {**EVIDENCE}.items() if key != fault.key] + ["Record release 2.4", "a" * 32]
    for text in others:
        assert "evidence" in wrong_parts(replace(right(fault), evidence=text), truth), text


def test_evidence_is_quoted(fault: Fault) -> None:
    """Blanks and quotation marks do not matter; words of one's own, an access line and a snippet are refused."""
    truth = truth_of(fault)
    spaced = "  " + EVIDENCE[fault.key].replace(" ", "   ") + "\n"
    assert wrong_parts(replace(right(fault), evidence=spaced), truth) == {}
    line = '10.0.1.1 - - [22/Nov/2026:10:59:07 +0000] "GET /checkout/ HTTP/1.1" 503 45'
    for text, reason in (("it was DNS, as always", "Quote them"), (line, "symptom"), ("", "Quote a line")):
        assert reason in wrong_parts(replace(right(fault), evidence=text), truth)["evidence"]


def test_lines_lost_are_counted(fault: Fault) -> None:
    """Too few, too many, none of them, and what is no number."""
    truth = truth_of(fault)
    for wrong in (truth.lines_lost + 1, truth.lines_lost - 1, 3.5, "many", True, None):
        report = replace(right(fault), lines_lost=wrong)  # type: ignore[arg-type]
        assert list(wrong_parts(report, truth)) == ["lines_lost"]


def test_every_other_mend_is_refused(fault: Fault) -> None:
    """A restart least of all helps."""
    for key in [*dict(MENDS), "pray"]:
        if key != fault.mend:
            assert list(wrong_parts(replace(right(fault), mend=key), truth_of(fault))) == ["mend"]


def test_an_unknown_cause_is_told_the_known_ones(fault: Fault) -> None:
    """Whoever mistypes a key sees them."""
    assert "task_role, firehose_role" in wrong_parts(replace(right(fault), cause="DNS"), truth_of(fault))["cause"]


def test_a_line_of_each_fault_proves_it(fault: Fault) -> None:
    """The reference report finds its evidence in the texts."""
    truth = truth_of(fault)
    lines = [line for text in truth.sources.values() for line in text.splitlines() if proves(line, truth)]
    assert lines
    assert wrong_parts(replace(right(fault), evidence=lines[0]), truth) == {}


SEEN = Seen(100, 0, 0, 0, 0.0)


@pytest.mark.parametrize(
    ("seen", "lines", "shop"),
    [
        (SEEN, "", ""),
        (replace(SEEN, missing_s3=3), "3 of 100 requests that were sent just now are still missing in S3.", ""),
        (replace(SEEN, missing_cloudwatch=2), "still missing in CloudWatch Logs", ""),
        (replace(SEEN, unexpected=4), "", "4 of 100 requests still get an error."),
        (replace(SEEN, slow_share=0.4), "", "Products still come slowly: 40% of them."),
    ],
)
def test_an_incident_is_over_when_its_ticket_is(seen: Seen, lines: str, shop: str) -> None:
    """A slow task beside missing lines need not be mended, and lines are not what the shop's ticket asks."""
    found = {each.ticket: Incident(1, each, 12, has_slow_task=False) for each in FAULTS}
    for ticket, wanted in ((Ticket.LINES, lines), (Ticket.SHOP, shop)):
        told = still(seen, found[ticket])
        assert wanted in told
        assert bool(told) == bool(wanted)


def test_everything_that_is_said_is_said_in_japanese() -> None:
    """Tickets, causes, mends, stories and the journal are looked up by their English text."""
    texts = [each.value for each in Ticket] + [text for _, text in (*MENDS, *JOURNAL)]
    texts += [each.story for each in FAULTS] + [text for each in CAUSES for text in (each.title, each.refuted)]
    catalogue = messages._catalogue("ja")
    assert [text for text in texts if ("", text) not in catalogue] == []
    assert Path(messages.LOCALE / "ja.po").is_file()
