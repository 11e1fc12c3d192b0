"""The policy for the lab's operator: it is enough for all that the lab does, and each of its statements is needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.account import deletion as removal
from lab_helpers.account import operator_policy
from lab_helpers.base.clients import Clients
from lab_helpers.base.errors import AwsCallError
from tests.contract import labs
from tests.contract.conftest import NAMES, Account

pytestmark = pytest.mark.timeout(120)
POLICY = operator_policy.document(NAMES)
STATEMENTS = [statement["Sid"] for statement in POLICY["Statement"]]


def without(sid: str) -> dict[str, Any]:
    policy = deepcopy(POLICY)
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != sid]
    return policy


def first_use(clients: Clients) -> None:
    """What AWS does in the caller's name where a service is used for the first time in an account."""
    clients.client("iam").create_service_linked_role(AWSServiceName="ecs.amazonaws.com")


def whole_life(clients: Clients) -> None:
    """Make a lab, use it, remove it: one call at least for every statement of the policy."""
    first_use(clients)
    labs.make(clients, NAMES)
    labs.use(clients, NAMES)
    failed = [step for step in removal.remove(clients.client, NAMES, timeout_s=20) if step.error]
    if failed:
        raise AwsCallError(failed[0].what, "AccessDenied", failed[0].error)


def test_the_policy_is_enough(account: Account) -> None:
    """An IAM user with exactly it makes, uses and removes a lab; nothing is left."""
    clients = account.user("operator", POLICY)
    whole_life(clients)
    assert removal.found(clients.client, NAMES) == []


@pytest.mark.parametrize("sid", STATEMENTS)
def test_each_statement_is_needed_and_its_lack_is_said(account: Account, sid: str) -> None:
    """Without one statement the lab fails with AWS's denial, and the guard names statement and actions before."""
    clients = account.user("operator", without(sid))
    arn = clients.client("sts").get_caller_identity()["Arn"]
    if sid == "Look":  # which lets one ask
        with pytest.raises(AwsCallError, match="SimulatePrincipalPolicy"):
            operator_policy.missing(clients.client, arn, POLICY)
    else:
        lacking = operator_policy.missing(clients.client, arn, POLICY)
        assert [each.partition(":")[0] for each in lacking] == [sid]
    with pytest.raises((ClientError, AwsCallError), match=r"not authorized to perform|AccessDenied"):
        whole_life(clients)


def test_policy_reaches_no_other_lab(account: Account) -> None:
    """Another participant's things stay out of reach."""
    clients = account.user("operator", POLICY)
    account.aws.client("logs").create_log_group(logGroupName="/ecs/ben/httpd")
    calls: list[Callable[[], object]] = [
        lambda: clients.client("logs").delete_log_group(logGroupName="/ecs/ben/httpd"),
        lambda: clients.client("ecr").create_repository(repositoryName="ben-fluentbit"),
        lambda: clients.client("iam").create_role(
            RoleName="ben-ecs-task-role", AssumeRolePolicyDocument=json.dumps(labs.TRUST)
        ),
        lambda: clients.client("s3").create_bucket(Bucket="ben-logs-123456789012-ap-northeast-1"),
    ]
    for call in calls:
        with pytest.raises(ClientError, match=r"not authorized|Access Denied|AccessDenied"):
            call()


def test_roles_can_be_handed_to_the_two_services_only(account: Account) -> None:
    """PassRole is what a stolen operator could climb with."""
    pass_role = next(statement for statement in POLICY["Statement"] if statement["Action"] == "iam:PassRole")
    assert pass_role["Condition"]["StringEquals"]["iam:PassedToService"] == [
        "ecs-tasks.amazonaws.com", "firehose.amazonaws.com",
    ]  # fmt: skip
    assert account.user("operator", POLICY).client("sts").get_caller_identity()["Account"] == NAMES.account


def test_policy_fits_into_a_managed_policy() -> None:
    """AWS counts characters without white space, at most 6144; the longest prefix has 20."""
    names = type(NAMES)("a" * 20, NAMES.account, "ap-southeast-10")
    text = json.dumps(operator_policy.document(names, "b" * 63), separators=(",", ":"))
    assert len(text) <= operator_policy.MAX_CHARACTERS


def test_state_bucket_adds_a_statement() -> None:
    """Only for those who keep the state there, and only below the lab's own prefix."""
    added = operator_policy.document(NAMES, "state")["Statement"][-1]
    assert added["Resource"] == ["arn:aws:s3:::state", "arn:aws:s3:::state/ann/*"]
