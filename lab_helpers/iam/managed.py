"""The AWS managed policies that the lab needs, for callers that have no document of their own.

Source: "AWS Managed Policy Reference Guide"; the statements are AWS's, the default versions of 2025.
Not modelled: all other managed policies, and earlier versions of these.
"""

from __future__ import annotations

from typing import Any

from .statements import VERSION_2012

_PREFIX = "arn:aws:iam::aws:policy/"


def document(arn: str) -> dict[str, Any] | None:
    """Answer the document of an AWS managed policy, a fresh copy each time; None when it is not one of the lab's."""
    statements = _STATEMENTS.get(arn.removeprefix(_PREFIX)) if arn.startswith(_PREFIX) else None
    if statements is None:
        return None
    return {"Version": VERSION_2012, "Statement": [_copy(statement) for statement in statements]}


def arns() -> tuple[str, ...]:
    """Answer the ARNs of the managed policies that are known here."""
    return tuple(_PREFIX + name for name in _STATEMENTS)


def _copy(statement: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, list) else value for key, value in statement.items()}


def _allow(*actions: str) -> list[dict[str, Any]]:
    return [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]


_STATEMENTS: dict[str, list[dict[str, Any]]] = {
    "service-role/AmazonECSTaskExecutionRolePolicy": _allow(
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    ),
    "AdministratorAccess": _allow("*"),
    "AmazonKinesisFirehoseFullAccess": _allow("firehose:*"),
    "AmazonS3FullAccess": _allow("s3:*", "s3-object-lambda:*"),
    "AmazonS3ReadOnlyAccess": _allow(
        "s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"
    ),
    "AmazonSSMReadOnlyAccess": _allow("ssm:Describe*", "ssm:Get*", "ssm:List*"),
    "AmazonEC2ContainerRegistryReadOnly": _allow(
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetRepositoryPolicy",
        "ecr:DescribeRepositories",
        "ecr:ListImages",
        "ecr:DescribeImages",
        "ecr:BatchGetImage",
        "ecr:GetLifecyclePolicy",
        "ecr:GetLifecyclePolicyPreview",
        "ecr:ListTagsForResource",
        "ecr:DescribeImageScanFindings",
    ),
}
