"""Who may assume a role."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.iam.evaluate import Outcome, PolicySet
from lab_helpers.iam.policy import PolicyError
from lab_helpers.iam.trust import may_assume

from .builders import ACCOUNT, OTHER_ACCOUNT, ROLE, ROOT, SESSION, USER, document, identity, statement


def trust(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """A trust policy for one principal."""
    return document({"Effect": effect, "Action": "sts:AssumeRole", "Principal": principal, **more})


ECS = trust({"Service": "ecs-tasks.amazonaws.com"})


def test_only_the_service_that_is_named_may_assume() -> None:
    """The article's roles trust ecs-tasks or firehose, and a swapped trust is a denial that says so."""
    assert may_assume(ECS, "ecs-tasks.amazonaws.com").allowed
    denied = may_assume(ECS, "firehose.amazonaws.com")
    assert denied.outcome is Outcome.IMPLICIT_DENY
    assert denied.message == (
        "Service Principal: firehose.amazonaws.com is not authorized to perform: sts:AssumeRole "
        "because no role trust policy allows the sts:AssumeRole action"
    )
    assert denied.error_code == "AccessDenied"


@pytest.mark.parametrize(
    ("named", "caller", "allowed"),
    [
        ("logs.eu-west-1.amazonaws.com", "logs.amazonaws.com", True),
        ("logs.us-gov-west-1.amazonaws.com", "logs.amazonaws.com", True),
        ("logs.amazonaws.com", "logs.eu-west-1.amazonaws.com", False),
        ("logs.eu-west-1.amazonaws.com", "firehose.amazonaws.com", False),
        ("delivery.logs.amazonaws.com", "logs.amazonaws.com", False),
        ("logs.eu-west-1.amazonaws.com.example.org", "logs.amazonaws.com", False),
    ],
)
def test_a_service_has_a_name_in_each_region(named: str, caller: str, allowed: bool) -> None:
    """Roles of subscription filters trust logs.REGION.amazonaws.com in AWS's own guide."""
    assert may_assume(trust({"Service": named}), caller).allowed is allowed


def test_a_caller_is_answered_as_sts_answers() -> None:
    """STS names the role; the User Guide's sentence, without the role, names the kind of policy."""
    role = f"arn:aws:iam::{ACCOUNT}:role/target"
    denied = may_assume(ECS, USER, role_arn=role)
    assert denied.message == f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: {role}"
    assert denied.reason == "because no role trust policy allows the sts:AssumeRole action"
    explicit = may_assume(trust({"AWS": USER}, "Deny"), USER)
    assert explicit.message == (
        f"User: {USER} is not authorized to perform: sts:AssumeRole with an explicit deny in the role trust policy"
    )


@pytest.mark.parametrize(
    ("named", "caller", "allowed"),
    [
        ({"AWS": ROOT}, USER, True),
        ({"AWS": ACCOUNT}, SESSION, True),
        ({"AWS": ROLE}, SESSION, True),
        ({"AWS": USER}, USER, True),
        ({"AWS": "*"}, USER, True),
        ({"AWS": OTHER_ACCOUNT}, USER, False),
        ({"Service": "ec2.amazonaws.com"}, USER, False),
    ],
)
def test_arns_are_trusted_by_name_role_or_account(named: Any, caller: str, allowed: bool) -> None:
    """A trust policy names callers as a resource-based policy does."""
    assert may_assume(trust(named), caller).allowed is allowed


def test_the_callers_own_policies_decide_where_only_the_account_is_trusted() -> None:
    """Trusting an account leaves it to that account; trusting a role does not need more; an own deny counts."""
    role = f"arn:aws:iam::{ACCOUNT}:role/target"
    allow, deny = identity(statement("Allow", "sts:AssumeRole", role)), identity(statement("Deny", "sts:*"))
    for named, own, allowed in (
        (ROOT, PolicySet(), False),
        (ROOT, PolicySet((allow,)), True),
        (ROLE, PolicySet(), True),
        (ROLE, PolicySet((deny,)), False),
        (ROLE, PolicySet(boundary=identity(statement("Allow", "s3:*"))), False),
    ):
        assert may_assume(trust({"AWS": named}), SESSION, role_arn=role, own=own).allowed is allowed
    assert may_assume(ECS, "ecs-tasks.amazonaws.com", role_arn=role, own=PolicySet()).allowed


def test_conditions_and_other_actions_count() -> None:
    """A confused-deputy condition keeps another account's service out; other actions are not AssumeRole."""
    guarded = trust({"Service": "firehose.amazonaws.com"}, Condition={"StringEquals": {"sts:ExternalId": ACCOUNT}})
    assert may_assume(guarded, "firehose.amazonaws.com", {"sts:ExternalId": ACCOUNT}).allowed
    assert not may_assume(guarded, "firehose.amazonaws.com", {"sts:ExternalId": OTHER_ACCOUNT}).allowed
    tagging = trust({"Service": "firehose.amazonaws.com"}) | {
        "Statement": [{"Effect": "Allow", "Action": "sts:TagSession", "Principal": "*"}]
    }
    assert not may_assume(tagging, "firehose.amazonaws.com").allowed


def test_a_deny_beats_the_trust() -> None:
    """An explicit deny in the trust policy wins."""
    both = document(*trust("*")["Statement"], *trust({"AWS": ROOT}, "Deny")["Statement"])
    assert may_assume(both, "ecs-tasks.amazonaws.com").allowed
    assert may_assume(both, USER).outcome is Outcome.EXPLICIT_DENY


def test_an_identity_policy_is_no_trust_policy() -> None:
    """A document with Resource where a trust policy is due is refused."""
    with pytest.raises(PolicyError, match="neither Principal"):
        may_assume(document({"Effect": "Allow", "Action": "*", "Resource": "*"}), USER)
