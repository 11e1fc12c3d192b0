"""What a seed draws, and what is changed by it."""

from __future__ import annotations

import json

import pytest

from lab_helpers.base.config import PROJECT
from lab_helpers.base.errors import SettingsError
from lab_helpers.httpd import config
from lab_helpers.incident import FAULTS, changes, draw
from lab_helpers.incident.faults import CAUSES, EXTRA_CONF, HTTPD_CONF, MENDS, ZONES, Incident, Ticket

CONF, HTTPD = ((PROJECT / name).read_text() for name in (EXTRA_CONF, HTTPD_CONF))
BY_KEY = {each.key: Incident(1, each, 12, has_slow_task=False) for each in FAULTS}
TASK_POLICY = {
    "Statement": [
        {"Action": ["logs:PutLogEvents"], "Effect": "Allow", "Resource": "*"},
        {"Action": "firehose:PutRecordBatch", "Effect": "Allow", "Resource": "arn:aws:firehose:::s"},
    ]
}
FIREHOSE_POLICY = {
    "Statement": {
        "Action": ["s3:PutObject"], "Effect": "Allow", "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:x"],
    }
}  # fmt: skip


def test_each_fault_zone_and_herring_is_drawn_by_some_seed() -> None:
    """A trainer finds every one among small numbers."""
    drawn = [draw(seed) for seed in range(60)]
    assert {each.fault.key for each in drawn} == {each.key for each in FAULTS}
    assert {each.zone for each in drawn} == set(ZONES)
    assert {each.has_slow_task for each in drawn if each.fault.ticket is Ticket.LINES} == {True, False}


def test_a_seed_draws_the_same_every_time() -> None:
    """A class can talk about one incident."""
    assert [draw(seed) for seed in range(20)] == [draw(seed) for seed in range(20)]


def test_a_task_is_slow_besides_only_where_lines_are_asked_for() -> None:
    """For a ticket about the shop a slow task would be a second right answer."""
    assert not any(draw(seed).has_slow_task for seed in range(200) if draw(seed).fault.ticket is Ticket.SHOP)


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True, None, 10**7])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    """It says what a seed is."""
    with pytest.raises(SettingsError, match="a whole number from 0 to"):
        draw(seed)  # type: ignore[arg-type]


def test_each_fault_is_a_cause_and_has_a_mend() -> None:
    """What is drawn can be reported; several causes and mends are nobody's."""
    assert {each.key for each in FAULTS} < {each.key for each in CAUSES}
    assert {each.mend for each in FAULTS} < set(dict(MENDS))


def test_the_routers_files() -> None:
    """Only its own faults are in them; the release is in every one."""
    texts = {key: changes.extra_conf(CONF, each) for key, each in BY_KEY.items()}
    well = changes.extra_conf(CONF)
    assert {key for key, text in texts.items() if text != well} == {"match", "filter"}
    assert "Record release 2.4" in well
    head, tail = texts["match"].split("kinesis_firehose")
    assert ("httpd.*" in head, "httpd.*" in tail) == (False, True)


def test_httpds_files() -> None:
    """A reader of Apache's configuration takes each; one task is slow or wrong where the incident says so."""
    texts = {key: changes.httpd_conf(HTTPD, each) for key, each in BY_KEY.items()}
    well = changes.httpd_conf(HTTPD)
    assert {key for key, text in texts.items() if text != well} == {"slow_task", "wrong_task"}
    assert "%D" in well
    for text in texts.values():
        config.parse(text)
    assert changes.httpd_conf(HTTPD, Incident(1, BY_KEY["match"].fault, 11, has_slow_task=True)).count("Server_Addr")


def test_policies() -> None:
    """Each fault takes one permission; the other role is renamed only."""
    task = {key: changes.task_policy(TASK_POLICY, each) for key, each in BY_KEY.items()}
    firehose = {key: changes.firehose_policy(FIREHOSE_POLICY, each) for key, each in BY_KEY.items()}
    assert {key for key, each in task.items() if "firehose:PutRecordBatch" not in json.dumps(each)} == {"task_role"}
    hurt = firehose["firehose_role"]["Statement"][0]["Resource"]
    assert hurt == ["arn:aws:s3:::b-archive", "arn:aws:s3:::b-archive/*", "arn:x"]
    assert {key for key, each in firehose.items() if "-archive" in json.dumps(each)} == {"firehose_role"}
    assert TASK_POLICY["Statement"][1]["Action"] == "firehose:PutRecordBatch"
