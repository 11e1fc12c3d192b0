"""The IAM policy that a lab's operator needs, and the question whether somebody may do what it allows.

The document is `operator_policy.json`, with the lab's names in place of `${prefix}` and the like.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

from lab_helpers.account.inventory import Aws, LabNames
from lab_helpers.base.clients import aws_errors

MAX_CHARACTERS = 6144
"""Of a managed policy, without white space. Source: IAM quotas."""
_TEMPLATE = Path(__file__).with_name("operator_policy.json")
_STATE_ACTIONS = ("s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject")


def document(names: LabNames, state_bucket: str = "") -> dict[str, Any]:
    """Return the policy for one lab; `state_bucket` adds what Terraform's S3 backend needs."""
    filled = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        prefix=names.prefix, account=names.account, region=names.region, log_group=names.log_group,
        database=names.database,
    )  # fmt: skip
    policy: dict[str, Any] = json.loads(filled)
    if state_bucket:
        arn = f"arn:aws:s3:::{state_bucket}"
        allowed = {"Sid": "State", "Effect": "Allow", "Action": list(_STATE_ACTIONS)}
        policy["Statement"].append({**allowed, "Resource": [arn, f"{arn}/{names.prefix}/*"]})
    return policy


def missing(aws: Aws, caller_arn: str, policy: Mapping[str, Any]) -> list[str]:
    """Return what of a policy a caller may not do, as "Sid: action, action"; raises AccessDeniedError where asking is.

    IAM's simulator is asked, statement by statement. It knows the caller's own policies and permissions boundary; what
    an organisation forbids it knows in part only. Actions with a wildcard cannot be asked and are left out.
    """
    source = principal_arn(aws, caller_arn)
    denied = ((statement["Sid"], _denied(aws, source, statement)) for statement in policy["Statement"])
    return [f"{sid}: {', '.join(actions)}" for sid, actions in denied if actions]


def principal_arn(aws: Aws, caller_arn: str) -> str:
    """Return the user or role behind a caller: a session of an assumed role is not itself known to IAM."""
    if ":assumed-role/" not in caller_arn:
        return caller_arn
    role = caller_arn.split("/")[1]
    with aws_errors("GetRole"):  # its path is not part of the session's ARN: roles of IAM Identity Center have one
        return str(aws("iam").get_role(RoleName=role)["Role"]["Arn"])


def _denied(aws: Aws, source: str, statement: Mapping[str, Any]) -> list[str]:
    """Return the actions that are refused on every resource of a statement: not each action has each kind of them."""
    refused = [action for action in _listed(statement["Action"]) if "*" not in action]
    asked = {"PolicySourceArn": source, "ContextEntries": list(_context(statement.get("Condition", {})))}
    for resource in _listed(statement["Resource"]):
        if refused:
            with aws_errors("SimulatePrincipalPolicy"):
                pages = (
                    aws("iam")
                    .get_paginator("simulate_principal_policy")
                    .paginate(ActionNames=refused, ResourceArns=[resource], **asked)
                )
                results = [result for page in pages for result in page["EvaluationResults"]]
            refused = [result["EvalActionName"] for result in results if result["EvalDecision"] != "allowed"]
    return refused


def _context(condition: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the condition keys of a call that the statement is meant for."""
    for keys in condition.values():
        for key, value in keys.items():
            yield {"ContextKeyName": key, "ContextKeyValues": _listed(value)[:1], "ContextKeyType": "string"}


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
