"""Build an image and push it to ECR: with a container engine where one answers, else with the built-in builder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_helpers.base.errors import ImageError, SettingsError
from lab_helpers.images.builder import build
from lab_helpers.images.engines import ENGINES, Engine, find_engine
from lab_helpers.images.registry import Login, RegistryClient, log_in

_LOG = logging.getLogger(__name__)
BUILTIN = "builtin"
BUILDERS = ("auto", *ENGINES, BUILTIN)


@dataclass(frozen=True)
class PublishedImage:
    """What was pushed: the manifest's digest, the name to pull it by, and who built it."""

    digest: str
    uri: str
    builder: str


@dataclass(frozen=True)
class _Job:
    context_dir: Path
    dockerfile: str
    repository_url: str
    tag: str
    build_args: Mapping[str, str]
    architecture: str

    @property
    def reference(self) -> str:
        return f"{self.repository_url}:{self.tag}"

    @property
    def repository(self) -> str:
        return self.repository_url.partition("/")[2]


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

    `builder` "auto" takes docker, podman or buildah, whichever answers first. On the local AWS, where the base image's
    files are not needed, it takes "builtin" when there is none, or when it fails (no network for the base image, an
    engine that cannot reach this machine's loopback). Raises ImageError (with file and line for a wrong Dockerfile),
    SettingsError for an unknown builder, botocore's ClientError when ECR gives no token.
    """
    if builder not in BUILDERS:
        raise SettingsError("builder", builder, "one of " + ", ".join(BUILDERS))
    job = _Job(context_dir, dockerfile, repository_url, tag, build_args or {}, architecture)
    login = log_in(ecr_client, repository_url)
    published = _publish(job, login, builder)
    _LOG.info("%s built and pushed by %s: %s", published.uri, published.builder, published.digest)
    return published


def _publish(job: _Job, login: Login, builder: str) -> PublishedImage:
    if builder == BUILTIN:
        return _with_builtin(job, login)
    engine = find_engine() if builder == "auto" else Engine(builder)
    if engine is None:
        return _without_engine(job, login)
    try:
        return _with_engine(job, login, engine)
    except ImageError as failure:
        if builder != "auto" or not login.is_local:
            raise
        return _instead_of(engine, failure, job, login)


def _without_engine(job: _Job, login: Login) -> PublishedImage:
    if login.is_local:
        return _with_builtin(job, login)
    raise ImageError(
        f"No container engine answers ({', '.join(ENGINES)}), and the built-in builder does not fetch base images: on "
        "an account its image could not run. Install or start one of them, or ask for the builder `builtin` by name."
    )


def _instead_of(engine: Engine, failure: ImageError, job: _Job, login: Login) -> PublishedImage:
    try:
        published = _with_builtin(job, login)
    except ImageError:
        raise failure from None  # the Dockerfile needs an engine: what that one said is what helps
    _LOG.warning("%s could not build or push, so the built-in builder did: %s", engine.name, failure)
    return published


def _with_builtin(job: _Job, login: Login) -> PublishedImage:
    image = build(job.context_dir, job.dockerfile, job.build_args, job.architecture)
    with RegistryClient(login, job.repository) as registry:
        return PublishedImage(registry.push(image, job.tag), job.reference, BUILTIN)


def _with_engine(job: _Job, login: Login, engine: Engine) -> PublishedImage:
    engine.build(job.context_dir, job.dockerfile, job.reference, job.build_args, job.architecture)
    engine.push(job.reference, login)
    with RegistryClient(login, job.repository) as registry:
        return PublishedImage(registry.digest(job.tag), job.reference, engine.name)
