"""The built-in builder: a valid OCI image from a Dockerfile, without a container engine.

The base image is not fetched: the image holds what COPY puts there, and names its base in the label and annotation
`org.opencontainers.image.base.name`. On the local AWS the log router is a program of this machine, so the base's files
are not needed there; for a real account build with docker, podman or buildah.
Source: OCI image specification 1.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers.base.errors import ImageError
from lab_helpers.images.dockerfile import Recipe, parse_dockerfile
from lab_helpers.images.ignore import read_ignore_rules
from lab_helpers.images.layers import BuildContext, Layer, build_layer

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
BASE_NAME = "org.opencontainers.image.base.name"
_CREATED = "1970-01-01T00:00:00Z"
"""Not the time of the build: the same content must give the same digest."""


@dataclass(frozen=True)
class BuiltImage:
    """An image in memory: its manifest, and its blobs by digest."""

    manifest: bytes
    digest: str
    blobs: Mapping[str, bytes]


def build(
    context_dir: Path, dockerfile: str, build_args: Mapping[str, str] | None = None, architecture: str = "amd64"
) -> BuiltImage:
    """Build an image; `dockerfile` is relative to the context. Raises ImageError, naming file and line."""
    path = context_dir / dockerfile
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise ImageError(f"The Dockerfile {path} cannot be read: {exc}.") from exc
    recipe = parse_dockerfile(text, dockerfile, build_args)
    context = BuildContext(context_dir, dockerfile, read_ignore_rules(context_dir, dockerfile))
    layers = [build_layer(copy, context) for copy in recipe.copies]
    config = _encode(_config(recipe, layers, architecture))
    manifest = _encode(_manifest(recipe, layers, config))
    blobs = {layer.digest: layer.content for layer in layers} | {_digest(config): config}
    return BuiltImage(manifest, _digest(manifest), blobs)


def _config(recipe: Recipe, layers: list[Layer], architecture: str) -> dict[str, Any]:
    return {
        "created": _CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {key: value for key, value in _run_config(recipe).items() if value},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": _CREATED, "created_by": layer.created_by} for layer in layers],
    }


def _run_config(recipe: Recipe) -> dict[str, Any]:
    return {
        "Env": [f"{name}={value}" for name, value in recipe.environment.items()],
        "Entrypoint": recipe.entrypoint,
        "Cmd": recipe.command,
        "WorkingDir": recipe.working_dir,
        "User": recipe.user,
        "ExposedPorts": {port: {} for port in recipe.ports},
        "Labels": {**recipe.labels, **_base(recipe)},
    }


def _manifest(recipe: Recipe, layers: list[Layer], config: bytes) -> dict[str, Any]:
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, "digest": _digest(config), "size": len(config)},
        "layers": [{"mediaType": LAYER_TYPE, "digest": layer.digest, "size": len(layer.content)} for layer in layers],
    }
    return {**manifest, "annotations": _base(recipe)} if recipe.base else manifest


def _base(recipe: Recipe) -> dict[str, str]:
    return {BASE_NAME: recipe.base} if recipe.base else {}


def _encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
