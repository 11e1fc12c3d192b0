"""Roles at ECR: the registry asks the same IAM as the API, about whoever the password was given to."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import REGION, LocalAws

NAME, ROLE = "lab/permissions", "ecr-reader"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws")) as running:
        running.client("ecr").create_repository(repositoryName=NAME)
        trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        running.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)
        yield running
        running.client("ecr").delete_repository(repositoryName=NAME, force=True)
        running.client("iam").delete_role_policy(RoleName=ROLE, PolicyName="ecr")
        running.client("iam").delete_role(RoleName=ROLE)


def allow(aws: LocalAws, *actions: str) -> None:
    statements = [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.client("iam").put_role_policy(RoleName=ROLE, PolicyName="ecr", PolicyDocument=document)


def as_role(aws: LocalAws) -> Any:
    role = f"arn:aws:iam::123456789012:role/{ROLE}"
    given = aws.clients.assume(role, "test", "ecs-tasks.amazonaws.com", REGION)
    return boto3.client(
        "ecr",
        region_name=REGION,
        endpoint_url=aws.endpoint_url,
        aws_access_key_id=given.access_key_id,
        aws_secret_access_key=given.secret_access_key,
        aws_session_token=given.session_token,
    )


def get(aws: LocalAws, token: str, path: str) -> urllib3.BaseHTTPResponse:
    headers = {"Authorization": f"Basic {token}"}
    return urllib3.request("GET", f"{aws.endpoint_url}/v2/{NAME}/{path}", headers=headers)


def test_token_needs_its_permission(aws: LocalAws):
    """A role without ecr:GetAuthorizationToken gets no password."""
    allow(aws, "ecr:BatchGetImage")
    with pytest.raises(ClientError, match="not authorized to perform: ecr:GetAuthorizationToken"):
        as_role(aws).get_authorization_token()


def test_pull_needs_its_permission_and_a_change_is_felt_at_once(aws: LocalAws):
    """A token opens the door; what its holder may do behind it, IAM says at each request."""
    allow(aws, "ecr:GetAuthorizationToken")
    token = as_role(aws).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert base64.b64decode(token).startswith(b"AWS:")
    refused = get(aws, token, "manifests/latest")
    assert refused.status == 403
    error = refused.json()["errors"][0]
    assert error["code"] == "DENIED"
    assert (
        f"assumed-role/{ROLE}/test is not authorized to perform: ecr:BatchGetImage on resource: arn:aws:ecr:"
        in (error["message"])
    )
    allow(aws, "ecr:BatchGetImage")
    assert get(aws, token, "manifests/latest").json()["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert get(aws, token, "tags/list").status == 403
