"""Teardown and sweep on an account that answers late, throttles and shows what was there a moment ago."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from lab_helpers import teardown
from lab_helpers.account import deletion as removal
from lab_helpers.account import forgotten_labs as sweep
from lab_helpers.base.errors import AccessDeniedError
from lab_helpers.local_aws.testing.weather import Forecast
from tests.contract import labs
from tests.contract.conftest import NAMES, Account

pytestmark = pytest.mark.timeout(60)
MARIE = replace(NAMES, prefix="ann-marie")
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [EVERYTHING]}
STORM = Forecast(throttled_calls=1, delay_s=0.005, stale_reads=2)


def test_teardown_without_a_state_removes_all_and_proves_it(account: Account) -> None:
    """From a machine that never saw the lab: every thing is found by name or tag, and a listing finds none after it."""
    labs.make(account.operator(), NAMES)
    lab = account.lab()
    assert set(teardown.leftovers(lab)["service"]) == {kind.service for kind in removal.KINDS}
    steps = teardown.tear_down(lab, timeout_s=20)
    assert [step for step in steps if step.error] == []
    assert teardown.leftovers(lab).empty


def test_teardown_is_idempotent(account: Account) -> None:
    """With nothing there, every step succeeds and nothing is deleted."""
    before = account.calls()
    assert [step.what for step in teardown.tear_down(account.lab(), timeout_s=5)] == ["terraform destroy"]
    assert account.calls() == before


def test_teardown_leaves_a_lab_of_a_longer_name_alone(account: Account) -> None:
    """`ann` is not `ann-marie`: names are compared whole."""
    for names in (NAMES, MARIE):
        labs.make(account.operator(), names)
    there = removal.found(account.operator().client, MARIE)
    teardown.tear_down(account.lab(), timeout_s=20)
    assert removal.found(account.operator().client, MARIE) == there
    assert len(there) >= 12


def test_versions_markers_and_unfinished_uploads_go_with_their_bucket(account: Account) -> None:
    """A bucket that somebody made versioned is emptied of everything that would keep it."""
    labs.make(account.operator(), NAMES)
    s3 = account.aws.client("s3")
    labs.fill_versioned(s3, NAMES.buckets[-1])
    teardown.tear_down(account.lab(), timeout_s=20)
    assert NAMES.buckets[-1] not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_one_failure_stops_nothing_and_is_told(account: Account) -> None:
    """Somebody who may not delete the repository removes all else, and hears what is left and why."""
    labs.make(account.operator(), NAMES)
    deny = {"Effect": "Deny", "Action": "ecr:DeleteRepository", "Resource": "*"}
    clients = account.user("clumsy", {"Version": "2012-10-17", "Statement": [EVERYTHING, deny]})
    lab = account.lab(clients)
    failed = [step for step in teardown.tear_down(lab, timeout_s=3) if step.error]
    assert [step.what for step in failed] == ["delete repository ann-fluentbit"]
    assert "explicit deny" in failed[0].error
    assert teardown.leftovers(lab)["name"].tolist() == ["ann-fluentbit"]


def test_what_cannot_be_listed_is_an_error_not_nothing(account: Account) -> None:
    """Nobody is told that all is gone who may not look."""
    deny = {"Effect": "Deny", "Action": "iam:GetRole", "Resource": "*"}
    lab = account.lab(account.user("blind", {"Version": "2012-10-17", "Statement": [EVERYTHING, deny]}))
    assert [step.what for step in teardown.tear_down(lab, timeout_s=3) if step.error] == ["list roles"]
    with pytest.raises(AccessDeniedError, match="iam:GetRole"):
        teardown.leftovers(lab)


def test_teardown_in_a_storm(posed: Callable[..., Account]) -> None:
    """Throttled, late and with yesterday's listings the same comes out: nothing left, no error."""
    account = posed(STORM)
    labs.make(account.user("calm", ADMINISTRATOR), NAMES)
    lab = account.lab()
    assert len(teardown.leftovers(lab)) >= 12
    assert [step for step in teardown.tear_down(lab, timeout_s=40) if step.error] == []
    assert teardown.leftovers(lab).empty
    figures = account.weather[0].figures
    assert figures["throttled"] > 20
    assert figures["stale"] > 3


def test_sweep_finds_expired_labs_of_anybody_and_removes_only_them(account: Account) -> None:
    """Found by tags; the day itself is still the owner's; the one that has not expired stays."""
    labs.make(account.operator(), NAMES, "2026-01-31")
    labs.make(account.operator(), MARIE, "2026-02-01")
    aws = account.operator().client
    found = sweep.labs(aws, date(2026, 2, 1))
    assert found[["prefix", "owner", "expires", "expired"]].to_numpy().tolist() == [
        ["ann", "ann", "2026-01-31", True],
        ["ann-marie", "ann", "2026-02-01", False],
    ]
    removed = sweep.remove_expired(aws, found, timeout_s=20)
    assert [step for step in removed["ann"] if step.error] == []
    assert sweep.labs(aws, date(2026, 2, 1))["prefix"].tolist() == ["ann-marie"]


def test_sweep_takes_nothing_else_for_a_lab(account: Account) -> None:
    """Something that only happens to carry a tag `Lab` is nobody's to delete."""
    other = [
        {"ResourceType": "vpc", "Tags": [{"Key": "Lab", "Value": "physics"}, {"Key": "Expires", "Value": "1999-01-01"}]}
    ]
    account.aws.client("ec2").create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=other)
    assert sweep.labs(account.operator().client, date(2026, 2, 1)).empty
