"""The real Terraform with exactly the operator's policy: apply, an empty plan, destroy, nothing left.

One test, about three minutes: the provider waits a minute for the load balancer alone.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab_helpers import teardown
from lab_helpers.account import operator_policy
from lab_helpers.base.config import Settings
from lab_helpers.lab import attach
from lab_helpers.local_aws.server import LocalAws
from lab_helpers.terraform import silent
from tests.contract.conftest import ACCOUNT, NAMES, PREFIX

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]


def test_full_run_with_exactly_the_policy(tmp_path: Path) -> None:
    """Nothing is denied to an IAM user who holds this policy and no other."""
    with LocalAws(tmp_path / "aws") as aws:
        iam = aws.client("iam")
        iam.create_user(UserName="operator")
        document = json.dumps(operator_policy.document(NAMES))
        policy = iam.create_policy(PolicyName="operator", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="operator", PolicyArn=policy)
        key = iam.create_access_key(UserName="operator")["AccessKey"]
        lab = attach(
            Settings(
                backend="endpoint", endpoint_url=aws.endpoint_url, home=tmp_path / "home", prefix=PREFIX, buffer_s=5,
                endpoint_access_key_id=key["AccessKeyId"], endpoint_secret_access_key=key["SecretAccessKey"],
                aws_account=ACCOUNT, httpd="builtin", router="builtin",
            )
        )  # fmt: skip
        terraform = replace(lab.terraform, display=silent)
        assert terraform.apply().counts.add == len(terraform.resources()) > 30
        assert terraform.plan().empty
        balancer = lab.client("elbv2").describe_load_balancers(Names=[f"{PREFIX}-alb"])["LoadBalancers"][0]
        (found,) = lab.client("elbv2").describe_tags(ResourceArns=[balancer["LoadBalancerArn"]])["TagDescriptions"]
        assert {"Key": "Expires", "Value": lab.expires_on()} in found["Tags"]
        assert [step for step in teardown.tear_down(lab, timeout_s=60) if step.error] == []
        assert teardown.leftovers(lab).empty
        assert [row for row in aws._authoriser.denials() if row["principal"].endswith("user/operator")] == []
