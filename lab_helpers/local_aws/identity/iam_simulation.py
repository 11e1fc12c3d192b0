"""IAM's simulator: may this principal do that? Answered by the evaluation that decides the real calls.

Source: SimulatePrincipalPolicy of the IAM API reference; LocalStack's recording of its answers.
Not modelled: ResourcePolicy and who owns the resource; EvalDecisionDetails of calls across accounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lab_helpers.iam.evaluate import AccessRequest, NamedPolicy, Outcome, PolicySet, evaluate
from lab_helpers.iam.match import applying
from lab_helpers.iam.policy import PolicyError
from lab_helpers.iam.statements import Effect, PolicyKind, Statement
from lab_helpers.local_aws.identity.authorisation import Authoriser, Held
from lab_helpers.local_aws.identity.credentials import OPERATOR
from lab_helpers.local_aws.identity.policy_texts import iam_text
from lab_helpers.local_aws.identity.statement_places import places
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Caller, Handler
from lab_helpers.local_aws.kit.service import HandlersOnly

_WORDS = {Outcome.ALLOWED: "allowed", Outcome.EXPLICIT_DENY: "explicitDeny", Outcome.IMPLICIT_DENY: "implicitDeny"}
_DECIDING = {Outcome.ALLOWED: Effect.ALLOW, Outcome.EXPLICIT_DENY: Effect.DENY}
_NOWHERE = ({"Line": 1, "Column": 1}, {"Line": 1, "Column": 1})


class IamSimulation(HandlersOnly):
    """The one operation of IAM that moto does not have and the lab asks."""

    name = "iam-simulation"

    def __init__(self, authoriser: Authoriser) -> None:
        self._authoriser = authoriser

    def overrides(self) -> Mapping[tuple[str, str], Handler]:
        return {("iam", "SimulatePrincipalPolicy"): self._simulate}

    def _simulate(self, request: ApiRequest) -> dict[str, Any]:
        params = request.params
        caller = _caller(str(params["PolicySourceArn"]), request.account_id)
        held = _with_given(self._authoriser.held(caller), params)
        return {"EvaluationResults": list(_results(params, caller, held)), "IsTruncated": False}


def _results(params: Mapping[str, Any], caller: Caller, held: Held) -> Iterator[dict[str, Any]]:
    given = {
        entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues", ())) for entry in params.get("ContextEntries", ())
    }
    # a group calls nobody: its policies are asked as those of a user in it
    own = caller.arn.replace(":group/", ":user/", 1)
    who = str(params.get("CallerArn") or own)
    for action in params["ActionNames"]:
        for resource in params.get("ResourceArns") or ("*",):
            asked = AccessRequest(who, caller.account_id, action, resource, {**given, **held.keys})
            yield _told(asked, held, caller.kind == "operator", bool(params.get("ResourceArns")))


def _told(asked: AccessRequest, held: Held, unrestricted: bool, names_resources: bool) -> dict[str, Any]:
    outcome = Outcome.ALLOWED if unrestricted else evaluate(asked, held.policies).outcome
    matched, missing = list(_matched(asked, held, outcome)), _missing(asked, held.policies)
    answer: dict[str, Any] = {
        "EvalActionName": asked.action,
        "EvalResourceName": asked.resource,
        "EvalDecision": _WORDS[outcome],
        "MatchedStatements": matched,
        "MissingContextValues": [] if names_resources else missing,
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
        "EvalDecisionDetails": {},
    }
    boundary = held.policies.boundary
    if boundary is not None:
        within = any(applying(boundary.policy, Effect.ALLOW, asked))
        answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": within}
    if names_resources:
        told = {"EvalResourceName": asked.resource, "EvalResourceDecision": _WORDS[outcome]}
        answer["ResourceSpecificResults"] = [{**told, "MatchedStatements": matched, "MissingContextValues": missing}]
    return answer


def _matched(asked: AccessRequest, held: Held, outcome: Outcome) -> Iterator[dict[str, Any]]:
    """Yield the statements that decided, each with its place in its policy's text."""
    if outcome not in _DECIDING:
        return
    boundary = held.policies.boundary
    limits = [boundary] if boundary is not None and outcome is Outcome.EXPLICIT_DENY else []
    for policy in (*held.policies.identity, *limits):
        where = places(held.texts.get(policy.name, ""))
        for index, _ in applying(policy.policy, _DECIDING[outcome], asked):
            start, end = where[index] if index < len(where) else _NOWHERE
            source = {"SourcePolicyId": policy.name, "SourcePolicyType": "IAM Policy"}
            yield {**source, "StartPosition": start, "EndPosition": end}


def _missing(asked: AccessRequest, policies: PolicySet) -> list[str]:
    """Return the context keys that statements about the action look at and nobody gave."""
    held = (*policies.identity, *([policies.boundary] if policies.boundary else []))
    wanted = dict.fromkeys(
        condition.key
        for named in held
        for statement in named.policy.statements
        if _is_about(named, statement, asked)
        for condition in statement.conditions
    )
    return [key for key in wanted if key.lower() not in asked.values]


def _is_about(named: NamedPolicy, statement: Statement, asked: AccessRequest) -> bool:
    bare = replace(named.policy, statements=(replace(statement, conditions=()),))
    return any(applying(bare, statement.effect, asked))


def _with_given(held: Held, params: Mapping[str, Any]) -> Held:
    """Add the policies that the call itself brings along."""
    added = [*_given(params, "PolicyInputList")]
    limits = [*_given(params, "PermissionsBoundaryPolicyInputList")]
    policies = replace(
        held.policies,
        identity=(*held.policies.identity, *(named for named, _ in added)),
        boundary=limits[0][0] if limits else held.policies.boundary,
    )
    return replace(held, policies=policies, texts={**held.texts, **{n.name: text for n, text in (*added, *limits)}})


def _given(params: Mapping[str, Any], member: str) -> Iterator[tuple[NamedPolicy, str]]:
    for number, text in enumerate(params.get(member) or (), 1):
        try:
            named = NamedPolicy.of(f"{member}.{number}", str(text))
        except PolicyError as error:
            raise AwsError("InvalidInput", iam_text(error, PolicyKind.IDENTITY)) from error
        yield named, str(text)


def _caller(arn: str, account_id: str) -> Caller:
    kind = arn.rpartition(":")[2].partition("/")[0]
    if kind == "user":
        return Caller("operator" if arn.endswith(f"user/{OPERATOR}") else "user", arn, account_id)
    if kind == "role":
        return Caller("role", arn, account_id, role_arn=arn)
    if kind == "group":
        return Caller("group", arn, account_id)
    raise AwsError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
