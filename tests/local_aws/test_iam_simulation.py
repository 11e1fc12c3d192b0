"""SimulatePrincipalPolicy, with the members that AWS's answers have (LocalStack's test_simulate_principle_policy)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.identity.statement_places import places
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.conftest import TRUST_TASKS

LONE = {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": LONE})


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A role, a user and a group, each with the same policy."""
    with LocalAws(tmp_path_factory.mktemp("iam") / "aws", factories=[]) as running:
        client = running.client("iam")
        client.create_role(RoleName="simulated", AssumeRolePolicyDocument=json.dumps(TRUST_TASKS))
        client.create_user(UserName="simulated")
        client.create_group(GroupName="simulated")
        for kind in ("Role", "User", "Group"):
            put = getattr(client, f"put_{kind.lower()}_policy")
            put(**{f"{kind}Name": "simulated"}, PolicyName="own", PolicyDocument=POLICY)
        yield client
        for kind in ("Role", "User", "Group"):
            name = {f"{kind}Name": "simulated"}
            getattr(client, f"delete_{kind.lower()}_policy")(**name, PolicyName="own")
            getattr(client, f"delete_{kind.lower()}")(**name)


def _asked(iam: Any, kind: str = "role", **more: Any) -> list[dict[str, Any]]:
    given = {"ActionNames": ["s3:PutObject", "s3:GetObjectVersion"], "ResourceArns": ["arn:aws:s3:::bucket"], **more}
    arn = f"arn:aws:iam::123456789012:{kind}/simulated"
    results: list[dict[str, Any]] = iam.simulate_principal_policy(PolicySourceArn=arn, **given)["EvaluationResults"]
    return results


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_an_answer_as_recorded(iam: Any, kind: str) -> None:
    """Statements with their places in the policy, a result for the resource, and what is empty."""
    matched = [{
        "SourcePolicyId": "own", "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 1, "Column": 41}, "EndPosition": {"Line": 1, "Column": 113},
    }]  # fmt: skip
    where = "arn:aws:s3:::bucket"
    expected = [
        {
            "EvalActionName": action, "EvalDecision": decision, "EvalDecisionDetails": {}, "EvalResourceName": where,
            "MatchedStatements": statements, "MissingContextValues": [],
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
            "ResourceSpecificResults": [{
                "EvalResourceDecision": decision, "EvalResourceName": where, "MatchedStatements": statements,
                "MissingContextValues": [],
            }],
        }
        for action, decision, statements in (
            ("s3:PutObject", "allowed", matched), ("s3:GetObjectVersion", "implicitDeny", []),
        )
    ]  # fmt: skip
    assert _asked(iam, kind) == expected


def test_policies_that_the_call_brings_along(iam: Any) -> None:
    """PolicyInputList.1 counts beside the role's own; a boundary is told; what nobody gave is missing."""
    where = {"StringEquals": {"s3:x-amz-acl": "private"}}
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{**LONE, "Effect": "Deny"}]})
    (denied, _) = _asked(iam, PolicyInputList=[deny])
    assert (denied["EvalDecision"], denied["MatchedStatements"][0]["SourcePolicyId"]) == (
        "explicitDeny", "PolicyInputList.1",
    )  # fmt: skip
    narrow = json.dumps({"Version": "2012-10-17", "Statement": [{**LONE, "Action": "s3:Get*"}]})
    (limited, _) = _asked(iam, PermissionsBoundaryPolicyInputList=[narrow])
    told = (limited["EvalDecision"], limited["PermissionsBoundaryDecisionDetail"])
    assert told == ("implicitDeny", {"AllowedByPermissionsBoundary": False})
    asks = json.dumps({"Version": "2012-10-17", "Statement": [{**LONE, "Condition": where}]})
    (found, _) = _asked(iam, PolicyInputList=[asks], ResourceArns=["*"])
    assert found["ResourceSpecificResults"][0]["MissingContextValues"] == ["s3:x-amz-acl"]
    given = [{"ContextKeyName": "s3:x-amz-acl", "ContextKeyValues": ["private"], "ContextKeyType": "string"}]
    (found, _) = _asked(iam, PolicyInputList=[asks], ContextEntries=given)
    assert found["ResourceSpecificResults"][0]["MissingContextValues"] == []


def test_whom_nobody_knows(iam: Any) -> None:
    """NoSuchEntity, and InvalidInput for what is no principal."""
    for arn, code in (
        ("arn:aws:iam::123456789012:role/nobody", "NoSuchEntity"),
        ("arn:aws:iam::123456789012:policy/simulated", "InvalidInput"),
    ):
        with pytest.raises(ClientError) as error:
            iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:PutObject"])
        assert error.value.response["Error"]["Code"] == code


def test_places_in_lists() -> None:
    """Behind the bracket or the statement before, to behind the brace (AdministratorAccess: 3:17 to 8:6)."""
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement, statement]}, indent=2)
    first, second = places(text)
    assert first == ({"Line": 3, "Column": 17}, {"Line": 8, "Column": 6})
    assert second == ({"Line": 8, "Column": 6}, {"Line": 13, "Column": 6})
    assert places("{") == places("[]") == places('{"Version": "2012-10-17"}') == []
