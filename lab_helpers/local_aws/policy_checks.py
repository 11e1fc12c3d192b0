"""Policy documents are checked when they are put, as AWS checks them, so that no stored policy is malformed.

Source: the errors MalformedPolicyDocument of IAM and MalformedPolicy of S3.
Not modelled: size quotas; whether the principals and actions that a policy names exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lab_helpers.local_aws.api import AwsError
from lab_helpers.local_aws.iam.policy import PolicyError, PolicyKind, parse

Check = Callable[[Mapping[str, Any], bytes], None]
"""Looks at a call's params and body before anybody answers it; raises AwsError to refuse it."""


def checks() -> dict[tuple[str, str], Check]:
    """Return {(signing name, operation): check} of the calls that put a policy."""
    documents = {
        "PutRolePolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "PutUserPolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "PutGroupPolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "CreatePolicy": ("PolicyDocument", PolicyKind.IDENTITY),
        "CreatePolicyVersion": ("PolicyDocument", PolicyKind.IDENTITY),
        "CreateRole": ("AssumeRolePolicyDocument", PolicyKind.TRUST),
        "UpdateAssumeRolePolicy": ("PolicyDocument", PolicyKind.TRUST),
    }
    of_iam = {("iam", operation): _iam_check(member, kind) for operation, (member, kind) in documents.items()}
    return {**of_iam, ("s3", "PutBucketPolicy"): _bucket_policy}


def _iam_check(member: str, kind: PolicyKind) -> Check:
    def check(params: Mapping[str, Any], body: bytes) -> None:  # noqa: ARG001
        document = params.get(member)
        if not isinstance(document, str):
            return  # its absence is refused as that of any required member
        try:
            parse(document, kind)
        except PolicyError as exc:
            raise AwsError(exc.code, str(exc)) from exc

    return check


def _bucket_policy(params: Mapping[str, Any], body: bytes) -> None:
    bucket = str(params.get("Bucket", ""))
    try:
        policy = parse(body, PolicyKind.RESOURCE)
    except UnicodeDecodeError as exc:
        raise AwsError("MalformedPolicy", "This policy contains invalid Json") from exc
    except PolicyError as exc:
        raise AwsError(exc.s3_code, exc.s3_message) from exc
    for statement in policy.statements:
        for resource in (*(statement.resources or ()), *(statement.not_resources or ())):
            if not _of_bucket(resource, bucket):
                raise AwsError("MalformedPolicy", "Policy has invalid resource")


def _of_bucket(resource: str, bucket: str) -> bool:
    named = resource.partition(":s3:::")[2].split("/")[0]
    # A wildcard or variable may stand for the bucket's name.
    return named == bucket or any(sign in named for sign in "*?$")
