"""ECR's API for repositories, which stay with moto (their URIs lead to this server), and for images, which are ours.

Not modelled: pull-through caches, replication, image signing, archival, KMS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from lab_helpers.local_aws.ecr import refusals, scanning
from lab_helpers.local_aws.ecr.catalogue import Image, Settings
from lab_helpers.local_aws.ecr.images import Images
from lab_helpers.local_aws.ecr.tokens import Tokens
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler


class Operations:
    """The handlers; `endpoint_url` is where registry and layers are fetched from."""

    def __init__(self, images: Images, tokens: Tokens, endpoint_url: str) -> None:
        self._images, self._tokens, self._endpoint_url = images, tokens, endpoint_url

    def table(self) -> dict[tuple[str, str], Handler]:
        """Return the operations by (signing name, operation)."""
        handlers: dict[str, Handler] = {
            "CreateRepository": self.create_repository,
            "DescribeRepositories": self.describe_repositories,
            "DeleteRepository": self.delete_repository,
            "GetAuthorizationToken": self.get_authorization_token,
            "PutImage": self.put_image,
            "BatchGetImage": self.batch_get_image,
            "BatchDeleteImage": self.batch_delete_image,
            "ListImages": self.list_images,
            "DescribeImages": self.describe_images,
            "StartImageScan": self.start_image_scan,
            "DescribeImageScanFindings": self.describe_image_scan_findings,
        }
        return {("ecr", operation): handler for operation, handler in handlers.items()}

    def create_repository(self, request: ApiRequest) -> dict[str, Any]:
        """Make a repository."""
        answer = request.forward(None)
        return {**answer, "repository": self._with_uri(answer["repository"])}

    def describe_repositories(self, request: ApiRequest) -> dict[str, Any]:
        """List repositories."""
        answer = request.forward(None)
        return {**answer, "repositories": [self._with_uri(found) for found in answer["repositories"]]}

    def delete_repository(self, request: ApiRequest) -> dict[str, Any]:
        """Delete a repository; one with images only by force."""
        name = str(request.params.get("repositoryName"))
        where = self._where(request)
        if self._images.catalogue.content(where).images and not request.params.get("force"):
            raise refusals.repository_not_empty(name, request.account_id)
        answer = request.forward(None)
        for digest in self._images.catalogue.forget(request.region, name):
            self._images.blobs.delete(digest)
        return {**answer, "repository": self._with_uri(answer["repository"])}

    def get_authorization_token(self, request: ApiRequest) -> dict[str, Any]:
        """Give the caller a registry password for 12 hours."""
        token, expires_at = self._tokens.issue(request.caller, request.region)
        data = {"authorizationToken": token, "expiresAt": expires_at, "proxyEndpoint": self._endpoint_url}
        return {"authorizationData": [data]}

    def put_image(self, request: ApiRequest) -> dict[str, Any]:
        """Add an image whose layers are here."""
        where, given = self._where(request), request.params
        manifest = str(given.get("imageManifest", "")).encode()
        tag = given.get("imageTag")
        image = self._images.put(where, manifest, given.get("imageManifestMediaType"), tag, given.get("imageDigest"))
        return {"image": _image(where, image, tag)}

    def batch_get_image(self, request: ApiRequest) -> dict[str, Any]:
        """Return manifests."""
        where = self._where(request)
        images, failures = [], []
        for image_id in request.params.get("imageIds", []):
            unusable = unusable_id(image_id)
            if unusable:
                failures.append(_failure(image_id, *unusable))
                continue
            try:
                image = self._images.pull(where, image_id)
            except AwsError:
                failures.append(_failure(image_id, "ImageNotFound", "Requested image not found"))
            else:
                images.append(_image(where, image, image_id.get("imageTag")))
        return {"images": images, "failures": failures}

    def batch_delete_image(self, request: ApiRequest) -> dict[str, Any]:
        """Remove tags or images."""
        where = self._where(request)
        removed: list[dict[str, str]] = []
        failures = []
        for image_id in request.params.get("imageIds", []):
            unusable = unusable_id(image_id)
            if unusable:
                failures.append(_failure(image_id, *unusable))
                continue
            gone = self._images.catalogue.remove(where, image_id)
            if isinstance(gone, str):
                failures.append(_failure(image_id, gone, _REASONS[gone]))
            else:
                removed += gone
        return {"imageIds": removed, "failures": failures}

    def list_images(self, request: ApiRequest) -> dict[str, Any]:
        """Return image ids, one a tag."""
        content = self._images.catalogue.content(self._where(request))
        status = (request.params.get("filter") or {}).get("tagStatus", "ANY")
        ids = [
            {"imageDigest": digest, "imageTag": tag} if tag else {"imageDigest": digest}
            for digest in content.images
            for tag in content.tags_of(digest) or [""]
            if status == "ANY" or (status == "TAGGED") == bool(tag)
        ]
        return _page(ids, request.params, "imageIds")

    def describe_images(self, request: ApiRequest) -> dict[str, Any]:
        """Return what is known of images."""
        where = self._where(request)
        content = self._images.catalogue.content(where)
        wanted = request.params.get("imageIds")
        if wanted:
            images = [self._images.get(where, image_id) for image_id in wanted]
        else:
            status = (request.params.get("filter") or {}).get("tagStatus", "ANY")
            images = [
                image
                for digest, image in content.images.items()
                if status == "ANY" or (status == "TAGGED") == bool(content.tags_of(digest))
            ]
        return _page([self._detail(where, image) for image in images], request.params, "imageDetails")

    def start_image_scan(self, request: ApiRequest) -> dict[str, Any]:
        """Scan an image; the answer is there at once."""
        where, image_id = self._where(request), request.params.get("imageId") or {}
        image = self._images.scan(where, image_id)
        return {**names(where), "imageId": _image_id(image, image_id), "imageScanStatus": {"status": "IN_PROGRESS"}}

    def describe_image_scan_findings(self, request: ApiRequest) -> dict[str, Any]:
        """Return the outcome of an image's scan; raises AwsError ScanNotFoundException when there was none."""
        where, image_id = self._where(request), request.params.get("imageId") or {}
        image = self._images.get(where, image_id)
        if image.scanned_at is None:
            raise refusals.no_scan(image_id, where.name, where.registry)
        findings = scanning.scan_findings(image.manifest, self._images.blobs, image.scanned_at)
        return {**names(where), "imageId": _image_id(image, image_id), **findings}

    def _where(self, request: ApiRequest) -> Settings:
        return self._images.repositories.settings(request.region, str(request.params.get("repositoryName")))

    def _with_uri(self, repository: Mapping[str, Any]) -> dict[str, Any]:
        # docker and podman take a registry on 127.0.0.1 for a plain-HTTP one.
        return {**repository, "repositoryUri": f"{urlsplit(self._endpoint_url).netloc}/{repository['repositoryName']}"}

    def _detail(self, where: Settings, image: Image) -> dict[str, Any]:
        manifest, tags = image.manifest, self._images.catalogue.content(where).tags_of(image.manifest.digest)
        detail = {
            **names(where),
            "imageDigest": manifest.digest,
            "imageTags": tags or None,
            "imageSizeInBytes": manifest.size_bytes,
            "imagePushedAt": image.pushed_at,
            "imageManifestMediaType": manifest.media_type,
            "artifactMediaType": manifest.config_media_type,
            "lastRecordedPullTime": image.pulled_at,
            "imageScanStatus": self._images.scan_status(image),
        }
        return {key: value for key, value in detail.items() if value is not None}


_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
_REASONS = {
    "ImageNotFound": "Requested image not found",
    "ImageReferencedByManifestList": "Requested image referenced by manifest list",
}


def unusable_id(image_id: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return failure code and reason of an id that can name nothing. Source: ImageFailure of the API reference."""
    digest = image_id.get("imageDigest")
    if not digest and not image_id.get("imageTag"):
        return "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
    if digest and not _DIGEST.fullmatch(str(digest)):
        return (
            "InvalidImageDigest",
            f"Invalid request parameters: image digest should satisfy the regex '{_DIGEST.pattern}'",
        )
    return None


def names(where: Settings) -> dict[str, str]:
    """Return the members by which answers name a repository."""
    return {"registryId": where.registry, "repositoryName": where.name}


def _image_id(image: Image, asked: Mapping[str, Any]) -> dict[str, str]:
    tag = asked.get("imageTag")
    return {"imageDigest": image.manifest.digest, **({"imageTag": tag} if tag else {})}


def _image(where: Settings, image: Image, tag: str | None) -> dict[str, Any]:
    return {
        **names(where),
        "imageId": _image_id(image, {"imageTag": tag}),
        "imageManifest": image.manifest.content.decode(),
        "imageManifestMediaType": image.manifest.media_type,
    }


def _failure(image_id: Mapping[str, Any], code: str, reason: str) -> dict[str, Any]:
    return {"imageId": dict(image_id), "failureCode": code, "failureReason": reason}


def _page(items: Sequence[Any], params: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Return one page; a token is the number of the first item of the next."""
    token = str(params.get("nextToken") or "0")
    if not token.isdigit():
        raise AwsError("InvalidParameterException", "Invalid parameter at 'nextToken' failed to satisfy constraint")
    first, most = int(token), int(params.get("maxResults") or 100)
    page: dict[str, Any] = {member: list(items[first : first + most])}
    if first + most < len(items):
        page["nextToken"] = str(first + most)
    return page
