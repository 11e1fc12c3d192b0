"""`role_arn`: the outputs act as another role, whose credentials STS gives."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lab_helpers.router.aws.assume_role import RoleCredentials, parse_answer
from lab_helpers.router.aws.credentials import Credentials, CredentialsProvider
from lab_helpers.router.aws.http_client import Target
from lab_helpers.router.core.log import ComponentLog, Sink
from lab_helpers.router.plugin import FlushResult, PluginKind
from tests.router.plugins.bench import Bench
from tests.router.stand_in import StandIn
from tests.router.test_outputs import chunk

NOW = 1_636_276_442.0
ROLE = "arn:aws:iam::123456789012:role/other"
ANSWER = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>%b</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2021-11-07T10:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
EXPIRES = 1_636_279_200.0
DENIED = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"


@pytest.fixture
def sts() -> Iterator[StandIn]:
    """An STS, and all else that one asks of AWS."""
    with StandIn() as one:
        yield one


def provider(sts: StandIn, text: io.StringIO, clock: list[float], external_id: str | None = None) -> RoleCredentials:
    log = ComponentLog(Sink(stream=text))
    base = CredentialsProvider({"AWS_ACCESS_KEY_ID": "BASE", "AWS_SECRET_ACCESS_KEY": "x"}, log, now=lambda: clock[0])
    return RoleCredentials(
        base, ROLE, external_id, "eu-west-1", Target("127.0.0.1", sts.port), log, now=lambda: clock[0]
    )


def test_the_role_is_assumed_with_the_credentials_that_are_there(sts: StandIn) -> None:
    """One signed GET with role, session and external id; its answer's keys, which are kept."""
    sts.answers["GET"] = [(200, ANSWER % b"A")]
    found = provider(sts, io.StringIO(), [NOW], "x&y")
    assert found.get() == found.get() == Credentials("A", "s", "t", EXPIRES)
    (call,) = sts.calls
    query = {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}
    session = query.pop("RoleSessionName")
    assert len(session) == 32
    assert session.isalnum()
    assert query == {"Version": "2011-06-15", "Action": "AssumeRole", "RoleArn": ROLE, "ExternalId": "x&y"}
    assert "Credential=BASE/20211107/eu-west-1/sts/aws4_request" in call.headers["authorization"]


def test_the_role_is_assumed_again_before_its_credentials_expire(sts: StandIn) -> None:
    """Five minutes before their end, not earlier."""
    sts.answers["GET"] = [(200, ANSWER % b"A"), (200, ANSWER % b"B")]
    clock = [NOW]
    found = provider(sts, io.StringIO(), clock)
    keys = []
    for clock[0] in (NOW, EXPIRES - 301, EXPIRES - 299):
        credentials = found.get()
        keys.append(credentials and credentials.key_id)
    assert keys == ["A", "A", "B"]


@pytest.mark.parametrize(
    ("status", "body", "lines"),
    [
        (403, DENIED, ["STS API responded with AccessDenied", "STS assume role request failed"]),
        (500, b"", ["STS assume role request failed"]),
        (200, b"<nothing/>", ["Failed to parse response from STS"]),
        (200, ANSWER.replace(b"2021-11", b"soon") % b"A", ["Failed to parse response from STS"]),
    ],
)
def test_a_refusal_is_told_in_the_reference_s_words(sts: StandIn, status: int, body: bytes, lines: list[str]) -> None:
    """The error's code, not its message."""
    sts.answers["GET"] = [(status, body)]
    text = io.StringIO()
    assert provider(sts, text, [NOW]).get() is None
    told = [line.partition("[aws_credentials] ")[2] for line in text.getvalue().splitlines() if "[error]" in line]
    assert told == lines


def test_an_answer_without_a_token_gives_nothing() -> None:
    """All three parts are needed to sign."""
    assert parse_answer(ANSWER.replace(b"SessionToken", b"Other") % b"A") is None


@pytest.mark.parametrize("name", ["cloudwatch_logs", "kinesis_firehose", "s3", "firehose"])
def test_outputs_sign_as_the_role(sts: StandIn, name: str, tmp_path: Path) -> None:
    """The old and the new plugins alike: STS is asked first, then the service with the role's keys."""
    sts.answers["GET"] = [(200, ANSWER.replace(b"2021", b"2121") % b"ROLEKEY")]
    bench = Bench()
    bench.service.environment = {"AWS_ACCESS_KEY_ID": "BASE", "AWS_SECRET_ACCESS_KEY": "x"}
    url = f"http://127.0.0.1:{sts.port}"
    own = {
        "cloudwatch_logs": "log_group_name g\nlog_stream_name s\n",
        "s3": f"bucket b\nuse_put_object on\nstore_dir {tmp_path}\n",
    }.get(name, "delivery_stream s\n")
    output = bench.build(
        PluginKind.OUTPUT, name, f"region r\nrole_arn {ROLE}\nsts_endpoint {url}\nendpoint {url}\n{own}"
    )
    assert output.flush(chunk({"log": "a"})) is FlushResult.OK
    output.stop()
    bench.loop.close()
    first, *rest = sts.calls
    assert "Action=AssumeRole" in first.path
    assert rest
    assert all("Credential=ROLEKEY/" in call.headers["authorization"] for call in rest)
    assert all(call.headers["x-amz-security-token"] == "t" for call in rest)
