"""Requests to AWS are signed, sent and understood as they should be."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_helpers.router.aws import signed_calls as aws
from lab_helpers.router.aws.credentials import Credentials, CredentialsProvider, container_endpoint
from lab_helpers.router.aws.http_client import Connection, HttpError, Target
from lab_helpers.router.aws.signed_calls import AwsClient, read_error
from lab_helpers.router.core.log import ComponentLog, Sink
from tests.router.stand_in import StandIn

NOW = 1_636_276_442.0
KEYS = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """An AWS to talk to."""
    with StandIn() as one:
        yield one


def client(target: Target, service: str = "logs", environment: dict[str, str] = KEYS, **more: Any) -> AwsClient:
    log = ComponentLog(Sink(stream=io.StringIO()))
    provider = CredentialsProvider(environment, log, now=lambda: NOW)
    return AwsClient(service, "eu-west-1", target, provider, log, log, now=lambda: NOW, **more)


@pytest.mark.parametrize(
    ("service", "method", "path"),
    [("logs", "POST", "/"), ("s3", "PUT", "/bucket/a%20b/c.gz"), ("s3", "POST", "/bucket/key?uploads=")],
)
def test_the_signature_is_the_one_that_botocore_makes(
    stand_in: StandIn, service: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same headers, same body, same time: same signature."""
    sent = client(Target("127.0.0.1", stand_in.port), service)
    sent.request(method, path, b'{"a":1}', {"Content-Type": "application/x-amz-json-1.1"})
    sent.close()
    headers = stand_in.calls[0].headers
    ours = headers["authorization"]
    names = ours.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = botocore.awsrequest.AWSRequest(
        method, f"http://127.0.0.1:{stand_in.port}{path}", {name: headers[name] for name in names if name != "host"},
        b'{"a":1}',
    )  # fmt: skip
    request.context["timestamp"] = headers["x-amz-date"]
    kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    auth = kind(botocore.credentials.Credentials("AKID", "secret", "token"), service, "eu-west-1")
    monkeypatch.setattr(auth, "headers_to_sign", lambda one: _header_map(one, names, headers["host"]))
    theirs = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    assert ours.rpartition("Signature=")[2] == theirs


def _header_map(request: Any, names: list[str], host: str) -> Any:
    from botocore.compat import HTTPHeaders

    headers = HTTPHeaders()
    for name in names:
        headers[name] = host if name == "host" else request.headers[name]
    return headers


def test_one_connection_serves_many_calls(stand_in: StandIn) -> None:
    """Calls follow each other on a kept-open connection; a closed one is opened again."""
    sender = client(Target("127.0.0.1", stand_in.port))
    for _ in range(3):
        response = sender.call("Logs_20140328.PutLogEvents", b"{}")
        assert response is not None
        assert response.status == 200
    sender.close()
    assert sender.call("Logs_20140328.PutLogEvents", b"x" * 20_000) is not None
    sender.close()
    assert stand_in.operations() == ["PutLogEvents"] * 4


def test_no_connection_is_tried_twice_and_told() -> None:
    """Nobody listens: None, with the reference's two lines for each try."""
    text = io.StringIO()
    log = ComponentLog(Sink(stream=text))
    sender = AwsClient("logs", "r", Target("127.0.0.1", 1), CredentialsProvider(KEYS, log), log, log)
    assert sender.call("Logs_20140328.PutLogEvents", b"{}") is None
    assert text.getvalue().count("[aws_client] connection initialization error") == 2
    assert "[net] TCP connection failed: 127.0.0.1:1 (Connection refused)" in text.getvalue()


def test_an_authorisation_error_refreshes_the_credentials_once_a_minute(stand_in: StandIn) -> None:
    """AccessDenied may mean old keys: they are fetched anew, but not for every call."""
    stand_in.refuse("PutLogEvents", "AccessDeniedException", times=2)
    sender = client(Target("127.0.0.1", stand_in.port))
    refreshed: list[int] = []
    sender._credentials.refresh = lambda: refreshed.append(1)  # type: ignore[method-assign]
    for _ in range(2):
        sender.call("Logs_20140328.PutLogEvents", b"{}")
    sender.close()
    assert refreshed == [1]


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"__type":"com.amazonaws#Throttled","message":"m"}', "com.amazonaws#Throttled", "m"),
        (b'{"__type":"X","Message":"M"}', "X", ""),
        (b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>", "AccessDenied", "no"),
        (b"not json", "", ""),
        (b"[]", "", ""),
    ],
)
def test_error_answers_are_read(body: bytes, code: str, message: str) -> None:
    """JSON and XML errors; anything else has no code."""
    assert read_error(body) == aws.AwsError(code, message)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_no_answer_can_break_the_reader(body: bytes) -> None:
    """Fuzzed answers: read_error and is_auth_error return, whatever comes."""
    read_error(body)
    aws.is_auth_error(body)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: b"HTTP/1.1 200 OK\r\n" + tail))
def test_no_http_answer_can_hang_or_break_the_client(answer: bytes) -> None:
    """Fuzzed bytes and then the end of the connection: a response or an HttpError."""
    connection = Connection(Target("127.0.0.1", 9), ComponentLog(Sink(stream=io.StringIO())))
    connection._socket = _Canned(answer)  # type: ignore[assignment]
    try:
        response = connection.exchange("GET", "/", [], b"")
    except HttpError:
        return
    assert isinstance(response.status, int)


class _Canned:
    """A socket that has one answer."""

    def __init__(self, answer: bytes) -> None:
        self._left = answer

    def sendall(self, _data: bytes) -> None:
        """Take the request."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        if flags:
            raise BlockingIOError
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def settimeout(self, _timeout_s: float) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to close."""


def test_a_chunked_answer_is_put_together() -> None:
    """Transfer-Encoding: chunked, as some endpoints answer."""
    connection = Connection(Target("127.0.0.1", 9), ComponentLog(Sink(stream=io.StringIO())))
    text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    connection._socket = _Canned(text)  # type: ignore[assignment]
    assert connection.exchange("GET", "/", [], b"").body == b"abcde"


def test_where_container_credentials_are() -> None:
    """The relative URI is ECS's own address, the full one is taken as it is."""
    assert container_endpoint({}) is None
    assert container_endpoint({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"}) == (
        Target("169.254.170.2", 80), "/v2/x",
    )  # fmt: skip
    assert container_endpoint({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:81/c?d"}) == (
        Target("127.0.0.1", 81), "/c?d",
    )  # fmt: skip


def test_container_credentials_are_fetched_and_renewed_before_they_expire(stand_in: StandIn) -> None:
    """A task role's keys: fetched with the token, kept, fetched again five minutes before their end."""
    answer = b'{"AccessKeyId":"%b","SecretAccessKey":"s","Token":"t","Expiration":"2021-11-07T10:00:00Z"}'
    stand_in.answers["GET"] = [(200, answer % key) for key in (b"A", b"B")]
    clock = [NOW]
    environment = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{stand_in.port}/creds",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "secret-word",
    }
    provider = CredentialsProvider(environment, ComponentLog(Sink(stream=io.StringIO())), now=lambda: clock[0])
    expires = 1_636_279_200.0
    assert provider.get() == Credentials("A", "s", "t", expires)
    clock[0] = expires - 301
    assert provider.get() == Credentials("A", "s", "t", expires)
    clock[0] = expires - 299
    assert provider.get() == Credentials("B", "s", "t", expires)
    assert stand_in.calls[0].headers["authorization"] == "secret-word"


def test_without_credentials_nothing_is_sent(stand_in: StandIn) -> None:
    """No keys anywhere: the call fails and says so."""
    assert client(Target("127.0.0.1", stand_in.port), environment={}).call("x.y", b"{}") is None
    assert stand_in.calls == []
