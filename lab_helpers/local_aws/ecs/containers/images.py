"""Image names and pulling: from the local AWS's ECR with the execution role, or the names of public images.

Source: reasons as ECS words them ("CannotPullContainer task errors" and "Stopped task error messages" in the ECS
developer guide, public issue threads).
Not modelled: pulling public images; their names stand for runtimes.
"""

from __future__ import annotations

import glob
import hashlib
import io
import logging
import re
import shutil
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import ClientError

from lab_helpers.base import nested_json, paths
from lab_helpers.base.bounded import BoundedReader, TooLargeError
from lab_helpers.firelens import stock
from lab_helpers.local_aws.ecs.containers.unpacking import LayerError, LayerLimits, unpack

log = logging.getLogger(__name__)

_ECR_HOST = re.compile(r"^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com$")
MANIFEST_TYPES = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
]
MOST_LAYERS = 127
"""Source: Docker's "max depth exceeded"."""
MOST_INDEXES = 3
MOST_LAYER_BYTES, MOST_CONFIG_BYTES = 8 << 30, 4 << 20
_UNPACK = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to pull and unpack image:"
BASE_NAME = "org.opencontainers.image.base.name"
"""Label that names what an image was made from. Source: OCI image specification, annotations."""
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

    @property
    def run_config(self) -> Mapping[str, Any]:
        """What the image says of how it is run: Entrypoint, Cmd, Env, WorkingDir, Labels."""
        found: Mapping[str, Any] = self.config.get("config") or {}
        return found

    def command(self, entry_point: Sequence[str], command: Sequence[str]) -> list[str]:
        """Return what a container of it starts with; an entry point of the definition's drops the image's CMD, too.

        Source: "entryPoint" and "command" in the ECS API reference, as in docker.
        """
        if entry_point:
            return [*entry_point, *command]
        return [*(self.run_config.get("Entrypoint") or ()), *(command or self.run_config.get("Cmd") or ())]

    def path(self, inside: str) -> Path | None:
        """Return where the file `inside` the image is unpacked, or None: the image does not have it."""
        return next(iter(self.paths(inside)), None)

    def paths(self, inside: str) -> list[Path]:
        """Return the files that a path or a pattern `inside` the image names, in order of their names."""
        if self.rootfs is None:
            return []
        plain = paths.below(self.rootfs, inside)
        if plain.exists():
            return [plain]
        found = [paths.below(self.rootfs, each) for each in glob.glob(inside.lstrip("/"), root_dir=self.rootfs)]
        return sorted(each for each in found if each.exists())


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
    """Tell whether the image lies in this AWS's ECR; `endpoint_host` is "127.0.0.1:PORT".

    AWS's own registry of the FireLens image is as public as its other names.
    """
    if ref.host.startswith(f"{stock.REGISTRY_ACCOUNT}.") and ref.name == stock.IMAGE_NAME:
        return False
    return ref.host == endpoint_host or bool(_ECR_HOST.match(ref.host))


def pull(ecr: Any, ref: ImageRef, folder: Path, limits: LayerLimits | None = None) -> Image:
    """Pull `ref` with the client `ecr` and unpack it to `folder`/rootfs; raises PullError as AWS words it."""
    _authorise(ecr)
    digest, manifest = _manifest(ecr, ref)
    layers, config_digest = _parts(manifest)
    rootfs = folder / "rootfs"
    shutil.rmtree(rootfs, ignore_errors=True)
    rootfs.mkdir(parents=True)
    left = limits or LayerLimits()
    for layer in layers:
        left = _unpack(ecr, ref, layer, folder, left)
    return Image(ref, digest, layers, rootfs, _config(ecr, ref, config_digest) if config_digest else {})


def _parts(manifest: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return the digests of a manifest's layers, and of its configuration ("" for none)."""
    try:
        layers = tuple(str(layer["digest"]) for layer in manifest.get("layers") or ())
        config = str((manifest.get("config") or {}).get("digest") or "")
    except (AttributeError, KeyError, TypeError) as exc:
        raise PullError(f"{_UNPACK} the manifest is malformed: {exc!r}") from exc
    if len(layers) > MOST_LAYERS:
        raise PullError(f"{_UNPACK} max depth exceeded: {len(layers)} layers")
    return layers, config


def _unpack(ecr: Any, ref: ImageRef, digest: str, folder: Path, limits: LayerLimits) -> LayerLimits:
    packed = folder / "layer"
    try:
        _fetch(ecr, ref, digest, packed)
        return unpack(packed, folder / "rootfs", limits)
    except LayerError as exc:
        raise PullError(f"{_UNPACK} failed to extract layer {digest}: {exc}: unknown") from exc
    finally:
        packed.unlink(missing_ok=True)


def _config(ecr: Any, ref: ImageRef, digest: str) -> Mapping[str, Any]:
    with io.BytesIO() as target:
        _copy(ecr, ref, digest, target, MOST_CONFIG_BYTES)
        content = target.getvalue()
    try:
        config = nested_json.loads(content)
    except ValueError as exc:
        raise PullError(f"{_UNPACK} failed to read the configuration {digest}: {exc}: unknown") from exc
    if not isinstance(config, dict):
        raise PullError(f"{_UNPACK} failed to read the configuration {digest}: it is no object: unknown")
    return config


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
    for _ in range(MOST_INDEXES):
        digest, manifest = _one_manifest(ecr, ref, wanted)
        if "manifests" not in manifest:
            return digest, manifest
        wanted = {"imageDigest": _platform_digest(manifest["manifests"])}
    raise PullError(f"{_UNPACK} the manifest is malformed: an index of indexes of indexes")


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
    try:
        manifest = nested_json.loads(text)
    except ValueError as exc:
        raise PullError(f"{_UNPACK} the manifest is malformed: {exc}") from exc
    if not isinstance(manifest, dict):
        raise PullError(f"{_UNPACK} the manifest is malformed: it is no object")
    return digest, manifest


def _platform_digest(manifests: list[dict[str, Any]]) -> str:
    try:
        linux = [each for each in manifests if each.get("platform", {}).get("architecture") == "amd64"]
        return str((linux or manifests)[0]["digest"])
    except (AttributeError, IndexError, KeyError, TypeError) as exc:
        raise PullError(f"{_UNPACK} the manifest is malformed: {exc!r}") from exc


def _fetch(ecr: Any, ref: ImageRef, digest: str, target: Path) -> None:
    with target.open("wb") as written:
        _copy(ecr, ref, digest, written, MOST_LAYER_BYTES)


def _copy(ecr: Any, ref: ImageRef, digest: str, target: IO[bytes], most_bytes: int) -> None:
    try:
        url = ecr.get_download_url_for_layer(repositoryName=ref.repository, layerDigest=digest)["downloadUrl"]
        with _OPENER.open(url, timeout=60) as answer:
            shutil.copyfileobj(BoundedReader(answer, most_bytes), target)
    except TooLargeError as exc:
        raise PullError(f"{_UNPACK} failed to copy {digest}: it has {exc}: unknown") from exc
    except (ClientError, OSError) as exc:
        raise PullError(
            f"CannotPullContainerError: copy image has been retried 1 time(s): failed to copy: httpReadSeeker: failed "
            f"open: failed to do request for {digest} of {ref}: {_sentence(exc)}"
        ) from exc


def _sentence(exc: Exception) -> str:
    if isinstance(exc, ClientError):
        error, status = exc.response["Error"], exc.response["ResponseMetadata"].get("HTTPStatusCode", 400)
        return f"{error['Code']}: {error['Message']} status code: {status}"
    return str(exc)
