"""The judge of a report: right is right, each wrong part has its reason, and no red herring passes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lab_helpers.base import messages
from lab_helpers.base.config import PROJECT
from lab_helpers.incident import FAULTS, PAIRS, Incident, Report, Truth, changes, judge, judge_all, still
from lab_helpers.incident.faults import CAUSES, EXTRA_CONF, HTTPD_CONF, JOURNAL, MENDS, PLACES, Fault, Symptom, Ticket
from lab_helpers.incident.probe import Seen, proves
from tests.incident.pipeline import FIREHOSE_POLICY, TASK_POLICY

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


def truth_of(fault: Fault, *, has_slow_task: bool = False, beside: Fault | None = None) -> Truth:
    """Return what a lab with this fault would tell, or with this one and one beside it."""
    faults = (fault, beside) if beside else (fault,)
    incident = Incident(1, faults, 12, has_slow_task)
    sources = {
        EXTRA_CONF: changes.extra_conf((PROJECT / EXTRA_CONF).read_text(), incident),
        HTTPD_CONF: changes.httpd_conf((PROJECT / HTTPD_CONF).read_text(), incident),
        "task policy": json.dumps(changes.task_policy(TASK_POLICY, incident), indent=1),
        "firehose policy": json.dumps(changes.firehose_policy(FIREHOSE_POLICY, incident), indent=1),
        "IAM": "lab-ecs-task-role\nlab-firehose-role\nlab-ecs-task-exec-role",
        "ECS": "\n".join(["a" * 32, "b" * 32, "10.0.11.9", "10.0.12.7"]),
        "log": "\n".join(["[info] [engine] started", *(LOGS.get(each.key, "") for each in faults)]),
    }
    return Truth(fault, FACTS, LOST if fault.loses else 0, sources, is_alone=beside is None)


def right(fault: Fault) -> Report:
    """Return the report that is right."""
    return Report(fault.key, EVIDENCE[fault.key], LOST if fault.loses else 0, fault.mend)


def wrong_parts(report: Report, truth: Truth) -> dict[str, str]:
    """Return the reasons of the parts that are wrong."""
    return {each.part: each.why for each in judge(report, truth) if not each.is_right}


def wrong_of_all(reports: Sequence[Report], pair: tuple[Fault, Fault]) -> dict[str, str]:
    """Return the reasons of the parts that are wrong, in the reports of an incident with two faults."""
    truths = (truth_of(pair[0], beside=pair[1]), truth_of(pair[1], beside=pair[0]))
    return {each.part: each.why for each in judge_all(reports, truths) if not each.is_right}


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
    for key in [*dict(MENDS), "pray", None, [fault.mend]]:
        if key != fault.mend:
            report = replace(right(fault), mend=key)  # type: ignore[arg-type]
            assert list(wrong_parts(report, truth_of(fault))) == ["mend"]


def test_an_unknown_cause_is_told_the_known_ones(fault: Fault) -> None:
    """Whoever mistypes a key sees them."""
    assert "task_role, firehose_role" in wrong_parts(replace(right(fault), cause="DNS"), truth_of(fault))["cause"]


def test_a_line_of_each_fault_proves_it(fault: Fault) -> None:
    """The reference report finds its evidence in the texts."""
    truth = truth_of(fault)
    lines = [line for text in truth.sources.values() for line in text.splitlines() if proves(line, truth)]
    assert lines
    assert wrong_parts(replace(right(fault), evidence=lines[0]), truth) == {}


@pytest.fixture(params=PAIRS, ids=lambda pair: "+".join(each.key for each in pair))
def pair(request: pytest.FixtureRequest) -> tuple[Fault, Fault]:
    """Each two faults that are drawn together."""
    found: tuple[Fault, Fault] = request.param
    return found


NOT_ALL = "This is not all of it: something else is wrong as well."


def test_two_right_reports_are_right_in_any_order(pair: tuple[Fault, Fault]) -> None:
    """All four parts of each are judged, and each fault's story is told."""
    one, other = (right(each) for each in pair)
    assert wrong_of_all([one, other], pair) == wrong_of_all([other, one], pair) == {}
    truths = [truth_of(pair[0], beside=pair[1]), truth_of(pair[1], beside=pair[0])]
    found = judge_all([other, one], truths)
    parts = ("cause", "evidence", "lines_lost", "mend")
    assert [each.part for each in found] == [f"{number}. {part}" for number in (1, 2) for part in parts]
    assert [each.why for each in found if each.part.endswith("cause")] == [pair[1].story, pair[0].story]


def test_one_report_of_two_is_not_all_and_gives_nothing_away(pair: tuple[Fault, Fault]) -> None:
    """What is right of it is said to be; of the other neither cause nor place, evidence nor mend."""
    for named, other in (pair, pair[::-1]):
        wrong = wrong_of_all([right(named)], pair)
        assert list(wrong) == ["causes"]
        assert wrong["causes"].startswith(NOT_ALL)
        truths = [truth_of(pair[0], beside=pair[1]), truth_of(pair[1], beside=pair[0])]
        told = " ".join(each.why for each in judge_all([right(named)], truths)).lower()
        title = next(each.title for each in CAUSES if each.key == other.key)
        secrets = [title, other.key, other.story, dict(MENDS)[other.mend], EVIDENCE[other.key]]
        secrets += [PLACES[other.key]] if PLACES[other.key] != PLACES[named.key] else []
        assert [each for each in secrets if each.lower() in told] == []


def test_a_wrong_part_beside_a_missing_report(pair: tuple[Fault, Fault]) -> None:
    """Both are said; that something else is wrong is not said to who has not found one cause yet."""
    named = replace(right(pair[0]), mend="restart")
    assert set(wrong_of_all([named], pair)) == {"1. mend", "causes"}
    assert wrong_of_all([replace(named, cause="bank")], pair) == {
        "1. cause": next(each.refuted for each in CAUSES if each.key == "bank")
    }


def test_one_cause_has_one_report(pair: tuple[Fault, Fault]) -> None:
    """Twice the same is refused, a third is, and a wrong second is told why it is wrong."""
    one, other = (right(each) for each in pair)
    twice = wrong_of_all([one, one], pair)
    assert list(twice) == ["2. cause"]
    assert "One report for each cause" in twice["2. cause"]
    assert list(wrong_of_all([one, other, one], pair)) == ["3. cause"]
    crawler = next(each for each in CAUSES if each.key == "crawler")
    assert wrong_of_all([one, replace(other, cause="crawler")], pair) == {"2. cause": crawler.refuted}
    assert "task_role, firehose_role" in wrong_of_all([replace(one, cause="DNS"), other], pair)["1. cause"]
    assert "1. cause" in wrong_of_all([replace(one, cause=None), other], pair)  # type: ignore[arg-type]


def test_each_of_two_faults_has_its_own_evidence_lines_and_mend(pair: tuple[Fault, Fault]) -> None:
    """The other's line is there and proves another cause; the other's mend mends another."""
    one, other = (right(each) for each in pair)
    swapped = [replace(one, evidence=other.evidence), replace(other, mend=one.mend)]
    wrong = wrong_of_all(swapped, pair)
    assert set(wrong) == {"1. evidence", "2. mend"}
    assert wrong["1. evidence"].endswith("but it does not prove this cause.")
    counted = [replace(each, lines_lost=each.lines_lost + 1) for each in (one, other)]
    wrong = wrong_of_all(counted, pair)
    assert set(wrong) == {"1. lines_lost", "2. lines_lost"}
    for number, fault in enumerate(pair, 1):
        wanted = "where it was lost first" if fault.loses else "Nothing of it is lost"
        assert wanted in wrong[f"{number}. lines_lost"]


def test_a_line_of_each_of_two_faults_proves_it_alone(pair: tuple[Fault, Fault]) -> None:
    """The reference finds evidence for each, and none of it proves the other."""
    found = []
    for fault, beside in (pair, pair[::-1]):
        truth = truth_of(fault, beside=beside)
        found.append({line for text in truth.sources.values() for line in text.splitlines() if proves(line, truth)})
    assert all(found)
    assert not found[0] & found[1]


def test_one_fault_has_one_report() -> None:
    """It is judged as ever, alone or in a list; a second is told why its cause is none."""
    fault = FAULTS[3]
    truth = truth_of(fault)
    for report in (right(fault), replace(right(fault), cause="bank", mend="block")):
        assert judge_all([report], [truth]) == judge(report, truth)
    found = judge_all([right(fault), replace(right(fault), cause="bank")], [truth])
    assert [each.part for each in found if not each.is_right] == ["2. cause"]


SEEN = Seen(100, 100, 0, 0, 0, 0.0)


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
    found = {each.ticket: Incident(1, (each,), 12, has_slow_task=False) for each in FAULTS}
    for ticket, wanted in ((Ticket.LINES, lines), (Ticket.SHOP, shop)):
        told = still(seen, found[ticket])
        assert wanted in told
        assert bool(told) == bool(wanted)


SIGNS = {
    Symptom.IN_NEITHER: (
        {"missing_cloudwatch": 12},
        "12 of 100 requests that were sent just now are still missing in Clo",
    ),
    Symptom.NOT_IN_S3: ({"missing_s3": 88}, "88 of 100 requests that were sent just now are still missing in S3."),
    Symptom.ERRORS: ({"unexpected": 4}, "4 of 100 requests still get an error."),
    Symptom.SLOW: ({"slow_share": 0.4}, "Products still come slowly: 40% of them."),
}
"""What is seen of each symptom, and what is said of it."""


def test_one_fault_of_two_that_is_mended_leaves_the_other_to_be_seen(pair: tuple[Fault, Fault]) -> None:
    """With both, both are told; with one, that a part is mended, and what is not; with none it is over."""
    incident = Incident(1, pair, 12, has_slow_task=False)
    (one, told_one), (other, told_other) = (SIGNS[each.symptom] for each in pair)
    both = still(replace(SEEN, **one, **other), incident)
    assert told_one in both
    assert told_other in both
    assert "Part of it" not in both
    for seen, told, not_told in ((one, told_one, told_other), (other, told_other, told_one)):
        part = still(replace(SEEN, **seen), incident)
        assert part.startswith("Part of it is mended, and not all.")
        assert told in part
        assert not_told not in part
    assert still(SEEN, incident) == ""


def test_everything_that_is_said_is_said_in_japanese() -> None:
    """Tickets, causes, mends, stories and the journal are looked up by their English text."""
    texts = [each.value for each in Ticket] + [text for _, text in (*MENDS, *JOURNAL)]
    texts += [each.story for each in FAULTS] + [text for each in CAUSES for text in (each.title, each.refuted)]
    catalogue = messages._catalogue("ja")
    assert [text for text in texts if ("", text) not in catalogue] == []
    assert Path(messages.LOCALE / "ja.po").is_file()
