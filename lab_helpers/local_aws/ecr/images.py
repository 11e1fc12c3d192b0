"""ECR's operations on images and layers, for the API and for the registry alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from lab_helpers.local_aws.ecr import refusals, scanning
from lab_helpers.local_aws.ecr.blobs import BlobStore
from lab_helpers.local_aws.ecr.catalogue import Catalogue, Image, Settings
from lab_helpers.local_aws.ecr.manifest import digest_of, is_digest, is_tag, parse_manifest
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.clock import Clock

_BETWEEN_SCANS_S = 24 * 3600.0
"""Source: "An image can only be scanned once per 24 hours" (StartImageScan)."""


class Repositories(Protocol):
    """Where repositories are known: moto, asked through the API."""

    def settings(self, region: str, name: str) -> Settings:
        """Return a repository's settings; raises AwsError RepositoryNotFoundException."""


class Images:
    """Pushes, finds and describes images."""

    def __init__(self, repositories: Repositories, catalogue: Catalogue, blobs: BlobStore, clock: Clock) -> None:
        self.repositories, self.catalogue, self.blobs = repositories, catalogue, blobs
        self._clock = clock

    def put(
        self, where: Settings, content: bytes, media_type: str | None, tag: str | None, digest: str | None = None
    ) -> Image:
        """Add an image; raises AwsError as PutImage does."""
        if digest and digest != digest_of(content):  # first: content that came damaged need not be a manifest
            raise refusals.digest_differs(digest, digest_of(content))
        manifest = parse_manifest(content, media_type)
        if tag is not None and not is_tag(tag):
            raise AwsError("InvalidParameterException", f"Invalid parameter at 'imageTag': '{tag}' is no tag")
        now = self._clock.now().timestamp()
        image = self.catalogue.put(where, manifest, tag, now)
        if where.scan_on_push and image.scanned_at is None and not manifest.children:
            with self.catalogue.changing():
                image.scanned_at = now
        return image

    def get(self, where: Settings, image_id: Mapping[str, Any]) -> Image:
        """Return an image; raises AwsError ImageNotFoundException."""
        image = self.catalogue.content(where).find(image_id)
        if image is None:
            raise refusals.no_image(image_id, where.name, where.registry)
        return image

    def pull(self, where: Settings, image_id: Mapping[str, Any]) -> Image:
        """Return an image and note that it was pulled."""
        image = self.get(where, image_id)
        image.pulled_at = self._clock.now().timestamp()
        return image

    def scan(self, where: Settings, image_id: Mapping[str, Any]) -> Image:
        """Scan an image now; raises AwsError. A second time within a day, a scan on push counted, is refused."""
        image = self.get(where, image_id)
        if image.manifest.children:
            kind = image.manifest.media_type
            raise AwsError("UnsupportedImageTypeException", f"Images of media type {kind} cannot be scanned.")
        now = self._clock.now().timestamp()
        if image.scanned_at is not None and now < image.scanned_at + _BETWEEN_SCANS_S:
            raise refusals.scanned_already()
        with self.catalogue.changing():
            image.scanned_at = now
        return image

    def scan_status(self, image: Image) -> dict[str, str] | None:
        """Return an image's scan status, None when it was not scanned."""
        return None if image.scanned_at is None else scanning.scan_status(image.manifest, self.blobs)

    def begin_upload(self) -> str:
        """Start a layer upload."""
        return self.blobs.begin()

    def extend_upload(self, where: Settings, upload_id: str, chunks: Iterable[bytes]) -> int:
        """Append to an upload; return its size now in bytes. Raises AwsError UploadNotFoundException."""
        try:
            return self.blobs.extend(upload_id, chunks)
        except KeyError as exc:
            raise refusals.no_upload(upload_id, where.name, where.registry) from exc

    def finish_upload(self, where: Settings, upload_id: str, digest: str) -> int:
        """Make an upload a layer of the repository; return its size in bytes. Raises AwsError."""
        try:
            size = self.blobs.finish(upload_id, digest) if is_digest(digest) else None
        except KeyError as exc:
            raise refusals.no_upload(upload_id, where.name, where.registry) from exc
        if size is None:
            raise refusals.layer_invalid(digest)
        self.catalogue.link(where, digest, size)
        return size

    def layer_bytes(self, where: Settings, digest: str) -> int:
        """Return a layer's size; raises AwsError LayersNotFoundException when the repository does not have it."""
        size = self.catalogue.content(where).layers.get(digest)
        if size is None:
            raise refusals.no_layer(digest, where.name, where.registry)
        return size
