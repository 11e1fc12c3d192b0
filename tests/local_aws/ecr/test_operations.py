"""ECR's API through boto3: repositories that moto keeps, images and layers that are ours."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecr import EcrService
from lab_helpers.local_aws.ecr.tokens import Tokens
from lab_helpers.local_aws.kit.api import Caller
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.server import LocalAws

pytestmark = pytest.mark.usefixtures("answers_as_described")
NAME = "inomaso-dev-ecr-fluentbit"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def layer_with(path: str) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(path))
    return gzip.compress(target.getvalue(), mtime=0)


def upload(ecr: Any, content: bytes) -> str:
    upload_id = ecr.initiate_layer_upload(repositoryName=NAME)["uploadId"]
    half = len(content) // 2
    for first, part in ((0, content[:half]), (half, content[half:])):
        ecr.upload_layer_part(
            repositoryName=NAME,
            uploadId=upload_id,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    digest = digest_of(content)
    done = ecr.complete_layer_upload(repositoryName=NAME, uploadId=upload_id, layerDigests=[digest])
    assert done["layerDigest"] == digest
    return digest


def put(ecr: Any, tag: str | None = "latest", layer: bytes = b"layer") -> str:
    config = b"{}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": upload(ecr, config), "size": 2},
        "layers": [{"mediaType": "x", "digest": upload(ecr, layer), "size": len(layer)}],
    }
    tags = {"imageTag": tag} if tag else {}
    image = ecr.put_image(repositoryName=NAME, imageManifest=json.dumps(manifest), **tags)["image"]
    return str(image["imageId"]["imageDigest"])


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), factories=[EcrService]) as running:
        yield running


@pytest.fixture
def ecr(aws: LocalAws) -> Iterator[Any]:
    client = aws.client("ecr")
    client.create_repository(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": True})
    yield client
    client.delete_repository(repositoryName=NAME, force=True)


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(repositoryName=NAME, **params)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_repository_uri_leads_to_this_server(ecr: Any, aws: LocalAws):
    """The URI's host is 127.0.0.1 with the server's port: docker takes that for a plain-HTTP registry."""
    (found,) = ecr.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert found["repositoryUri"] == f"{aws.endpoint_url.removeprefix('http://')}/{NAME}"
    assert found["repositoryArn"] == f"arn:aws:ecr:ap-northeast-1:123456789012:repository/{NAME}"


def test_authorization_token(ecr: Any, aws: LocalAws):
    """The token is for user AWS, 12 hours, this endpoint."""
    (data,) = ecr.get_authorization_token()["authorizationData"]
    assert data["proxyEndpoint"] == aws.endpoint_url
    left = data["expiresAt"] - datetime.now(UTC)
    assert timedelta(hours=11, minutes=59) < left <= timedelta(hours=12)


def test_token_expires_after_12_hours():
    """An expired token opens nothing."""
    clock = ManualClock()
    tokens = Tokens(clock)
    token, _ = tokens.issue(Caller("operator", "arn", "1"), "ap-northeast-1")
    assert tokens.holder(f"Basic {token}") is not None
    clock.advance(12 * 3600)
    assert tokens.holder(f"Basic {token}") is None


def test_image_by_api_alone(ecr: Any):
    """Layer parts, PutImage, BatchGetImage and a layer's download link work together."""
    digest = put(ecr)
    (image,) = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "latest"}])["images"]
    assert image["imageId"] == {"imageDigest": digest, "imageTag": "latest"}
    assert digest_of(image["imageManifest"].encode()) == digest
    layer = json.loads(image["imageManifest"])["layers"][0]["digest"]
    url = ecr.get_download_url_for_layer(repositoryName=NAME, layerDigest=layer)["downloadUrl"]
    assert urllib3.request("GET", url).data == b"layer"
    forged = urllib3.request("GET", url.replace("Signature=", "Signature=0"))
    assert forged.status == 403


def test_what_is_missing_is_a_failure_not_an_error(ecr: Any):
    """BatchGetImage and BatchCheckLayerAvailability answer per item."""
    asked = [{"imageTag": "none"}]
    answer = ecr.batch_get_image(repositoryName=NAME, imageIds=asked)
    assert answer["images"] == []
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    layers = ecr.batch_check_layer_availability(repositoryName=NAME, layerDigests=[digest_of(b"no"), "rubbish"])
    assert layers["layers"][0]["layerAvailability"] == "UNAVAILABLE"
    assert layers["failures"][0]["failureCode"] == "InvalidLayerDigest"


def test_describe_and_list(ecr: Any):
    """Tags, size, time, media types; an image without a tag is listed as untagged."""
    first = put(ecr)
    second = put(ecr, layer=b"other")
    details = {item["imageDigest"]: item for item in ecr.describe_images(repositoryName=NAME)["imageDetails"]}
    assert details[second]["imageTags"] == ["latest"]
    assert "imageTags" not in details[first]
    assert details[first]["imageSizeInBytes"] == len(b"{}") + len(b"layer")
    assert details[first]["imageManifestMediaType"] == "application/vnd.oci.image.manifest.v1+json"
    untagged = ecr.list_images(repositoryName=NAME, filter={"tagStatus": "UNTAGGED"})["imageIds"]
    assert untagged == [{"imageDigest": first}]
    pages = ecr.get_paginator("list_images").paginate(repositoryName=NAME, PaginationConfig={"PageSize": 1})
    assert sum(len(page["imageIds"]) for page in pages) == 2


def test_errors_have_aws_s_words(ecr: Any):
    """Codes and sentences of the errors that scripts look for."""
    registry = "123456789012"
    image = "{imageDigest:'null', imageTag:'none'}"
    assert refused(ecr.describe_images, imageIds=[{"imageTag": "none"}]) == (
        "ImageNotFoundException",
        f"The image with imageId {image} does not exist within the repository with name '{NAME}' in the registry with "
        f"id '{registry}'",
    )
    put(ecr)
    assert refused(ecr.delete_repository) == (
        "RepositoryNotEmptyException",
        f"The repository with name '{NAME}' in registry with id '{registry}' cannot be deleted because it still "
        "contains images",
    )
    assert refused(ecr.put_image, imageManifest="{")[0] == "InvalidParameterException"
    assert refused(ecr.upload_layer_part, uploadId="x", partFirstByte=0, partLastByte=0, layerPartBlob=b"x")[0] == (
        "UploadNotFoundException"
    )
    missing = digest_of(b"missing")
    assert refused(ecr.get_download_url_for_layer, layerDigest=missing)[0] == "LayersNotFoundException"


def test_the_same_image_with_the_same_tag_exists(ecr: Any):
    """PutImage, unlike a push, refuses it."""
    digest = put(ecr)
    (image,) = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "latest"}])["images"]
    code, message = refused(ecr.put_image, imageManifest=image["imageManifest"], imageTag="latest")
    assert code == "ImageAlreadyExistsException"
    assert message.startswith(f"Image with digest '{digest}' and tag 'latest' already exists")


def test_unknown_repository(aws: LocalAws):
    """RepositoryNotFoundException in AWS's words."""
    with pytest.raises(ClientError) as error:
        aws.client("ecr").list_images(repositoryName="absent")
    assert error.value.response["Error"] == {
        "Code": "RepositoryNotFoundException",
        "Message": "The repository with name 'absent' does not exist in the registry with id '123456789012'",
    }


def test_batch_delete_image(ecr: Any):
    """A tag goes alone; with the last one its image goes, too."""
    digest = put(ecr)
    put(ecr, "second")
    gone = ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "latest"}, {"imageTag": "none"}])
    assert gone["imageIds"] == [{"imageDigest": digest, "imageTag": "latest"}]
    assert gone["failures"][0]["failureCode"] == "ImageNotFound"
    assert ecr.list_images(repositoryName=NAME)["imageIds"] == [{"imageDigest": digest, "imageTag": "second"}]
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "second"}])
    assert ecr.list_images(repositoryName=NAME)["imageIds"] == []


def test_scan_of_an_image_without_an_operating_system(ecr: Any):
    """Scan on push is answered as AWS answers it for such an image; no finding is made up."""
    put(ecr, layer=layer_with("fluent-bit/etc/extra.conf"))
    answer = ecr.describe_image_scan_findings(repositoryName=NAME, imageId={"imageTag": "latest"})
    assert answer["imageScanStatus"] == {
        "status": "FAILED",
        "description": "UnsupportedImageError: The operating system and/or package manager are not supported.",
    }
    assert answer["imageScanFindings"]["findings"] == []


def test_scan_of_an_image_with_an_operating_system(ecr: Any):
    """There is no vulnerability database here, and the answer says so."""
    put(ecr, layer=layer_with("etc/os-release"))
    answer = ecr.describe_image_scan_findings(repositoryName=NAME, imageId={"imageTag": "latest"})
    assert answer["imageScanStatus"]["status"] == "FINDINGS_UNAVAILABLE"


def test_not_scanned(ecr: Any):
    """Without scan on push there is no scan until one is started."""
    ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": False})
    put(ecr)
    image_id = {"imageTag": "latest"}
    assert refused(ecr.describe_image_scan_findings, imageId=image_id)[0] == "ScanNotFoundException"
    ecr.start_image_scan(repositoryName=NAME, imageId=image_id)
    again = refused(ecr.start_image_scan, imageId=image_id)
    assert again == ("LimitExceededException", "The scan quota per image has been exceeded. Wait and try again.")
    assert ecr.describe_image_scan_findings(repositoryName=NAME, imageId=image_id)["imageScanStatus"]["status"]


def test_deleted_repository_leaves_no_blob(tmp_path: Path):
    """Force deletes images and layers; a new repository of the same name is empty; stop leaves nothing."""
    with LocalAws(tmp_path, factories=[EcrService]) as aws:
        ecr = aws.client("ecr")
        ecr.create_repository(repositoryName=NAME)
        put(ecr)
        assert list(tmp_path.rglob("sha256-*"))
        ecr.delete_repository(repositoryName=NAME, force=True)
        assert list(tmp_path.rglob("sha256-*")) == []
        ecr.create_repository(repositoryName=NAME)
        assert ecr.list_images(repositoryName=NAME)["imageIds"] == []
        put(ecr)
        figures = aws.status()["services"]["ecr"]["repositories"][f"ap-northeast-1/{NAME}"]
        assert figures == {"images": 1, "tags": 1, "layer_bytes": 7}
    assert list(tmp_path.rglob("sha256-*")) == []
