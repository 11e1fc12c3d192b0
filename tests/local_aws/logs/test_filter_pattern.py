"""Filter patterns of CloudWatch Logs."""

from __future__ import annotations

import pytest

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.logs.filter_pattern import compile_pattern

ACCESS = '10.0.11.5 - - [22/Nov/2026:10:30:00 +0000] "GET /missing HTTP/1.1" 404 196'
RECORD = (
    '{"log": "GET / HTTP/1.1", "status": 404, "took": 1.5, "ok": false, "none": null, "code": "404", '
    '"path": "/a/b", "ip": "10.0.0.7", "tags": ["x", "y"], "inner": {"deep": [{"n": 1}, {"n": 2}]}, "a b": 1}'
)


@pytest.mark.parametrize(
    ("pattern", "message", "fits"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR found", "found: ERROR", True),
        ("ERROR missing", "found: ERROR", False),
        ('"not found"', "page not found", True),
        ('"not found"', "found not", False),
        ("ERROR -DEBUG", "ERROR in DEBUG", False),
        ("ERROR -DEBUG", "ERROR", True),
        ('-"GET /health"', "GET / HTTP", True),
        ('-"GET /health"', "GET /health HTTP", False),
        ("?ERROR ?WARN", "a WARN", True),
        ("?ERROR ?WARN", "an INFO", False),
        ("?ERROR ?WARN REQUEST", "a REQUEST", True),
        (r'"a \"quoted\" word"', 'a "quoted" word', True),
        ("%40[34]%", "status 404", True),
        ("%40[34]%", "status 405", False),
    ],
)
def test_terms(pattern: str, message: str, fits: bool) -> None:
    """All terms must be there, none with a minus, and one of those with a question mark."""
    assert compile_pattern(pattern)(message) is fits


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("{ $.status = 404 }", True),
        ("{ $.status != 404 }", False),
        ("{ $.status >= 400 && $.status < 500 }", True),
        ("{ $.status > 404 }", False),
        ("{ $.took = 1.5 }", True),
        ("{ $.code = 404 }", True),
        ('{ $.path = "/a/*" }', True),
        ("{ $.ip = 10.0.0.* }", True),
        ("{ $.ip = 10.1.* }", False),
        ("{ $.log = %HTTP% }", True),
        ("{ $.ok IS FALSE }", True),
        ("{ $.ok is true }", False),
        ("{ $.none IS NULL }", True),
        ("{ $.absent NOT EXISTS }", True),
        ("{ $.status NOT EXISTS }", False),
        ("{ $.absent = 1 || ($.status = 404 && $.ok IS FALSE) }", True),
        ("{ $.absent != 1 }", False),
        ('{ $.tags[1] = "y" }', True),
        ('{ $.tags[*] = "y" }', True),
        ("{ $.inner.deep[1].n = 2 }", True),
        ("{ $['a b'] = 1 }", True),
    ],
)
def test_json_conditions(pattern: str, fits: bool) -> None:
    """Conditions on the fields of a JSON event; a missing field fulfils none but NOT EXISTS."""
    assert compile_pattern(pattern)(RECORD) is fits


def test_json_conditions_fit_json_only() -> None:
    """What is no JSON fits no JSON pattern."""
    assert not compile_pattern("{ $.status NOT EXISTS }")("plain text")


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("[ip, id, user, time, request, status, bytes]", True),
        ("[ip, id, user, time, request, status]", False),
        ("[ip, id, user, time, request, status = 404, bytes]", True),
        ("[ip, id, user, time, request, status = 4*, bytes > 100]", True),
        ("[ip, id, user, time, request, status = 4*, bytes > 200]", False),
        ("[..., status = 404, bytes]", True),
        ("[ip = 10.0.11.*, ...]", True),
        ("[ip = 10.0.12.*, ...]", False),
        ('[ip, ..., request = "*missing*", status, bytes]', True),
        ("[..., status = 404 || status = 403, bytes]", True),
        ("[..., status != 404 && status != 403, bytes]", False),
        ("[ip, id, user, time, request = %GET.*missing%, status, bytes]", True),
    ],
)
def test_columns(pattern: str, fits: bool) -> None:
    """Quoted and bracketed parts are one field; ... stands for any number of fields."""
    assert compile_pattern(pattern)(ACCESS) is fits


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("/ecs/httpd", "Invalid character.s. in term '/ecs/httpd'"),
        ('"unfinished', "cannot read"),
        ("{ $.a = 1", "closing brace"),
        ("{ a = 1 }", "expected a field, not 'a'"),
        ("{ $.a ~ 1 }", "expected an operator"),
        ("{ $.a > x }", "compares with a number"),
        ("{ ($.a = 1 }", "parenthesis"),
        ("{ $.a = 1 $.b = 2 }", "did not expect"),
        ("{ $.a = }", "ends too early"),
        ("[a, b", "closing bracket"),
        ("[..., a, ...]", "once"),
        ("%(a)%", "parentheses"),
        ("%[%", "cannot be read"),
    ],
)
def test_patterns_that_cannot_be_understood(pattern: str, problem: str) -> None:
    """AWS refuses them as InvalidParameterException; ours says what is wrong."""
    with pytest.raises(AwsError, match=problem) as caught:
        compile_pattern(pattern)
    assert caught.value.code == "InvalidParameterException"
