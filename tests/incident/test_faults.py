"""What the faults are, and what is changed by them."""

from __future__ import annotations

import json

import pytest

from lab_helpers.httpd import config
from lab_helpers.incident import FAULTS, PAIRS, Incident, changes
from lab_helpers.incident.faults import CAUSES, MENDS, Fault
from tests.incident.pipeline import CONF, FIREHOSE_POLICY, HTTPD, TASK_POLICY

BY_KEY = {each.key: Incident(1, (each,), 12, has_slow_task=False) for each in FAULTS}


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
    assert changes.httpd_conf(HTTPD, Incident(1, BY_KEY["match"].faults, 11, has_slow_task=True)).count("Server_Addr")


def test_policies() -> None:
    """Each fault takes one permission; the other role is renamed only."""
    task = {key: changes.task_policy(TASK_POLICY, each) for key, each in BY_KEY.items()}
    firehose = {key: changes.firehose_policy(FIREHOSE_POLICY, each) for key, each in BY_KEY.items()}
    assert {key for key, each in task.items() if "firehose:PutRecordBatch" not in json.dumps(each)} == {"task_role"}
    hurt = firehose["firehose_role"]["Statement"][0]["Resource"]
    assert hurt == ["arn:aws:s3:::b-archive", "arn:aws:s3:::b-archive/*", "arn:x"]
    assert {key for key, each in firehose.items() if "-archive" in json.dumps(each)} == {"firehose_role"}
    assert TASK_POLICY["Statement"][1]["Action"] == "firehose:PutRecordBatch"


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: "+".join(each.key for each in pair))
def test_two_faults_are_written_as_each_alone(pair: tuple[Fault, Fault]) -> None:
    """What each adds to the files and policies alone is there with the other, and nothing else."""

    def written(*faults: Fault) -> set[str]:
        incident = Incident(1, faults, 12, has_slow_task=False)
        policies = (changes.task_policy(TASK_POLICY, incident), changes.firehose_policy(FIREHOSE_POLICY, incident))
        texts = [changes.extra_conf(CONF, incident), changes.httpd_conf(HTTPD, incident)]
        texts += [json.dumps(each, indent=1) for each in policies]
        return {f"{number}: {line}" for number, text in enumerate(texts) for line in text.splitlines() if line.strip()}

    well, one, other = written(), written(pair[0]), written(pair[1])
    assert written(*pair) - well == (one - well) | (other - well)
    assert one - well
    assert other - well
