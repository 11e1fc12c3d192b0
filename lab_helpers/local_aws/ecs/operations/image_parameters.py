"""AWS's public SSM parameters of the FireLens image; all others are moto's.

Source: "Using the AWS for Fluent Bit image" in the Amazon ECS developer guide.
Not modelled: parameters of Windows images, and those of older versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab_helpers.firelens import stock
from lab_helpers.local_aws.kit.api import ApiRequest, Handler

ROOT = f"/aws/service/{stock.IMAGE_NAME}"


def handlers() -> Mapping[str, Handler]:
    """Return the operations of SSM that read parameters."""
    return {"GetParameter": _one, "GetParameters": _several, "GetParametersByPath": _by_path}


def _one(request: ApiRequest) -> dict[str, Any]:
    found = _known(request).get(str(request.params.get("Name")))
    return {"Parameter": found} if found else request.forward(None)


def _several(request: ApiRequest) -> dict[str, Any]:
    known, names = _known(request), list(request.params.get("Names") or [])
    ours, others = [known[name] for name in names if name in known], [name for name in names if name not in known]
    if not ours:
        return request.forward(None)
    answer = request.forward({**request.params, "Names": others}) if others else {"InvalidParameters": []}
    return {**answer, "Parameters": [*ours, *answer.get("Parameters", [])]}


def _by_path(request: ApiRequest) -> dict[str, Any]:
    path = str(request.params.get("Path", "")).rstrip("/")
    return {"Parameters": list(_known(request).values())} if path == ROOT else request.forward(None)


def _known(request: ApiRequest) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "Name": name,
            "Type": "String",
            "Value": image,
            "Version": 1,
            "ARN": f"arn:aws:ssm:{request.region}::parameter{name}",
            "DataType": "text",
        }
        for name, image in stock.parameters(request.region).items()
    }
