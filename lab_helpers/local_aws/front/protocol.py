"""AWS's wire protocols: an HTTP call to service, operation and params, and answers back to HTTP.

JSON (X-Amz-Target), query and EC2 (Action=…), and S3's REST are told apart; other REST services get their HTTP method
and path as operation, which no override names, so moto answers them.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape

import botocore.parsers

from lab_helpers.base import nested_json
from lab_helpers.local_aws.front import answer_xml, event_stream, moto_answers
from lab_helpers.local_aws.front.model_files import service_model
from lab_helpers.local_aws.front.s3 import answers
from lab_helpers.local_aws.front.s3.operations import s3_call
from lab_helpers.local_aws.kit.api import AwsError, EventStream

HttpAnswer = tuple[int, list[tuple[str, str]], bytes | Iterator[bytes]]
"""Status, headers, body; a body that is no bytes is sent as it comes."""

_DEEPEST = 64
_FORM = "application/x-www-form-urlencoded"
_NO_PARAMETER = ("-", "")
"""For moto's sake, which takes the body for parameters when the URL has none."""


@dataclass(frozen=True)
class Call:
    """One HTTP call, understood. `protocol` is "json", "query", "ec2", "s3" or "rest"; `pairs` are a query's."""

    protocol: str
    service: str
    operation: str
    region: str
    access_key_id: str | None
    session_token: str | None
    params: dict[str, Any]
    target_prefix: str = ""
    pairs: tuple[tuple[str, str], ...] = ()


def parse(environ: Mapping[str, Any], body: bytes) -> Call:
    """Understand an HTTP call; raises AwsError when it is none that AWS would understand."""
    in_url = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    query = dict(in_url)
    key, region, service = _scope(environ.get("HTTP_AUTHORIZATION", ""), query)
    in_query = query.get("X-Amz-Security-Token") or query.get("x-amz-security-token")
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or in_query
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        prefix, _, operation = target.rpartition(".")
        return Call("json", service, operation, region, key, token, _json_object(body), prefix)
    form = _is_form(environ)
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True) if form else in_url
    action = dict(pairs).get("Action")
    if action and _is_unsigned_query(environ, query):
        service = "sts"  # the only service that answers a caller without keys
    if form and service != "s3" and not action:
        raise AwsError("MissingAction", "Could not find operation: the request has no Action.")
    if action and service != "s3":
        _refuse_twice(pairs, "MalformedQueryString")
        protocol = "ec2" if service == "ec2" else "query"
        return Call(protocol, service, action, region, key, token, _nested(pairs), pairs=tuple(pairs))
    if service == "s3":
        _refuse_twice(in_url, "InvalidArgument")
        # WSGI has the path unquoted already, its bytes as Latin-1.
        path = environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace")
        operation, params = s3_call(environ["REQUEST_METHOD"], path, query, environ, body)
        return Call("s3", "s3", operation, region, key, token, params)
    operation = f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '/')}"
    return Call("rest", service, operation, region, key, token, {**query})


def for_moto(call: Call, environ: Mapping[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a call for moto that says what was understood of it, and so was authorised, and nothing else.

    moto looks for Action and parameters in URL and form at once, and in JSON in the text, too: `&Action=DeleteRole&` in
    a value would be done.
    """
    if call.protocol not in {"json", "query", "ec2"}:
        return dict(environ), body
    in_url = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    kept = [(name, value) for name, value in in_url if name.lower().startswith("x-amz-")]
    asked = {**environ, "REQUEST_METHOD": "POST", "QUERY_STRING": urlencode(kept or [_NO_PARAMETER])}
    asked.pop("HTTP_CONTENT_ENCODING", None)
    if call.protocol == "json":
        if "json" not in environ.get("CONTENT_TYPE", ""):
            asked["CONTENT_TYPE"] = "application/x-amz-json-1.1"
        return asked, body
    asked["CONTENT_TYPE"] = _FORM
    return asked, urlencode(call.pairs).encode()


def scope_of(environ: Mapping[str, Any]) -> tuple[str | None, str, str]:
    """Return the access key id, region and signing name that a call's head names."""
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    return _scope(environ.get("HTTP_AUTHORIZATION", ""), query)


def kind_of(environ: Mapping[str, Any]) -> str:
    """Return a call's protocol as far as its head tells: "json", "query", "ec2", "s3" or "rest"."""
    if environ.get("HTTP_X_AMZ_TARGET"):
        return "json"
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    _, _, service = _scope(environ.get("HTTP_AUTHORIZATION", ""), query)
    if _is_unsigned_query(environ, query) or (service != "s3" and (_is_form(environ) or "Action" in query)):
        return "ec2" if service == "ec2" else "query"
    return "s3" if service == "s3" else "rest"


def _is_unsigned_query(environ: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    if "HTTP_AUTHORIZATION" in environ or "X-Amz-Credential" in query or "AWSAccessKeyId" in query:
        return False
    return _is_form(environ) or ("Action" in query and environ.get("PATH_INFO", "/") == "/")


def _is_form(environ: Mapping[str, Any]) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower() == _FORM


def _refuse_twice(pairs: list[tuple[str, str]], code: str) -> None:
    """Refuse a parameter that is given twice: of two readers one may take the first, the other the last."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        name = next(each for each in names if names.count(each) > 1)
        raise AwsError(code, f"Parameter {name} is given twice.")


def answer(call: Call, members: Mapping[str, Any]) -> HttpAnswer:
    """Put an override's answer into the form of the call's protocol."""
    request_id = str(uuid.uuid4())
    stream = next((each for each in members.values() if isinstance(each, EventStream)), None)
    if stream is not None:
        headers = [("Content-Type", event_stream.CONTENT_TYPE), ("x-amzn-RequestId", request_id)]
        return 200, headers, event_stream.encode(stream)
    if call.protocol == "json":
        body = json.dumps(members, default=_json_value, ensure_ascii=False).encode()
        return 200, [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-RequestId", request_id)], body
    return 200, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)], _xml(call, members, request_id)


def _xml(call: Call, members: Mapping[str, Any], request_id: str) -> bytes:
    model = service_model(call.service)
    shape: Any = model.operation_model(call.operation).output_shape  # None where an operation answers nothing
    inner, space = answer_xml.members(shape, members), model.metadata.get("xmlNamespace", "")
    if call.protocol == "ec2":
        space = space or f"http://ec2.amazonaws.com/doc/{model.api_version}/"
        inner = f"<requestId>{request_id}</requestId>{inner or '<return>true</return>'}"
    else:
        inner = (
            f"<{call.operation}Result>{inner}</{call.operation}Result>"
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        )
    return f'<{call.operation}Response xmlns="{space}">{inner}</{call.operation}Response>'.encode()


def refusal(
    protocol: str, error: AwsError, method: str = "POST", service: str = ""
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Put an error into the form of a protocol, with AWS's code and text; `service` is the signing name, if known."""
    request_id = str(uuid.uuid4())
    code, message = escape(error.code), escape(error.message)
    if protocol in {"json", "rest"}:
        members = {"__type": error.code, moto_answers.message_member(service, error.code): error.message, **error.extra}
        headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", error.code)]
        return error.status, [*headers, ("x-amzn-RequestId", request_id)], json.dumps(members).encode()
    if protocol == "s3":
        more = "".join(f"<{name}>{escape(_printable(value))}</{name}>" for name, value in error.extra.items())
        marks = answers.ids()
        more += f"<RequestId>{marks[0][1]}</RequestId><HostId>{marks[1][1]}</HostId>"
        text = f"<Error><Code>{code}</Code><Message>{message}</Message>{more}</Error>"
        headers = [("Content-Type", "application/xml"), *marks, *error.headers.items()]
        return error.status, headers, b"" if method == "HEAD" else text.encode()
    if protocol == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return error.status, [("Content-Type", "text/xml"), ("x-amzn-RequestId", request_id)], text.encode()


def _printable(value: Any) -> str:
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in str(value))


def read_answer(call: Call, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the members of an answer of moto's; raises AwsError for an error answer."""
    if call.protocol == "json":
        members: dict[str, Any] = json.loads(body) if body else {}
        if status >= 300:
            code = str(members.get("__type", "InternalFailure")).rsplit("#", 1)[-1]
            raise AwsError(code, str(members.get("message") or members.get("Message") or ""), status)
        return members
    model = service_model(call.service)
    shape: Any = model.operation_model(call.operation).output_shape  # None where an operation answers nothing
    parser = botocore.parsers.create_parser(model.metadata["protocol"])
    parsed = parser.parse({"status_code": status, "headers": dict(headers), "body": body}, shape)
    if status >= 300:
        raise AwsError(parsed["Error"]["Code"], parsed["Error"]["Message"], status)
    parsed.pop("ResponseMetadata", None)
    return dict(parsed)


def encode_body(call: Call, params: Mapping[str, Any]) -> bytes:
    """Return the request body that says `params` in the call's protocol."""
    if call.protocol == "json":
        return json.dumps(params, default=_json_value).encode()
    raise AwsError("InternalFailure", f"{call.service}:{call.operation} cannot be forwarded with other params", 500)


def _scope(authorization: str, query: Mapping[str, str]) -> tuple[str | None, str, str]:
    """Return (access key id, region, signing name) of a call; without Signature 4 it counts as S3's."""
    credential = query.get("X-Amz-Credential", "")
    for part in authorization.replace("AWS4-HMAC-SHA256", "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "Credential":
            credential = value
    fields = credential.split("/")
    if len(fields) < 5:
        # boto3 still presigns S3 URLs with Signature 2 unless told otherwise.
        return query.get("AWSAccessKeyId"), "us-east-1", "s3"
    key, _, region, service, _ = fields[-5:]
    return key, region, service.lower()


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = nested_json.loads(body) if body else {}
    except ValueError as exc:  # no JSON, or brackets in brackets without an end
        raise AwsError("SerializationException", "The request body is no JSON.") from exc
    if not isinstance(parsed, dict):
        raise AwsError("SerializationException", "The request body is no JSON object.")
    return parsed


def _nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return query parameters as nested structures: `A.member.1.B=x` is {"A": [{"B": "x"}]}."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        node = root
        *path, last = name.split(".")
        if len(path) > _DEEPEST:
            raise AwsError("MalformedQueryString", "A parameter is nested too deeply.")
        for step in path:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise AwsError("MalformedQueryString", f"Parameter {name} contradicts another one.")
        node[last] = value
    return {key: _lists(value) for key, value in root.items() if key not in {"Action", "Version"}}


def _lists(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if set(node) == {"member"}:
        return _lists(node["member"])
    if set(node) == {"entry"} and isinstance(node["entry"], dict):
        return _map(_lists(node["entry"]))
    if node and all(key.isdigit() for key in node):
        return [_lists(node[key]) for key in sorted(node, key=int)]
    return {key: _lists(value) for key, value in node.items()}


def _map(entries: Any) -> Any:
    if not isinstance(entries, list) or not all(isinstance(each, dict) and "key" in each for each in entries):
        return {"entry": entries}
    return {str(each["key"]): each.get("value", "") for each in entries}


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} is no JSON value")
