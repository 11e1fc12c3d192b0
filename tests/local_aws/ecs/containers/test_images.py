"""Image names, pulling from ECR, unpacking of layers, and the reasons when it fails."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecs.containers.images import ImageRef, PullError, is_ecr, parse_image, pull


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("httpd", ImageRef("docker.io", "library/httpd")),
        ("httpd:2.4", ImageRef("docker.io", "library/httpd", "2.4")),
        ("amazon/aws-for-fluent-bit:latest", ImageRef("docker.io", "amazon/aws-for-fluent-bit")),
        ("public.ecr.aws/docker/library/httpd:2.4", ImageRef("public.ecr.aws", "docker/library/httpd", "2.4")),
        ("127.0.0.1:4566/lab-fluentbit:latest", ImageRef("127.0.0.1:4566", "lab-fluentbit")),
        ("localhost/a/b@sha256:12", ImageRef("localhost", "a/b", "latest", "sha256:12")),
    ],
)
def test_names_are_split_as_docker_splits_them(text: str, ref: ImageRef) -> None:
    """Host, repository, tag and digest, with Docker's defaults."""
    assert parse_image(text) == ref


def test_which_images_lie_in_ecr() -> None:
    """The server's own address and AWS's registry names; not the public registries."""
    assert is_ecr(parse_image("127.0.0.1:4566/x"), "127.0.0.1:4566")
    assert is_ecr(parse_image("123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/x"), "127.0.0.1:4566")
    assert not is_ecr(parse_image("public.ecr.aws/x/y"), "127.0.0.1:4566")
    assert not is_ecr(parse_image("httpd"), "127.0.0.1:4566")
    aws = "906394416424.dkr.ecr.ap-northeast-1.amazonaws.com"
    assert not is_ecr(parse_image(f"{aws}/aws-for-fluent-bit:stable"), "127.0.0.1:4566")
    assert is_ecr(parse_image(f"{aws}/something-else"), "127.0.0.1:4566")


def _tar(*members: tuple[str, bytes | None, str]) -> bytes:
    """(name, content or None for a folder, link target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content, link in members:
            info = tarfile.TarInfo(name)
            info.type = tarfile.SYMTYPE if link else tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size, info.linkname, info.mode = len(content or b""), link, 0o755
            archive.addfile(info, io.BytesIO(content or b""))
    return buffer.getvalue()


class FakeEcr:
    """One image; `deny` names operations that fail, with their error code."""

    def __init__(
        self,
        folder: Path,
        deny: dict[str, str] | None = None,
        *,
        empty: bool = False,
        layer: bytes | None = None,
        config: bytes = b'{"config": {}}',
    ) -> None:
        self._folder, self._deny, self._empty = folder, deny or {}, empty
        layer = gzip.compress(_tar(("fluent-bit/etc/extra.conf", b"[OUTPUT]\n", ""))) if layer is None else layer
        self.digests = [self._blob(layer), self._blob(config)]
        self.manifest = json.dumps({"config": {"digest": self.digests[1]}, "layers": [{"digest": self.digests[0]}]})

    def _blob(self, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        (self._folder / digest).write_bytes(data)
        return digest

    def _check(self, operation: str) -> None:
        if operation in self._deny:
            error = {"Error": {"Code": self._deny[operation], "Message": "Sentence."}}
            raise ClientError({**error, "ResponseMetadata": {"HTTPStatusCode": 400}}, operation)  # type: ignore[typeddict-item]

    def get_authorization_token(self) -> dict[str, Any]:
        self._check("GetAuthorizationToken")
        return {}

    def batch_get_image(self, **arguments: Any) -> dict[str, Any]:
        self._check("BatchGetImage")
        image = {"imageManifest": self.manifest, "imageId": {"imageDigest": "sha256:abc", **arguments["imageIds"][0]}}
        return {"images": [] if self._empty else [image]}

    def get_download_url_for_layer(self, **arguments: Any) -> dict[str, Any]:
        self._check("GetDownloadUrlForLayer")
        return {"downloadUrl": (self._folder / arguments["layerDigest"]).as_uri()}


REF = parse_image("127.0.0.1:4566/lab-fluentbit:latest")


def test_a_pulled_image_is_unpacked(tmp_path: Path) -> None:
    """Design: the router reads extra.conf out of the image that it pulled."""
    image = pull(FakeEcr(tmp_path), REF, tmp_path / "task")
    found = image.path("/fluent-bit/etc/extra.conf")
    assert found is not None
    assert found.read_text() == "[OUTPUT]\n"
    assert image.digest == "sha256:abc"
    assert image.path("/not/there") is None


@pytest.mark.parametrize(
    ("deny", "start"),
    [
        (
            {"GetAuthorizationToken": "AccessDeniedException"},
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
            "failed: unable to retrieve ecr registry auth: service call has been retried 1 time(s): "
            "AccessDeniedException: Sentence.",
        ),
        (
            {"BatchGetImage": "AccessDeniedException"},
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
            "127.0.0.1:4566/lab-fluentbit:latest: pulling from host 127.0.0.1:4566 failed with status code "
            "[manifests latest]: 403 Forbidden",
        ),
        (
            {"BatchGetImage": "RepositoryNotFoundException"},
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
            "127.0.0.1:4566/lab-fluentbit:latest: 127.0.0.1:4566/lab-fluentbit:latest: not found",
        ),
        (
            {"GetDownloadUrlForLayer": "AccessDeniedException"},
            "CannotPullContainerError: copy image has been retried 1 time(s): failed to copy",
        ),
    ],
)
def test_reasons(deny: dict[str, str], start: str, tmp_path: Path) -> None:
    """Each denied step of a pull has AWS's own wording."""
    with pytest.raises(PullError) as caught:
        pull(FakeEcr(tmp_path, deny), REF, tmp_path / "task")
    assert str(caught.value).startswith(start)


def test_a_missing_tag(tmp_path: Path) -> None:
    """BatchGetImage answers an unknown tag without an error and without an image."""
    with pytest.raises(PullError, match="not found"):
        pull(FakeEcr(tmp_path, empty=True), REF, tmp_path / "task")


@pytest.mark.parametrize(
    ("layer", "config", "why"),
    [
        (b"no tar at all", b"{}", "failed to extract layer sha256:"),
        (gzip.compress(_tar(("a/.wh...", b"", ""))), b"{}", "invalid whiteout name: .wh...: unknown"),
        (gzip.compress(_tar(("zeros", bytes(70 << 20), ""))), b"{}", "the layer unpacks to more than 64 MiB"),
        (gzip.compress(_tar(("a", b"", ""))), b"[1]", "failed to read the configuration"),
        (gzip.compress(_tar(("a", b"", ""))), b"[" * 100_000, "failed to read the configuration"),
    ],
    ids=["no-tar", "whiteout", "bomb", "config", "nested"],
)
def test_malformed_images_cannot_be_pulled(layer: bytes, config: bytes, why: str, tmp_path: Path) -> None:
    """What is wrong with an image is said as AWS says it, never as an error of the lab's own."""
    with pytest.raises(PullError) as caught:
        pull(FakeEcr(tmp_path, layer=layer, config=config), REF, tmp_path / "task")
    assert str(caught.value).startswith("CannotPullContainerError: ")
    assert why in str(caught.value)
    assert [path.name for path in (tmp_path / "task").iterdir()] == ["rootfs"]


@pytest.mark.parametrize(
    "manifest",
    ["[]", "{", '{"layers": [1]}', '{"layers": 5}', '{"manifests": []}', '{"manifests": {}}', '{"config": 3}',
     json.dumps({"layers": [{"digest": "sha256:x"}] * 200})],
)  # fmt: skip
def test_malformed_manifests_cannot_be_pulled(manifest: str, tmp_path: Path) -> None:
    """Nor is what ECR keeps as a manifest believed."""
    ecr = FakeEcr(tmp_path)
    ecr.manifest = manifest
    with pytest.raises(PullError, match="CannotPullContainerError"):
        pull(ecr, REF, tmp_path / "task")


def test_an_images_links_lead_into_the_image(tmp_path: Path) -> None:
    """A link to /etc/passwd is the image's own /etc/passwd, by name and by pattern."""
    layer = _tar(
        ("conf/all.conf", b"", "/etc/passwd"), ("etc/passwd", b"the image's", ""), ("conf/gone.conf", b"", "/x")
    )
    image = pull(FakeEcr(tmp_path, layer=gzip.compress(layer)), REF, tmp_path / "task")
    for name in ("/conf/all.conf", "/conf/*.conf", "/../../conf/all.conf"):
        assert [path.read_text() for path in image.paths(name)] == ["the image's"]
