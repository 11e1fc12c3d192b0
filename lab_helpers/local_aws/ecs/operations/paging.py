"""`maxResults` and `nextToken` of the List operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError

DEFAULT_RESULTS = 100


def page(params: Mapping[str, Any], member: str, values: Sequence[str]) -> dict[str, Any]:
    """Return one page of `values` as `member`, and the token of the next one if there is more."""
    size = int(params.get("maxResults") or DEFAULT_RESULTS)
    token = str(params.get("nextToken") or "0")
    if not token.isdigit():
        raise AwsError("InvalidParameterException", "Invalid token.")
    start = int(token)
    rest = {"nextToken": str(start + size)} if start + size < len(values) else {}
    return {member: list(values[start : start + size]), **rest}
