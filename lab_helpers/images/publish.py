"""Build an image and push it to ECR: with a container engine where one answers, else with the built-in builder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers.errors import SettingsError
from lab_helpers.images.builder import build
from lab_helpers.images.engines import ENGINES, Engine, find_engine
from lab_helpers.images.registry import RegistryClient, log_in

_LOG = logging.getLogger(__name__)
BUILTIN = "builtin"
BUILDERS = ("auto", *ENGINES, BUILTIN)


@dataclass(frozen=True)
class PublishedImage:
    """What was pushed: the manifest's digest, the name to pull it by, and who built it."""

    digest: str
    uri: str
    builder: str


def publish(
    context_dir: Path,
    dockerfile: str,
    repository_url: str,
    tag: str,
    ecr_client: Any,
    builder: str = "auto",
    build_args: Mapping[str, str] | None = None,
    architecture: str = "amd64",
) -> PublishedImage:
    """Build `dockerfile` (relative to `context_dir`) and push it as `repository_url`:`tag`.

    `builder` "auto" takes docker, podman or buildah, whichever answers first, else "builtin". Raises ImageError
    (with file and line for a wrong Dockerfile), SettingsError for an unknown builder, botocore's ClientError when
    ECR gives no token.
    """
    engine = _engine(builder)
    repository = repository_url.partition("/")[2]
    reference = f"{repository_url}:{tag}"
    image = None
    if engine is None:
        image = build(context_dir, dockerfile, build_args, architecture)
    else:
        engine.build(context_dir, dockerfile, reference, build_args or {}, architecture)
    login = log_in(ecr_client, repository_url)
    with RegistryClient(login, repository) as registry:
        if image is not None:
            digest = registry.push(image, tag)
        elif engine is not None:
            engine.push(reference, login)
            digest = registry.digest(tag)
    used = engine.name if engine else BUILTIN
    _LOG.info("%s built and pushed by %s: %s", reference, used, digest)
    return PublishedImage(digest, reference, used)


def _engine(builder: str) -> Engine | None:
    if builder not in BUILDERS:
        raise SettingsError("builder", builder, "one of " + ", ".join(BUILDERS))
    if builder == BUILTIN:
        return None
    return find_engine() if builder == "auto" else Engine(builder)
