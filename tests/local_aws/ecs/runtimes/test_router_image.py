"""The router's extra.conf comes out of the image in ECR, never from anywhere else."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Iterator

import pytest

from tests.local_aws.ecs.kit import ROUTER, Stand, eventually, httpd

EXTRA = """[OUTPUT]
    Name   cloudwatch_logs
    Match  *
    region ap-northeast-1
    log_group_name {group}
    log_stream_prefix from-
    auto_create_group true
"""
PATH = "/fluent-bit/etc/extra.conf"


def _layer(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo(PATH.lstrip("/"))
        info.size = len(text.encode())
        archive.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


def _push(stand: Stand, repository: str, text: str) -> str:
    """Push an image that holds extra.conf as latest; return its digest."""

    def blob(data: bytes) -> dict[str, object]:
        upload = stand.ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        part = {"partFirstByte": 0, "partLastByte": len(data) - 1, "layerPartBlob": data}
        stand.ecr.upload_layer_part(repositoryName=repository, uploadId=upload, **part)
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        stand.ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
        return {"digest": digest, "size": len(data)}

    config = blob(
        json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers"}}).encode()
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", **blob(_layer(text))}],
    }
    put = stand.ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag="latest")
    return str(put["image"]["imageId"]["imageDigest"])


@pytest.fixture
def repository(stand: Stand) -> Iterator[str]:
    made = stand.ecr.create_repository(repositoryName="fluentbit")["repository"]
    yield str(made["repositoryUri"])
    stand.ecr.delete_repository(repositoryName="fluentbit", force=True)


def _included(stand: Stand, task_arn: str) -> str:
    base = f"{stand.aws.endpoint_url}/_ecs/tasks/{task_arn.rsplit('/', 1)[-1]}/files/"
    with urllib.request.urlopen(base) as answer:
        (name,) = [each for each in json.load(answer) if each.startswith("included/")]
    with urllib.request.urlopen(base + name) as answer:
        return str(answer.read().decode())


def test_a_new_image_takes_effect_with_a_new_deployment(stand: Stand, repository: str) -> None:
    """Pushing changes nothing for running tasks; a forced deployment pulls the new image."""
    first = _push(stand, "fluentbit", EXTRA.format(group="/test/first"))
    options = {"config-file-type": "file", "config-file-value": PATH}
    router = {
        **ROUTER,
        "image": f"{repository}:latest",
        "firelensConfiguration": {"type": "fluentbit", "options": options},
    }
    stand.serve("image", stand.define(httpd(), router))
    stand.steady("image")
    (task,) = stand.tasks("image")
    found = next(each for each in task["containers"] if each["name"] == "log_router")
    assert found["imageDigest"] == first
    eventually(lambda: _groups(stand) == {"/test/first"}, lambda: _groups(stand))
    second = _push(stand, "fluentbit", EXTRA.format(group="/test/second"))
    assert second != first
    assert "/test/first" in _included(stand, task["taskArn"])
    stand.ecs.update_service(cluster="lab", service="image", forceNewDeployment=True)
    stand.steady("image")
    (task,) = stand.tasks("image")
    assert "log_group_name /test/second" in _included(stand, task["taskArn"])
    eventually(lambda: "/test/second" in _groups(stand), lambda: _groups(stand))
    stand.gone("image")


def _groups(stand: Stand) -> set[str]:
    found = stand.logs.describe_log_groups(logGroupNamePrefix="/test/")["logGroups"]
    return {each["logGroupName"] for each in found} & {"/test/first", "/test/second"}


def test_a_missing_image_is_said(stand: Stand, repository: str) -> None:
    """The article's commonest slip: the task starts before the image was pushed."""
    arn = stand.run(stand.define(httpd(), {**ROUTER, "image": f"{repository}:latest"}))
    task = stand.stopped(arn)
    assert task["stopCode"] == "TaskFailedToStart"
    assert task["stoppedReason"] == (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
        f"{repository}:latest: {repository}:latest: not found"
    )


def test_a_broken_extra_conf_is_said(stand: Stand, repository: str) -> None:
    """Row B4 gone wrong: the stopped reason carries what the router says of the user's file."""
    _push(stand, "fluentbit", EXTRA.format(group="x") + "    log_retention_day 90\n")
    options = {"config-file-type": "file", "config-file-value": PATH}
    router = {
        **ROUTER,
        "image": f"{repository}:latest",
        "firelensConfiguration": {"type": "fluentbit", "options": options},
    }
    task = stand.stopped(stand.run(stand.define(httpd(), router)))
    assert "unknown configuration property 'log_retention_day'" in task["stoppedReason"]
