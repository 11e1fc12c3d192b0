"""S3 Select, as an account of today has it: not at all.

Source: AWS closed SelectObjectContent to new customers on 25 July 2024; their calls are refused as any method that a
resource does not have.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError

REFUSAL = "The specified method is not allowed against this resource."


def refuse(request: ApiRequest) -> dict[str, Any]:  # noqa: ARG001
    """Answer SelectObjectContent."""
    raise AwsError("MethodNotAllowed", REFUSAL, HTTPStatus.METHOD_NOT_ALLOWED)
