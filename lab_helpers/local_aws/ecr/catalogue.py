"""Which images, tags and layers each repository has: in memory, and kept at each change."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from lab_helpers.local_aws.ecr import refusals
from lab_helpers.local_aws.ecr.manifest import Manifest
from lab_helpers.local_aws.kit.service import Kept, NothingKept

_KEPT = "repositories"


@dataclass(frozen=True)
class Settings:
    """What moto keeps of a repository and pushing must heed."""

    region: str
    name: str
    registry: str
    mutability: str = "MUTABLE"
    exceptions: tuple[str, ...] = ()
    scan_on_push: bool = False

    def is_immutable(self, tag: str) -> bool:
        """Whether a tag, once set, stays; exclusion filters turn the repository's own setting round."""
        immutable = self.mutability.startswith("IMMUTABLE")
        return immutable != any(fnmatchcase(tag, pattern) for pattern in self.exceptions)


@dataclass
class Image:
    """One image; `pushed_at`, `scanned_at` and `pulled_at` in epoch seconds."""

    manifest: Manifest
    pushed_at: float
    scanned_at: float | None = None
    pulled_at: float | None = None


@dataclass
class Content:
    """One repository's content; `layers` maps digests to sizes in bytes."""

    images: dict[str, Image] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    layers: dict[str, int] = field(default_factory=dict)

    def tags_of(self, digest: str) -> list[str]:
        """Return an image's tags, sorted."""
        return sorted(tag for tag, tagged in self.tags.items() if tagged == digest)

    def find(self, image_id: Mapping[str, Any]) -> Image | None:
        """Return the image of a digest, a tag, or both if they agree."""
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        if tag and digest and self.tags.get(tag) != digest:
            return None
        return self.images.get(digest or self.tags.get(tag or "", ""))

    def parents_of(self, digest: str) -> list[str]:
        """Return the indexes that name an image."""
        return [name for name, image in self.images.items() if digest in image.manifest.children]


class Catalogue:
    """All repositories' content; every method is atomic."""

    def __init__(self, kept: Kept | None = None) -> None:
        self._lock = threading.RLock()
        self._kept = kept or NothingKept()
        self._content: dict[tuple[str, str], Content] = self._kept.load(_KEPT) or {}

    def content(self, where: Settings) -> Content:
        """Return a repository's content, to be read."""
        with self._lock:
            return self._content.setdefault((where.region, where.name), Content())

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change content; it is kept when this ends."""
        with self._lock:
            yield
            self._kept.save(_KEPT, self._content)

    def linked(self) -> set[str]:
        """Return the blobs that some repository links."""
        with self._lock:
            return self._linked()

    def forget(self, region: str, name: str) -> set[str]:
        """Drop a repository; return the blobs that no other one links."""
        with self.changing():
            gone = self._content.pop((region, name), Content())
            return set(gone.layers) - self._linked()

    def link(self, where: Settings, digest: str, size_bytes: int) -> None:
        """Let a repository see a blob."""
        with self.changing():
            self.content(where).layers[digest] = size_bytes

    def mount(self, where: Settings, source: Settings, digest: str) -> bool:
        """Let a repository see another one's blob; return whether the other one has it."""
        with self._lock:
            size_bytes = self.content(source).layers.get(digest)
            if size_bytes is not None:
                self.link(where, digest, size_bytes)
            return size_bytes is not None

    def put(self, where: Settings, manifest: Manifest, tag: str | None, now: float) -> Image:
        """Add an image or move a tag to it; raises AwsError as PutImage does."""
        with self.changing():
            content = self.content(where)
            _check_needs(where, content, manifest)
            known = content.images.get(manifest.digest)
            if known and (tag is None or content.tags.get(tag) == manifest.digest):
                raise refusals.image_exists(manifest.digest, tag, where.name, where.registry)
            if tag is not None and tag in content.tags and where.is_immutable(tag):
                raise refusals.tag_is_immutable(tag, where.name)
            image = content.images.setdefault(manifest.digest, Image(manifest, now))
            if tag is not None:
                content.tags[tag] = manifest.digest
            return image

    def remove(self, where: Settings, image_id: Mapping[str, Any]) -> list[dict[str, str]] | str:
        """Remove a tag (and its image with the last one) or an image; return what went, or ECR's failure code."""
        with self.changing():
            content = self.content(where)
            image, tag = content.find(image_id), image_id.get("imageTag")
            if image is None:
                return "ImageNotFound"
            digest = image.manifest.digest
            tags = [tag] if tag else content.tags_of(digest)
            if set(content.tags_of(digest)) <= set(tags) and content.parents_of(digest):
                return "ImageReferencedByManifestList"
            for gone in tags:
                del content.tags[gone]
            if not content.tags_of(digest):
                del content.images[digest]
            return [{"imageDigest": digest, "imageTag": gone} for gone in tags] or [{"imageDigest": digest}]

    def figures(self) -> dict[str, dict[str, int]]:
        """Return images, tags and bytes by region and repository."""
        with self._lock:
            return {
                f"{region}/{name}": {
                    "images": len(content.images),
                    "tags": len(content.tags),
                    "layer_bytes": sum(content.layers.values()),
                }
                for (region, name), content in self._content.items()
            }

    def _linked(self) -> set[str]:
        return {digest for content in self._content.values() for digest in content.layers}


def _check_needs(where: Settings, content: Content, manifest: Manifest) -> None:
    missing = [digest for digest in manifest.blobs if digest not in content.layers]
    if missing:
        raise refusals.no_layers(missing, where.name, where.registry)
    absent = [digest for digest in manifest.children if digest not in content.images]
    if absent:
        raise refusals.no_referenced_images(absent, where.name, where.registry)
