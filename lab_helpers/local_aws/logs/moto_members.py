"""Members and words of CloudWatch Logs' answers that moto's have not: policies, subscriptions, exports, deliveries.

Source: LocalStack's recordings (tests/aws/services/logs); the CloudWatch Logs API reference.
Not modelled: resource policies of single log groups (policyScope RESOURCE).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler

_FIRST_VERSION = "2008-10-17"
"""Of a policy that names none. Source: "Version" of the IAM User Guide's policy elements."""
_BOTH = "LogGroup name and LogGroup ARN are mutually exclusive parameters."


def table() -> dict[str, Handler]:
    """Return the handlers by operation."""
    return {
        "DeleteResourcePolicy": _in_words,
        "DescribeExportTasks": _describe_export_tasks,
        "DescribeLogStreams": _describe_log_streams,
        "DescribeResourcePolicies": _describe_resource_policies,
        "DescribeSubscriptionFilters": _describe_subscription_filters,
        "GetDeliverySource": _in_words,
        "PutDeliveryDestination": _put_delivery_destination,
        "PutResourcePolicy": _put_resource_policy,
    }


def _in_words(request: ApiRequest) -> dict[str, Any]:
    """Let moto answer; AWS's sentences end with one full stop."""
    try:
        return request.forward(None)
    except AwsError as error:
        raise AwsError(error.code, error.message.rstrip(".") + ".", error.status, error.extra) from error


def _put_resource_policy(request: ApiRequest) -> dict[str, Any]:
    answer = request.forward(None)
    return {**answer, "resourcePolicy": _scoped(answer["resourcePolicy"])}


def _describe_resource_policies(request: ApiRequest) -> dict[str, Any]:
    answer = request.forward(None)
    return {**answer, "resourcePolicies": [_scoped(_kept(policy)) for policy in answer.get("resourcePolicies", [])]}


def _kept(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy with its document as AWS keeps it: a version, and one principal without a list around it.

    A document that is no policy, which AWS refuses and moto takes, stays as it is.
    """
    try:
        document = json.loads(policy["policyDocument"])
    except ValueError:
        return {**policy}
    if not isinstance(document, dict) or "Statement" not in document:
        return {**policy}
    told = document["Statement"]
    statements = [_with_plain_principal(each) for each in (told if isinstance(told, list) else [told])]
    return {**policy, "policyDocument": json.dumps({"Version": _FIRST_VERSION, **document, "Statement": statements})}


def _with_plain_principal(statement: Any) -> Any:
    principal = statement.get("Principal") if isinstance(statement, dict) else None
    if not isinstance(principal, dict):
        return statement
    plain = {
        kind: names[0] if isinstance(names, list) and len(names) == 1 else names for kind, names in principal.items()
    }
    return {**statement, "Principal": plain}


def _scoped(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {**policy, "policyScope": "ACCOUNT"}


def _describe_subscription_filters(request: ApiRequest) -> dict[str, Any]:
    answer = request.forward(None)
    filters = [{"applyOnTransformedLogs": False, **each} for each in answer.get("subscriptionFilters", [])]
    return {**answer, "subscriptionFilters": filters}


def _describe_log_streams(request: ApiRequest) -> dict[str, Any]:
    if request.params.get("logGroupName") and request.params.get("logGroupIdentifier"):
        raise AwsError("ValidationException", _BOTH)
    return request.forward(None)


def _describe_export_tasks(request: ApiRequest) -> dict[str, Any]:
    try:
        return request.forward(None)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        return {"exportTasks": []}


def _put_delivery_destination(request: ApiRequest) -> dict[str, Any]:
    answer = request.forward(None)
    told = {name: value for name, value in answer["deliveryDestination"].items() if name != "tags"}
    return {**answer, "deliveryDestination": told}
