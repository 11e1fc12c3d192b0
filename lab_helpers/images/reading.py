"""Looking into an image in ECR, by the ECR API alone: configuration, layers, files.

Whiteouts of the OCI layer format are respected. Layers above `LAYER_BYTES` (a base image's) are named, not unpacked.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import urllib3

from lab_helpers.base import extras
from lab_helpers.base.bounded import BoundedReader, TooLargeError
from lab_helpers.base.errors import ImageError

LAYER_BYTES = 32 * 1024 * 1024
UNPACKED_BYTES = 2048 * 1024 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


@dataclass(frozen=True)
class ImageFile:
    """One file of an image: absolute path, size in bytes, permission bits, number of its layer from 0."""

    path: str
    size_bytes: int
    mode: int
    layer: int


@dataclass(frozen=True)
class ImageLayer:
    """One layer; `unpacked` is False for one that was too large to look into."""

    digest: str
    size_bytes: int
    created_by: str
    unpacked: bool


@dataclass(frozen=True)
class ImageContent:
    """What an image is made of; `base` is what its annotations name as base image."""

    digest: str
    architecture: str
    base: str | None
    config: Mapping[str, Any]
    layers: tuple[ImageLayer, ...]
    files: tuple[ImageFile, ...]


def inspect(ecr_client: Any, repository: str, tag: str, architecture: str = "amd64") -> ImageContent:
    """Return what is in an image; raises ImageError when it is not there."""
    digest, manifest = _manifest(ecr_client, repository, {"imageTag": tag}, architecture)
    config = json.loads(_blob(ecr_client, repository, manifest["config"]["digest"]))
    commands = [item.get("created_by", "") for item in config.get("history", []) if not item.get("empty_layer")]
    layers, files = [], dict[str, ImageFile]()
    for number, item in enumerate(manifest["layers"]):
        unpacked = item["size"] <= LAYER_BYTES
        created_by = commands[number] if number < len(commands) else ""
        layers.append(ImageLayer(item["digest"], item["size"], created_by, unpacked))
        if unpacked:
            _overlay(files, _blob(ecr_client, repository, item["digest"]), number)
    base = manifest.get("annotations", {}).get("org.opencontainers.image.base.name")
    found = tuple(files[path] for path in sorted(files))
    return ImageContent(digest, config.get("architecture", ""), base, config.get("config", {}), tuple(layers), found)


def read_file(ecr_client: Any, repository: str, tag: str, path: str, architecture: str = "amd64") -> bytes:
    """Return a file out of an image; raises ImageError when image or file is not there."""
    _, manifest = _manifest(ecr_client, repository, {"imageTag": tag}, architecture)
    wanted = path.strip("/")
    for item in reversed(manifest["layers"]):
        with _opened(_blob(ecr_client, repository, item["digest"])) as archive:
            for member in archive:
                name = _name(member)
                if name == wanted and member.isfile():
                    source = archive.extractfile(member)
                    return source.read() if source else b""
                if _hides(name, wanted):
                    raise ImageError(f"{repository}:{tag} has no file {path}: a later layer removes it.")
    raise ImageError(f"{repository}:{tag} has no file {path}. `inspect` lists what it has.")


def _manifest(
    ecr_client: Any, repository: str, image_id: dict[str, str], architecture: str
) -> tuple[str, dict[str, Any]]:
    answer = ecr_client.batch_get_image(repositoryName=repository, imageIds=[image_id])
    if not answer["images"]:
        name = image_id.get("imageTag") or image_id.get("imageDigest")
        raise ImageError(f"There is no image {repository}:{name} in ECR. terraform apply builds and pushes it.")
    image = answer["images"][0]
    manifest: dict[str, Any] = json.loads(image["imageManifest"])
    for child in manifest.get("manifests", []):
        if child.get("platform", {}).get("architecture") == architecture:
            return _manifest(ecr_client, repository, {"imageDigest": child["digest"]}, architecture)
    if "layers" not in manifest:
        raise ImageError(f"{repository} has no image for {architecture}.")
    return image["imageId"]["imageDigest"], manifest


def _blob(ecr_client: Any, repository: str, digest: str) -> bytes:
    answer = ecr_client.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    with urllib3.PoolManager(timeout=urllib3.Timeout(connect=10, read=120)) as http:
        got = http.request("GET", answer["downloadUrl"])
    if got.status != 200:
        raise ImageError(f"{repository}: layer {digest} cannot be fetched (HTTP {got.status}).")
    return got.data


def _overlay(files: dict[str, ImageFile], layer: bytes, number: int) -> None:
    with _opened(layer) as archive:
        for member in archive:
            name = _name(member)
            for hidden in [path for path in files if files[path].layer < number and _hides(name, path.lstrip("/"))]:
                del files[hidden]
            if not member.isdir() and _WHITEOUT not in name:
                files[f"/{name}"] = ImageFile(f"/{name}", member.size, member.mode, number)


@contextmanager
def _opened(layer: bytes) -> Iterator[tarfile.TarFile]:
    try:
        stream: Any = BoundedReader(_plain(layer), UNPACKED_BYTES)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            yield archive
    except _of_a_broken(layer) as exc:
        raise ImageError(f"A layer cannot be unpacked: {exc}.") from exc


def _plain(layer: bytes) -> Any:
    packed = io.BytesIO(layer)
    if layer.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=packed)
    if layer.startswith(_ZSTD_MAGIC):
        return extras.loaded("zstandard").ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    return packed


def _of_a_broken(layer: bytes) -> tuple[type[Exception], ...]:
    usual = tarfile.TarError, TooLargeError, OSError, EOFError, zlib.error
    return (*usual, extras.loaded("zstandard").ZstdError) if layer.startswith(_ZSTD_MAGIC) else usual


def _name(member: tarfile.TarInfo) -> str:
    return member.name.removeprefix("./").strip("/")


def _hides(entry: str, path: str) -> bool:
    """Whether a layer's entry takes a path of lower layers away."""
    at = PurePosixPath(entry)
    if at.name == _OPAQUE:
        return PurePosixPath(path).is_relative_to(at.parent)
    if not at.name.startswith(_WHITEOUT):
        return False
    return PurePosixPath(path).is_relative_to(at.parent / at.name.removeprefix(_WHITEOUT))
