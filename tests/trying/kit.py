"""A team's set-up as a test gives it."""

from __future__ import annotations

from typing import Any

ROLE = "arn:aws:iam::111122223333:role/shop-task"
EXECUTION_ROLE = "arn:aws:iam::111122223333:role/shop-execution"
TO_CLOUDWATCH = {
    "Name": "cloudwatch_logs", "region": "eu-west-1", "log_group_name": "/shop/web", "log_stream_prefix": "web-",
}  # fmt: skip


def definition(options: dict[str, str], router: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a definition of an app `web` and a router with the public image, as describe-task-definition prints it."""
    web = {
        "name": "web", "image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:7", "essential": True,
        "logConfiguration": {"logDriver": "awsfirelens", "options": options},
    }  # fmt: skip
    log_router = {
        "name": "log_router", "image": "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable", "essential": True,
        "firelensConfiguration": {"type": "fluentbit"}, **(router or {}),
    }  # fmt: skip
    made = {
        "family": "shop", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
        "memory": "512", "taskRoleArn": ROLE, "executionRoleArn": EXECUTION_ROLE,
        "containerDefinitions": [log_router, web], **changes,
    }  # fmt: skip
    return {"taskDefinition": {**made, "revision": 7, "status": "ACTIVE", "compatibilities": ["EC2", "FARGATE"]}}


def including(path: str) -> dict[str, Any]:
    """Return a router that includes a file of its own image."""
    options = {"config-file-type": "file", "config-file-value": path}
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/router:7"
    return {"image": image, "firelensConfiguration": {"type": "fluentbit", "options": options}}
