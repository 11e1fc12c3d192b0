"""Params of a call with the types that AWS's model gives them: the query protocol has texts only.

Source: botocore's model of CloudWatch.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.loaders
import botocore.model
from botocore.utils import parse_timestamp

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError


def typed(request: ApiRequest) -> dict[str, Any]:
    """Return the params of a call, typed: numbers, booleans, times (UTC); raises AwsError MalformedInput."""
    shape = _model().operation_model(request.operation).input_shape
    found: dict[str, Any] = _as(shape, request.params)
    return found


@functools.cache
def _model() -> botocore.model.ServiceModel:
    return botocore.model.ServiceModel(botocore.loaders.Loader().load_service_model("cloudwatch", "service-2"))


def _as(shape: Any, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure" and isinstance(value, Mapping):
        return {name: _as(shape.members[name], item) for name, item in value.items() if name in shape.members}
    if kind == "list":
        items = value if isinstance(value, list) else [] if value in ("", {}) else [value]
        return [_as(shape.member, item) for item in items]
    convert = _SCALARS.get(kind)
    if convert is None:
        return value
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError) as exc:
        raise AwsError("MalformedInput", f"{value!r} is no {kind} ({shape.name})") from exc


def _boolean(value: Any) -> bool:
    if value in (True, "true"):
        return True
    if value in (False, "false"):
        return False
    raise ValueError(value)


def _time(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    found: datetime = parse_timestamp(value)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _boolean,
    "timestamp": _time,
}
