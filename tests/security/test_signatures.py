"""Signatures are verified as AWS does it: by key, token, time, signature and body, with AWS's errors."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.config
import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.server import REGION, LocalAws
from tests.support.signing import signed

from .asking import Answer, ask

LOGS = {"X-Amz-Target": "Logs_20140328.DescribeLogGroups", "Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"
BYTES = {"Content-Type": "application/octet-stream"}
KINDS = ("json", "query", "ec2", "s3")
TASKS = "ecs-tasks.amazonaws.com"
TRUST = json.dumps(
    {"Version": "2012-10-17",
     "Statement": [{"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole"}]}
)  # fmt: skip


def _call(aws: LocalAws, kind: str, credentials: Credentials | None = None) -> urllib.request.Request:
    """Return a good call of a protocol."""
    if kind == "json":
        return signed(aws, "logs", "POST", "/", b"{}", LOGS, credentials)
    if kind == "query":
        return signed(aws, "sts", "POST", "/", IDENTITY, FORM, credentials)
    if kind == "ec2":
        return signed(aws, "ec2", "POST", "/", b"Action=DescribeVpcs&Version=2016-11-15", FORM, credentials)
    return signed(aws, "s3", "GET", "/kept?list-type=2&prefix=a%20b%2F", b"", None, credentials)


def _with(request: urllib.request.Request, **headers: str | None) -> urllib.request.Request:
    for name, value in headers.items():
        request.remove_header(name.replace("_", "-").capitalize())
        if value is not None:
            request.add_header(name.replace("_", "-"), value)
    return request


@contextmanager
def _later(clock: ManualClock, seconds: float) -> Iterator[None]:
    clock.advance(seconds)
    try:
        yield
    finally:
        clock.advance(-seconds)


def _refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


@pytest.mark.parametrize("kind", KINDS)
def test_good_calls_are_let_in(front: LocalAws, kind: str) -> None:
    """The measure of all other tests here."""
    assert ask(_call(front, kind)).status == 200


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("json", (400, "MissingAuthenticationTokenException")), ("query", (403, "MissingAuthenticationToken")),
     ("ec2", (403, "MissingAuthenticationToken")), ("s3", (403, "AccessDenied"))],
)  # fmt: skip
def test_unsigned_calls(front: LocalAws, kind: str, refusal: tuple[int, str]) -> None:
    """Nobody signed it."""
    assert _refused(ask(_with(_call(front, kind), Authorization=None))) == refusal


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("json", (400, "UnrecognizedClientException")), ("query", (403, "InvalidClientTokenId")),
     ("ec2", (401, "AuthFailure")), ("s3", (403, "InvalidAccessKeyId"))],
)  # fmt: skip
def test_unknown_keys(front: LocalAws, kind: str, refusal: tuple[int, str]) -> None:
    """A key that this server did not issue, moto's own included."""
    for key in ("AKIAIOSFODNN7EXAMPLE", "test", "mock_access_key"):
        assert _refused(ask(_call(front, kind, Credentials(key, "test")))) == refusal


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [("json", (400, "InvalidSignatureException")), ("query", (403, "SignatureDoesNotMatch")),
     ("ec2", (401, "AuthFailure")), ("s3", (403, "SignatureDoesNotMatch"))],
)  # fmt: skip
def test_wrong_secrets(front: LocalAws, kind: str, refusal: tuple[int, str]) -> None:
    """Fault 4 of the hardening list: a key's id alone made an operator."""
    keys = Credentials(front.store.operator.access_key_id, "wrong")
    answer = ask(_call(front, kind, keys))
    assert _refused(answer) == refusal
    if kind != "ec2":
        assert answer.message.startswith(
            "The request signature we calculated does not match the signature you provided. Check your "
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["method", "query", "body", "header", "host", "signature", "date", "service"])
def test_what_is_signed_cannot_be_changed(front: LocalAws, kind: str, change: str) -> None:
    """Each part of a call that the signature covers."""
    request = _call(front, kind)
    if change == "method":
        request.method = "DELETE"
    elif change == "query":
        request.full_url += "&x=1" if "?" in request.full_url else "?x=1"
    elif change == "body":
        request.data = b"{} " if kind != "s3" else b"planted"
    elif change == "header":
        _with(request, X_Amz_Date="20261129T000000Z")
    elif change == "host":
        _with(request, Host="localhost:1")
    else:
        authorization = str(request.get_header("Authorization"))
        old, new = {
            "signature": (authorization[-4:], "0000"),
            "date": ("/" + authorization.split("/")[1] + "/", "/20100101/"),
            "service": (f"/{REGION}/", "/us-east-1/"),
        }[change]
        _with(request, Authorization=authorization.replace(old, new))
    answer = ask(request)
    assert answer.status in {400, 401, 403}
    assert answer.code in {
        "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "XAmzContentSHA256Mismatch",
        "AuthorizationHeaderMalformed", "RequestTimeTooSkewed", "RequestExpired",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "code"),
    [("json", "InvalidSignatureException"), ("query", "SignatureDoesNotMatch"), ("ec2", "RequestExpired"),
     ("s3", "RequestTimeTooSkewed")],
)  # fmt: skip
@pytest.mark.parametrize("seconds", [16 * 60, -16 * 60, 365 * 86400])
def test_clocks_that_differ(front: LocalAws, signing_clock: ManualClock, kind: str, code: str, seconds: int) -> None:
    """A quarter of an hour either way is good, more is not."""
    request = _call(front, kind)
    with _later(signing_clock, 14 * 60 if seconds > 0 else -14 * 60):
        assert ask(request).status == 200
    with _later(signing_clock, seconds):
        answer = ask(request)
    assert answer.code == code
    if kind in {"json", "query"}:
        assert answer.message.startswith("Signature expired: " if seconds > 0 else "Signature not yet current: ")
    elif kind == "s3":
        assert answer.message == "The difference between the request time and the current time is too large."
        assert b"<MaxAllowedSkewMilliseconds>900000<" in answer.body


@pytest.mark.parametrize(
    "authorization",
    ["AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=x",
     "AWS4-HMAC-SHA256 Credential=../x/20261129/r/logs/aws4_request, SignedHeaders=host, Signature=é",
     "Basic YTpi", "AWS4-ECDSA-P256-SHA256 Credential=x", "AWS a:b", ""],
)  # fmt: skip
@pytest.mark.parametrize("kind", KINDS)
def test_authorizations_that_are_none(front: LocalAws, kind: str, authorization: str) -> None:
    """Every one is refused in AWS's form, and none is an error of ours."""
    answer = ask(_with(_call(front, kind), Authorization=authorization.encode().decode("latin-1")))
    assert 400 <= answer.status < 500
    assert answer.code


def test_a_region_is_no_path(front: LocalAws) -> None:
    """The region of a scope names folders later on."""
    request = _call(front, "json")
    scope = str(request.get_header("Authorization")).replace(f"/{REGION}/", "/../")
    assert _refused(ask(_with(request, Authorization=scope))) == (400, "IncompleteSignatureException")


class Role:
    """A role session's keys."""

    def __init__(self, aws: LocalAws) -> None:
        self._iam = aws.client("iam")
        arn = self._iam.create_role(RoleName="signer", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        self.issued = aws.clients.assume(arn, "session", TASKS, REGION)

    def keys(self, token: str | None = None) -> Credentials:
        """Return the keys, with another token if one is given."""
        issued = self.issued
        token = issued.session_token if token is None else token
        return Credentials(issued.access_key_id, issued.secret_access_key, token or None)

    def end(self) -> None:
        """Delete the role."""
        self._iam.delete_role(RoleName="signer")


@pytest.fixture(scope="module")
def role(front: LocalAws) -> Iterator[Role]:
    """A role session, without permissions."""
    made = Role(front)
    yield made
    made.end()


@pytest.mark.parametrize(
    ("kind", "wrong", "none"),
    [("json", "UnrecognizedClientException", "UnrecognizedClientException"),
     ("query", "InvalidClientTokenId", "InvalidClientTokenId"), ("ec2", "AuthFailure", "AuthFailure"),
     ("s3", "InvalidToken", "InvalidAccessKeyId")],
)  # fmt: skip
def test_session_tokens(front: LocalAws, role: Role, kind: str, wrong: str, none: str) -> None:
    """A role's key is worth nothing with another token, or without one; a lasting key has none."""
    assert ask(_call(front, kind, role.keys("other"))).code == wrong
    assert ask(_call(front, kind, role.keys(""))).code == none
    operator = front.store.operator
    stray = Credentials(operator.access_key_id, operator.secret_access_key, role.issued.session_token)
    assert ask(_call(front, kind, stray)).code == wrong


def test_identities_look_like_awss(front: LocalAws, role: Role) -> None:
    """AIDA… for the operator, AROA…:session for a role; never a key's id."""
    operator = front.client("sts").get_caller_identity()
    assert operator["UserId"].startswith("AIDA")
    assert len(operator["UserId"]) == 21
    answer = ask(_call(front, "query", role.keys()))
    assert b"<UserId>AROA" in answer.body
    assert b":session</UserId>" in answer.body
    shown = json.dumps({key: operator[key] for key in ("UserId", "Account", "Arn")}).encode() + answer.body
    assert front.store.operator.access_key_id.encode() not in shown
    assert role.issued.access_key_id.encode() not in shown


def _presigning(aws: LocalAws, version: str, secret: str | None = None) -> Any:
    keys = aws.store.operator
    config = botocore.config.Config(signature_version=version, s3={"addressing_style": "path"})
    return boto3.client(
        "s3", REGION, endpoint_url=aws.endpoint_url, aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=secret or keys.secret_access_key, config=config,
    )  # fmt: skip


WHERE = {"Bucket": "kept", "Key": "a b/c+d é"}


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_links(front: LocalAws, signing_clock: ManualClock, version: str) -> None:
    """A link is good until its time is over, for what it names alone, and by its owner's secret."""
    link = _presigning(front, version).generate_presigned_url("get_object", WHERE, ExpiresIn=3000)
    assert ask(urllib.request.Request(link)).body == b"content"
    with _later(signing_clock, 3700):
        answer = ask(urllib.request.Request(link))
        assert (answer.status, answer.code, answer.message) == (403, "AccessDenied", "Request has expired")
    for changed in (link.replace("c%2Bd", "c%2Be"), link.replace("kept", "other")):
        assert ask(urllib.request.Request(changed)).code == "SignatureDoesNotMatch"
    assert ask(urllib.request.Request(link, method="DELETE")).code == "SignatureDoesNotMatch"
    forged = _presigning(front, version, "wrong").generate_presigned_url("get_object", WHERE)
    assert ask(urllib.request.Request(forged)).code == "SignatureDoesNotMatch"


def test_presigned_links_have_an_end(front: LocalAws) -> None:
    """A week at most, and no further headers of S3's than the signed ones."""
    client = _presigning(front, "s3v4")
    link = client.generate_presigned_url("get_object", WHERE, ExpiresIn=604_801)
    assert ask(urllib.request.Request(link)).code == "AuthorizationQueryParametersError"
    link = client.generate_presigned_url("put_object", WHERE)
    more = urllib.request.Request(link, data=b"x", headers={"x-amz-acl": "public-read"}, method="PUT")
    answer = ask(more)
    assert answer.message == "There were headers present in the request which were not signed"
    assert b"<HeadersNotSigned>x-amz-acl</HeadersNotSigned>" in answer.body


def test_a_link_for_an_upload_works(front: LocalAws) -> None:
    """Its body is not signed."""
    where = {"Bucket": "kept", "Key": "uploaded"}
    link = _presigning(front, "s3v4").generate_presigned_url("put_object", where)
    assert ask(urllib.request.Request(link, data=b"by link", headers=BYTES, method="PUT")).status == 200
    assert front.client("s3").get_object(**where)["Body"].read() == b"by link"


@pytest.mark.parametrize(
    "path",
    ["/kept/x%2Fy", "/kept/a%20b", "/kept/%E3%81%82", "/kept/plus%2Bplus", "/kept/a~b", "/kept/./x", "/kept/a//b"],
)
def test_keys_of_any_letters(front: LocalAws, path: str) -> None:
    """What is encoded is decoded and signed alike on both sides."""
    assert ask(signed(front, "s3", "PUT", path, b"x", BYTES)).status == 200
    assert ask(signed(front, "s3", "GET", path)).body == b"x"


@pytest.mark.usefixtures("role")
def test_federated_callers_have_no_keys_yet(front: LocalAws) -> None:
    """AssumeRoleWithWebIdentity needs no signature; what it gives is good for calls, and is a role's."""
    sts = boto3.client(
        "sts",
        REGION,
        endpoint_url=front.endpoint_url,
        config=botocore.config.Config(signature_version=botocore.UNSIGNED),
    )
    got = sts.assume_role_with_web_identity(
        RoleArn="arn:aws:iam::123456789012:role/signer", RoleSessionName="web", WebIdentityToken="token"
    )["Credentials"]
    keys = Credentials(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    assert b"assumed-role/signer/web" in ask(_call(front, "query", keys)).body
    assert ask(_call(front, "query", Credentials(keys.access_key, "wrong", keys.token))).code == "SignatureDoesNotMatch"
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        sts.get_caller_identity()


def test_verifying_costs_little(front: LocalAws) -> None:
    """The signing key of a day is derived once."""
    from lab_helpers.local_aws.identity import sigv4

    before = sigv4.signing_key.cache_info().misses
    send: Callable[[], Answer] = lambda: ask(_call(front, "json"))  # noqa: E731
    for _ in range(5):
        assert send().status == 200
    assert sigv4.signing_key.cache_info().misses <= before + 1
