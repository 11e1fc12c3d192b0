"""IAM's simulator: may this principal do that? Answered by the evaluation that decides the real calls.

Source: SimulatePrincipalPolicy of the IAM API reference.
Not modelled: PolicyInputList and the boundary's, ResourcePolicy, CallerArn, MatchedStatements; groups as a source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab_helpers.iam.decision import Outcome
from lab_helpers.local_aws.identity.authorisation import Authoriser
from lab_helpers.local_aws.identity.credentials import OPERATOR
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller, Handler
from lab_helpers.local_aws.kit.service import HandlersOnly

_WORDS = {Outcome.ALLOWED: "allowed", Outcome.EXPLICIT_DENY: "explicitDeny", Outcome.IMPLICIT_DENY: "implicitDeny"}


class IamSimulation(HandlersOnly):
    """The one operation of IAM that moto does not have and the lab asks."""

    name = "iam-simulation"

    def __init__(self, authoriser: Authoriser) -> None:
        self._authoriser = authoriser

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {("iam", "SimulatePrincipalPolicy"): self._simulate}

    def _simulate(self, request: ApiRequest) -> dict[str, Any]:
        caller = _caller(str(request.params["PolicySourceArn"]), request.account_id)
        return {"EvaluationResults": list(self._results(request.params, caller)), "IsTruncated": False}

    def _results(self, params: Mapping[str, Any], caller: Caller) -> Iterator[dict[str, Any]]:
        context = {
            entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues", ()))
            for entry in params.get("ContextEntries", ())
        }
        for action in params["ActionNames"]:
            for resource in params.get("ResourceArns") or ("*",):
                outcome = self._authoriser.simulate(caller, action, resource, context)
                yield {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": _WORDS[outcome]}


def _caller(arn: str, account_id: str) -> Caller:
    kind = arn.rpartition(":")[2].partition("/")[0]
    if kind == "user":
        return Caller("operator" if arn.endswith(f"user/{OPERATOR}") else "user", arn, account_id)
    if kind == "role":
        return Caller("role", arn, account_id, role_arn=arn)
    raise AwsError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
