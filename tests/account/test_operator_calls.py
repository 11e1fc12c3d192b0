"""The operator's policy allows what the notebooks call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab_helpers.account import operator_policy
from lab_helpers.account.inventory import LabNames
from lab_helpers.iam.evaluate import AccessRequest, NamedPolicy, PolicySet, evaluate

NAMES = LabNames("firelens-lab", "123456789012", "ap-northeast-1")
OPERATOR = f"arn:aws:iam::{NAMES.account}:user/operator"


def calls() -> Iterator[tuple[str, str]]:
    """Yield (action, resource) of each call that was seen."""
    for line in Path(__file__).with_name("operator_calls.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            action, _, resource = line.partition(" ")
            yield action, resource


@pytest.mark.parametrize(("action", "resource"), list(calls()))
def test_the_policy_allows_what_the_notebooks_call(action: str, resource: str) -> None:
    """The same action on the same resource, in the lab's region."""
    policies = PolicySet((NamedPolicy.of("operator", operator_policy.document(NAMES)),))
    context = {"aws:RequestedRegion": NAMES.region}
    assert evaluate(AccessRequest(OPERATOR, NAMES.account, action, resource, context), policies).allowed
