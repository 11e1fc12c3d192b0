"""Documents become statements, or an error that says what is wrong."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from lab_helpers.base.errors import LabError
from lab_helpers.iam.policy import PolicyError, PolicyKind, parse
from lab_helpers.iam.statements import Condition, Effect, Principals, Quantifier

from .builders import document, statement


def test_text_url_encoded_text_bytes_and_mapping_are_the_same_policy() -> None:
    """IAM's Get* calls answer documents URL-encoded; all forms of one document parse to one policy."""
    raw = document(statement("Allow", "logs:PutLogEvents", Sid="Logs"))
    text = json.dumps(raw)
    assert parse(text) == parse(raw) == parse(quote(text)) == parse(text.encode())


def test_a_single_value_and_a_list_of_one_are_the_same() -> None:
    """Statement, Action, Resource and condition values may be given without a list."""
    listed = document(statement("Deny", ["s3:*"], ["*"], Condition={"Bool": {"aws:SecureTransport": [False]}}))
    single = {
        "Version": "2012-10-17",
        "Statement": statement("Deny", "s3:*", "*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    }
    assert parse(listed) == parse(single)


def test_all_elements_of_a_statement_are_kept() -> None:
    """A statement's elements arrive in their fields."""
    raw = {
        "Sid": "One",
        "Effect": "Deny",
        "NotAction": "s3:Get*",
        "NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b"],
        "NotPrincipal": {"AWS": "123456789012", "Service": ["firehose.amazonaws.com"]},
        "Condition": {"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a*", 7]}},
    }
    (parsed,) = parse(document(raw), PolicyKind.RESOURCE).statements
    assert (parsed.sid, parsed.effect) == ("One", Effect.DENY)
    assert (parsed.actions, parsed.not_actions) == (None, ("s3:Get*",))
    assert (parsed.resources, parsed.not_resources) == (None, ("arn:aws:s3:::a", "arn:aws:s3:::b"))
    assert parsed.principals is None
    assert parsed.not_principals == Principals(aws=("123456789012",), service=("firehose.amazonaws.com",))
    assert parsed.conditions == (Condition("StringLike", "aws:TagKeys", ("a*", "7"), True, Quantifier.ANY),)


def test_a_document_without_version_is_of_2008_and_knows_no_variables() -> None:
    """AWS takes a missing version for 2008-10-17, and only 2012-10-17 knows policy variables."""
    old = parse({"Statement": statement("Allow")})
    assert (old.version, old.has_variables) == ("2008-10-17", False)
    assert parse(document(statement("Allow"))).has_variables


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_everyone_may_be_written_in_three_ways(principal: Any) -> None:
    """A star names everyone, alone or as an AWS principal."""
    policy = parse(document(statement("Allow", Principal=principal)), PolicyKind.RESOURCE)
    assert policy.statements[0].principals is not None
    assert policy.statements[0].principals.everyone


ALLOW = statement("Allow")
MALFORMED = {
    "not JSON": ("{", "is not JSON"),
    "a list": ([ALLOW], "must be a JSON object"),
    "no statement": ({"Version": "2012-10-17"}, "Statement: must be there"),
    "a statement that is text": ({"Statement": ["Allow"]}, "statement 1: must be an object"),
    "unknown version": (document(ALLOW, version="2020-01-01"), "2020-01-01"),
    "unknown top element": ({**document(ALLOW), "statement": []}, "unknown element 'statement'"),
    "unknown element": (document({**ALLOW, "Actions": "*"}), "unknown element 'Actions'"),
    "no effect": (document({"Action": "*", "Resource": "*"}), "Effect None"),
    "effect in small letters": (document(statement("allow")), "Effect 'allow'"),
    "no action": (document({"Effect": "Allow", "Resource": "*"}), "neither Action nor NotAction"),
    "action and its opposite": (document({**ALLOW, "NotAction": "s3:*"}), "both Action and NotAction"),
    "no resource": (document({"Effect": "Allow", "Action": "*"}), "neither Resource nor NotResource"),
    "action without service": (document(statement("Allow", "PutObject")), "'PutObject'"),
    "action that is a number": (document(statement("Allow", 7)), "has Action 7"),
    "principal in an identity policy": (document({**ALLOW, "Principal": "*"}), "must not name a principal"),
    "Sid that is no text": (document({**ALLOW, "Sid": 1}), "Sid that is not text"),
    "Sid twice": (document({**ALLOW, "Sid": "A"}, {**ALLOW, "Sid": "A"}), "'A' is used twice"),
    "unknown operator": (document({**ALLOW, "Condition": {"StringSame": {"a:b": "c"}}}), "'StringSame'"),
    "unknown quantifier": (document({**ALLOW, "Condition": {"ForNone:Bool": {"a:b": "true"}}}), "'ForNone'"),
    "Null with IfExists": (document({**ALLOW, "Condition": {"NullIfExists": {"a:b": "true"}}}), "'NullIfExists'"),
    "condition that is text": (document({**ALLOW, "Condition": "x"}), "not an object"),
    "condition without keys": (document({**ALLOW, "Condition": {"Bool": "true"}}), "object of keys and values"),
    "condition value that is an object": (document({**ALLOW, "Condition": {"Bool": {"a:b": {}}}}), "value {}"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_document_says_what_is_wrong(case: str) -> None:
    """What AWS refuses raises one error of the lab's tree that names the place."""
    raw, told = MALFORMED[case]
    with pytest.raises(PolicyError) as caught:
        parse(raw)  # type: ignore[arg-type]
    assert isinstance(caught.value, LabError)
    assert told in str(caught.value)
    assert caught.value.code == "MalformedPolicyDocument"


def test_an_error_names_the_statement_by_its_sid() -> None:
    """A person finds a broken statement by its Sid."""
    with pytest.raises(PolicyError, match=r"statement 2 \(Second\): has Effect 'Maybe'"):
        parse(document(ALLOW, statement("Maybe", Sid="Second")))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("x", "Policies must be valid JSON and the first byte must be '{'"),
        ({"Version": "2012-10-17"}, "Missing required field Statement"),
        (document(ALLOW), "Missing required field Principal"),
        (document({**ALLOW, "Principal": {"aws": "*"}}), "Invalid principal in policy"),
        (document({**ALLOW, "Principal": "*", "Action": "PutObject"}), "Policy has invalid action"),
        (document({**ALLOW, "Principal": "*", "Effect": "allow"}), "Invalid effect : allow"),
        (document({**ALLOW, "Principal": "*", "Resources": "*"}), "Unknown field Resources"),
    ],
)
def test_s3_refuses_a_bucket_policy_in_its_own_words(raw: Any, told: str) -> None:
    """PutBucketPolicy answers MalformedPolicy with a sentence of S3's."""
    with pytest.raises(PolicyError) as caught:
        parse(raw, PolicyKind.RESOURCE)
    assert (caught.value.s3_code, caught.value.s3_message) == ("MalformedPolicy", told)


@pytest.mark.parametrize(
    ("raw", "kind", "told"),
    [
        (ALLOW, PolicyKind.RESOURCE, "neither Principal nor NotPrincipal"),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, PolicyKind.TRUST, "neither Principal"),
        ({**ALLOW, "Principal": "*"}, PolicyKind.TRUST, "prohibited field Resource"),
        ({**ALLOW, "Principal": "all"}, PolicyKind.RESOURCE, "Principal 'all'"),
        ({**ALLOW, "Principal": {"aws": "*"}}, PolicyKind.RESOURCE, "type 'aws'"),
    ],
)
def test_each_kind_of_policy_has_its_own_grammar(raw: dict[str, Any], kind: PolicyKind, told: str) -> None:
    """Resource policies name principals, trust policies name no resource."""
    with pytest.raises(PolicyError) as caught:
        parse(document(raw), kind)
    assert told in str(caught.value)
