"""Names that come by the API: what AWS refuses is refused, and none becomes a path outside of the lab's folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecr import EcrService
from lab_helpers.local_aws.ecs import EcsService
from lab_helpers.local_aws.firehose import FirehoseService
from lab_helpers.local_aws.server import LocalAws


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS with the services that make files of names."""

    def ecr(context: Any) -> EcrService:
        return EcrService(context, lambda *_: None)

    with LocalAws(tmp_path_factory.mktemp("aws"), factories=[ecr, FirehoseService, EcsService]) as running:
        yield running


def _refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("name", ["/somewhere/victim", "../../../victim", "a b", "log.router"])
def test_containers_and_families(name: str, aws: LocalAws) -> None:
    """Fault 2 of the hardening list: the folder that a container's name named was removed when its task ended."""
    register = aws.client("ecs").register_task_definition
    container = {"name": name, "image": "busybox", "command": ["pwd"]}
    refused = _refusal(register, family="ok", containerDefinitions=[container])
    assert refused == ("ClientException", "Container.name contains invalid characters.")
    refused = _refusal(register, family=name, containerDefinitions=[{**container, "name": "ok"}])
    assert refused == ("ClientException", "Family contains invalid characters.")


def test_clusters_and_services(aws: LocalAws) -> None:
    """Letters, digits, hyphens and underscores."""
    ecs = aws.client("ecs")
    assert _refusal(ecs.create_cluster, clusterName="../x")[0] == "InvalidParameterException"
    code, _ = _refusal(ecs.create_service, serviceName="../x", taskDefinition="t", cluster="c")
    assert code == "InvalidParameterException"


def test_buckets_and_keys(aws: LocalAws) -> None:
    """Names as S3 takes them; a key has at most 1024 bytes, and is a key whatever it looks like."""
    s3 = aws.client("s3")
    where = {"LocationConstraint": "ap-northeast-1"}
    s3.meta.events.unregister("before-parameter-build.s3")
    for name in ("xn--bucket", "bucket-s3alias", "b..b"):
        assert _refusal(s3.create_bucket, Bucket=name, CreateBucketConfiguration=where)[0] == "InvalidBucketName"
    s3.create_bucket(Bucket="names-of-keys", CreateBucketConfiguration=where)
    refused = _refusal(s3.put_object, Bucket="names-of-keys", Key="é" * 513, Body=b"")
    assert refused == ("KeyTooLongError", "Your key is too long")
    for key in ("é" * 512, "../../../etc/passwd", "/etc/passwd", "a/../../b"):
        s3.put_object(Bucket="names-of-keys", Key=key, Body=b"x")
        assert s3.get_object(Bucket="names-of-keys", Key=key)["Body"].read() == b"x"
        s3.delete_object(Bucket="names-of-keys", Key=key)
    s3.delete_bucket(Bucket="names-of-keys")


def test_groups_streams_repositories_and_delivery_streams(aws: LocalAws) -> None:
    """As their services' descriptions have them."""
    logs = aws.client("logs")
    assert _refusal(logs.create_log_group, logGroupName="a b")[0] == "InvalidParameterException"
    logs.create_log_group(logGroupName="/../x")  # AWS takes this one: dots and slashes are letters of a group's name
    refused = _refusal(logs.create_log_stream, logGroupName="/../x", logStreamName="a:b")
    logs.delete_log_group(logGroupName="/../x")
    assert refused[0] == "InvalidParameterException"
    ecr = aws.client("ecr")
    for name in ("../x", "/x", "X", "a//b"):
        assert _refusal(ecr.create_repository, repositoryName=name)[0] == "InvalidParameterException"
    firehose = aws.client("firehose")
    assert _refusal(firehose.create_delivery_stream, DeliveryStreamName="../x")[0] == "ValidationException"


def test_nothing_came_of_it(aws: LocalAws) -> None:
    """The server's folder has the services' folders and files, and nothing that these names could have made."""
    top = {path.name for path in Path(aws.data_dir).iterdir()}
    assert not {name for name in top if "victim" in name or ".." in name}
