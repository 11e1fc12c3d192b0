"""Policies and requests for the IAM tests, written as documents and ARNs, not as our own types."""

from __future__ import annotations

from typing import Any

from lab_helpers.iam.evaluate import AccessRequest, NamedPolicy
from lab_helpers.iam.policy import PolicyKind

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "210987654321"
REGION = "ap-northeast-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/task"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/task/0123456789abcdef"
USER = f"arn:aws:iam::{ACCOUNT}:user/dev/mia"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OBJECT = "arn:aws:s3:::logs/2024/a.gz"


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    """A policy document."""
    return {"Version": version, "Statement": list(statements)}


def statement(effect: str, action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement; `more` are further elements."""
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def identity(*statements: dict[str, Any], name: str = "own", version: str = "2012-10-17") -> NamedPolicy:
    """An identity-based policy."""
    return NamedPolicy.of(name, document(*statements, version=version))


def resource(*statements: dict[str, Any]) -> NamedPolicy:
    """A bucket policy."""
    return NamedPolicy.of("bucket policy", document(*statements), kind=PolicyKind.RESOURCE)


def request(
    action: str = "s3:GetObject", arn: str = OBJECT, principal: str = SESSION, **context: str | tuple[str, ...]
) -> AccessRequest:
    """A request in ACCOUNT; context keys are written with `__` for the colon."""
    keys = {key.replace("__", ":"): value for key, value in context.items()}
    return AccessRequest(principal, ACCOUNT, action, arn, keys)
