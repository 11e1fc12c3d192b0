from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from lab_helpers.base.clients import Clients, ClientSettings, aws_errors
from lab_helpers.base.errors import AccessDeniedError, AwsCallError, LocalAwsNotRunningError, NotFoundError

REGION = "ap-northeast-1"


@pytest.fixture
def clients() -> Clients:
    return Clients.local("http://127.0.0.1:1", REGION, settings=ClientSettings(max_attempts=1))


def test_local_clients_ignore_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile, an endpoint, a region, credentials or a proxy in the environment do not reach a local client."""
    for name, value in {
        "AWS_PROFILE": "no-such-profile",
        "AWS_ENDPOINT_URL": "http://example.invalid",
        "AWS_ENDPOINT_URL_S3": "http://example.invalid",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "from-environment",
        "HTTP_PROXY": "http://example.invalid",
    }.items():
        monkeypatch.setenv(name, value)
    made = Clients.local("http://127.0.0.1:1", REGION)
    s3 = made.client("s3")
    assert s3.meta.endpoint_url == "http://127.0.0.1:1"
    assert s3.meta.region_name == made.region == REGION
    assert made.session.get_credentials().access_key == "lab"
    assert s3.meta.config.proxies == {}


def test_one_client_a_service(clients: Clients) -> None:
    """A client is made once and shared; after `close` a new one is made."""
    first = clients.client("logs")
    assert clients.client("logs") is first
    clients.close()
    clients.close()
    assert clients.client("logs") is not first


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", AccessDeniedError),
        ("AccessDenied", AccessDeniedError),
        ("ResourceNotFoundException", NotFoundError),
        ("NoSuchBucket", NotFoundError),
        ("RepositoryNotFoundException", NotFoundError),
        ("ThrottlingException", AwsCallError),
    ],
)
def test_aws_codes_become_the_labs_errors(clients: Clients, code: str, error: type[AwsCallError]) -> None:
    """AWS's code decides the class; code, words and operation are kept."""
    logs = clients.client("logs")
    with Stubber(logs) as stub:
        stub.add_client_error("describe_log_groups", code, "AWS's own words")
        with pytest.raises(error) as caught, aws_errors():
            logs.describe_log_groups()
    assert type(caught.value) is error
    assert (caught.value.operation, caught.value.code) == ("DescribeLogGroups", code)
    assert "AWS's own words" in str(caught.value)
    assert isinstance(caught.value.__cause__, ClientError)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
        ("InvalidSignatureException", "Signature expired: 20211107T091401Z is now earlier than 20211107T092001Z"),
    ],
)
def test_a_clock_that_disagrees_is_told(clients: Clients, code: str, text: str) -> None:
    """What AWS says of times and signatures means: set this machine's clock."""
    logs = clients.client("logs")
    with Stubber(logs) as stub:
        stub.add_client_error("describe_log_groups", code, text)
        with pytest.raises(AwsCallError, match=r"set it \(NTP\)"), aws_errors():
            logs.describe_log_groups()


def test_nothing_listening_on_loopback_is_the_local_aws_not_running(clients: Clients) -> None:
    """A refused connection to a loopback endpoint says that the local AWS is down, and where."""
    with pytest.raises(LocalAwsNotRunningError, match=r"http://127\.0\.0\.1:1 does not answer"), aws_errors():
        clients.client("sts").get_caller_identity()
