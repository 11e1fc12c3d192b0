"""Image manifests: what one says about itself and what it needs. Source: OCI image and distribution specifications."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from lab_helpers.base import nested_json
from lab_helpers.local_aws.kit.api import AwsError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MEDIA_TYPES = frozenset({OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST})
NO_MEDIA_TYPE = "image manifest mediatype not provided in manifest or parameter"
"""Source: imageManifestMediaType of PutImage; the words are those that moto's authors collected."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True)
class Manifest:
    """A manifest's bytes and what they say; sizes in bytes, `children` are the images of an index."""

    content: bytes
    digest: str
    media_type: str
    blobs: tuple[str, ...]
    layers: tuple[str, ...]
    children: tuple[str, ...]
    size_bytes: int
    config_media_type: str | None


def parse_manifest(content: bytes, media_type: str | None) -> Manifest:
    """Read a manifest; raises AwsError (InvalidParameterException) for what is none."""
    try:
        parsed = nested_json.loads(content)
        kind = _media_type(parsed, media_type)
        config, layers = parsed.get("config"), parsed.get("layers", [])
        needed = ([config] if config else []) + layers
        return Manifest(
            content=content,
            digest=digest_of(content),
            media_type=kind,
            blobs=tuple(item["digest"] for item in needed),
            layers=tuple(item["digest"] for item in layers),
            children=tuple(item["digest"] for item in parsed.get("manifests", [])),
            size_bytes=sum(int(item["size"]) for item in needed),
            config_media_type=config["mediaType"] if config else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise _invalid("Invalid JSON syntax" if isinstance(exc, json.JSONDecodeError) else str(exc)) from exc


def digest_of(content: bytes) -> str:
    """Return content's digest, "sha256:…"."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether `text` is a sha256 digest."""
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether `text` may be an image tag."""
    return _TAG.fullmatch(text) is not None


def _media_type(parsed: Any, given: str | None) -> str:
    kind = parsed.get("mediaType") or given
    if not kind:
        raise AwsError("InvalidParameterException", NO_MEDIA_TYPE)
    if kind not in MEDIA_TYPES:
        raise ValueError(f"unsupported manifest media type {kind}")
    return str(kind)


def _invalid(why: str) -> AwsError:
    return AwsError(
        "InvalidParameterException", f"Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{why}'"
    )
