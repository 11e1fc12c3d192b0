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
import zstandard
from botocore.exceptions import ClientError

from lab_helpers.local_aws.ecs.containers.images import ImageRef, PullError, is_ecr, parse_image, pull, unpack


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


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_layers_may_be_compressed(compress: Any, tmp_path: Path) -> None:
    """Plain tar, gzip and zstd."""
    unpack(compress(_tar(("a/b.conf", b"hello", ""))), tmp_path)
    assert (tmp_path / "a/b.conf").read_bytes() == b"hello"


def test_a_later_layer_can_delete(tmp_path: Path) -> None:
    """.wh. files take one file away, the opaque one all of a folder."""
    unpack(_tar(("d/one", b"1", ""), ("d/two", b"2", ""), ("e/three", b"3", "")), tmp_path)
    unpack(_tar(("d/.wh.one", b"", ""), ("e/.wh..wh..opq", b"", "")), tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["two"]


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    """Names that climb out are refused, links that lead out are left out."""
    inside = tmp_path / "rootfs"
    inside.mkdir()
    unpack(_tar(("link", b"", "/etc"), ("ok", b"x", "")), inside)
    assert [path.name for path in inside.iterdir()] == ["ok"]
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(_tar(("../evil", b"x", "")), inside)
    assert not (tmp_path / "evil").exists()


class FakeEcr:
    """One image; `deny` names operations that fail, with their error code."""

    def __init__(self, folder: Path, deny: dict[str, str] | None = None, *, empty: bool = False) -> None:
        self._folder, self._deny, self._empty = folder, deny or {}, empty
        layer, config = gzip.compress(_tar(("fluent-bit/etc/extra.conf", b"[OUTPUT]\n", ""))), b'{"config": {}}'
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
