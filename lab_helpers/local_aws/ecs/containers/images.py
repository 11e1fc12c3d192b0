"""Image names and pulling: from the local AWS's ECR with the execution role, or the names of public images.

Source: reasons as ECS words them ("CannotPullContainer task errors" and "Stopped task error messages" in the ECS
developer guide, public issue threads).
Not modelled: pulling public images; their names stand for runtimes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import logging
import re
import shutil
import tarfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zstandard
from botocore.exceptions import ClientError

log = logging.getLogger(__name__)

_ECR_HOST = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$")
MANIFEST_TYPES = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Layers come from loopback, whatever HTTP_PROXY says."""


class PullError(Exception):
    """An image could not be pulled; the text is the task's stoppedReason."""


@dataclass(frozen=True)
class ImageRef:
    """An image's name in parts; `tag` is "latest" when none is given, `digest` "" unless given."""

    host: str
    repository: str
    tag: str = "latest"
    digest: str = ""

    @property
    def name(self) -> str:
        """The last part of the repository: httpd of docker.io/library/httpd."""
        return self.repository.rsplit("/", 1)[-1]

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}" + (f"@{self.digest}" if self.digest else f":{self.tag}")


@dataclass(frozen=True)
class Image:
    """A pulled image; `rootfs` holds its unpacked layers, which `layers` names. Public images have neither."""

    ref: ImageRef
    digest: str = ""
    layers: tuple[str, ...] = ()
    rootfs: Path | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    def path(self, inside: str) -> Path | None:
        """Return where the file `inside` the image is unpacked, or None: the image does not have it."""
        return next(iter(self.paths(inside)), None)

    def paths(self, inside: str) -> list[Path]:
        """Return the files that a path or a pattern `inside` the image names, in order of their names."""
        if self.rootfs is None:
            return []
        plain = self.rootfs / inside.lstrip("/")
        return [plain] if plain.exists() else sorted(self.rootfs.glob(inside.lstrip("/")))


def parse_image(text: str) -> ImageRef:
    """Split an image's name as Docker does: a first part with a dot, a colon or "localhost" is a host."""
    rest, _, digest = text.partition("@")
    head, slash, tail = rest.partition("/")
    has_host = bool(slash) and (("." in head) or (":" in head) or head == "localhost")
    host, path = (head, tail) if has_host else ("docker.io", rest)
    repository, _, tag = path.partition(":")
    if host == "docker.io" and "/" not in repository:
        repository = f"library/{repository}"
    return ImageRef(host, repository, tag or "latest", digest)


def is_ecr(ref: ImageRef, endpoint_host: str) -> bool:
    """Tell whether the image lies in this AWS's ECR; `endpoint_host` is "127.0.0.1:PORT"."""
    return ref.host == endpoint_host or bool(_ECR_HOST.match(ref.host))


def pull(ecr: Any, ref: ImageRef, folder: Path) -> Image:
    """Pull `ref` with the client `ecr` and unpack it to `folder`/rootfs; raises PullError as AWS words it."""
    _authorise(ecr)
    digest, manifest = _manifest(ecr, ref)
    layers = tuple(layer["digest"] for layer in manifest.get("layers", []))
    rootfs = folder / "rootfs"
    shutil.rmtree(rootfs, ignore_errors=True)
    rootfs.mkdir(parents=True)
    for layer in layers:
        unpack(_blob(ecr, ref, layer), rootfs)
    config = json.loads(_blob(ecr, ref, manifest["config"]["digest"])) if manifest.get("config") else {}
    return Image(ref, digest, layers, rootfs, config)


def unpack(layer: bytes, rootfs: Path) -> None:
    """Unpack one layer (tar; plain, gzip or zstd) over `rootfs`, with its deletions (".wh." files)."""
    with tarfile.open(fileobj=io.BytesIO(_uncompressed(layer))) as archive:
        for member in archive:
            name = Path(member.name).name
            if name.startswith(".wh."):
                _white_out(rootfs / Path(member.name).parent, name)
            elif member.isfile() or member.isdir() or member.issym() or member.islnk():
                archive.extract(member, rootfs, filter=_inside)


def _inside(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo | None:
    try:
        return tarfile.data_filter(member, folder)
    except (tarfile.AbsoluteLinkError, tarfile.LinkOutsideDestinationError):
        return None  # links to /bin and the like lead nowhere here: nothing runs inside the image


def _white_out(folder: Path, name: str) -> None:
    targets = list(folder.glob("*")) if name == ".wh..wh..opq" else [folder / name.removeprefix(".wh.")]
    for target in targets:
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def _uncompressed(layer: bytes) -> bytes:
    if layer.startswith(_GZIP_MAGIC):
        return gzip.decompress(layer)
    if layer.startswith(_ZSTD_MAGIC):
        return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(layer)).read()
    return layer


def _authorise(ecr: Any) -> None:
    try:
        ecr.get_authorization_token()
    except ClientError as exc:
        raise PullError(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            "failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): " + _sentence(exc)
        ) from exc


def _manifest(ecr: Any, ref: ImageRef) -> tuple[str, dict[str, Any]]:
    wanted = {"imageDigest": ref.digest} if ref.digest else {"imageTag": ref.tag}
    while True:
        digest, manifest = _one_manifest(ecr, ref, wanted)
        if "manifests" not in manifest:
            return digest, manifest
        wanted = {"imageDigest": _platform_digest(manifest["manifests"])}


def _one_manifest(ecr: Any, ref: ImageRef, wanted: dict[str, str]) -> tuple[str, dict[str, Any]]:
    head = f"CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {ref}:"
    try:
        answer = ecr.batch_get_image(
            repositoryName=ref.repository, imageIds=[wanted], acceptedMediaTypes=MANIFEST_TYPES
        )
    except ClientError as exc:
        if exc.response["Error"]["Code"] == "RepositoryNotFoundException":
            raise PullError(f"{head} {ref}: not found") from exc
        what = wanted.get("imageTag") or wanted["imageDigest"]
        raise PullError(
            f"{head} pulling from host {ref.host} failed with status code [manifests {what}]: 403 Forbidden"
        ) from exc
    if not answer.get("images"):
        raise PullError(f"{head} {ref}: not found")
    image = answer["images"][0]
    text = image["imageManifest"]
    digest = image.get("imageId", {}).get("imageDigest") or "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return digest, json.loads(text)


def _platform_digest(manifests: list[dict[str, Any]]) -> str:
    linux = [each for each in manifests if each.get("platform", {}).get("architecture") == "amd64"]
    return str((linux or manifests)[0]["digest"])


def _blob(ecr: Any, ref: ImageRef, digest: str) -> bytes:
    try:
        url = ecr.get_download_url_for_layer(repositoryName=ref.repository, layerDigest=digest)["downloadUrl"]
        with _OPENER.open(url, timeout=60) as answer:
            data = bytes(answer.read())
    except (ClientError, OSError) as exc:
        raise PullError(
            f"CannotPullContainerError: copy image has been retried 1 time(s): failed to copy: httpReadSeeker: failed "
            f"open: failed to do request for {digest} of {ref}: {_sentence(exc)}"
        ) from exc
    return data


def _sentence(exc: Exception) -> str:
    if isinstance(exc, ClientError):
        error, status = exc.response["Error"], exc.response["ResponseMetadata"].get("HTTPStatusCode", 400)
        return f"{error['Code']}: {error['Message']} status code: {status}"
    return str(exc)
