"""A real registry client against the registry; skipped where skopeo is not installed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.images import BuiltImage, build
from lab_helpers.local_aws.ecr import EcrService
from lab_helpers.local_aws.server import LocalAws

pytestmark = pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), factories=[EcrService]) as running:
        yield running


@pytest.fixture
def repository(aws: LocalAws) -> Iterator[str]:
    ecr = aws.client("ecr")
    yield ecr.create_repository(repositoryName="lab/skopeo")["repository"]["repositoryUri"]
    ecr.delete_repository(repositoryName="lab/skopeo", force=True)


@pytest.fixture
def credentials(aws: LocalAws) -> str:
    token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return base64.b64decode(token).decode()


def oci_layout(folder: Path, image: BuiltImage) -> Path:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for digest, content in {**image.blobs, image.digest: image.manifest}.items():
        (blobs / digest.split(":")[1]).write_bytes(content)
    entry: dict[str, Any] = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": image.digest}
    entry |= {"size": len(image.manifest), "annotations": {"org.opencontainers.image.ref.name": "t"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return folder


def skopeo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["skopeo", "--insecure-policy", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_push_inspect_pull_delete(tmp_path: Path, aws: LocalAws, repository: str, credentials: str):
    """skopeo copies in (OCI and docker manifests), inspects, lists, copies out and deletes; bytes survive."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "big").write_bytes(b"x" * 1_000_000)
    (context / "Dockerfile").write_text("FROM base\nCOPY big /big\n")
    image = build(context, "Dockerfile")
    layout = oci_layout(tmp_path / "layout", image)
    to = ("copy", "--dest-tls-verify=false", "--dest-creds", credentials)
    assert skopeo(*to, f"oci:{layout}:t", f"docker://{repository}:v1").returncode == 0
    assert skopeo(*to, "--format", "v2s2", f"oci:{layout}:t", f"docker://{repository}:v2").returncode == 0
    shown = skopeo("inspect", "--tls-verify=false", "--creds", credentials, f"docker://{repository}:v1")
    assert json.loads(shown.stdout)["Digest"] == image.digest
    assert json.loads(shown.stdout)["RepoTags"] == ["v1", "v2"]
    back = tmp_path / "back"
    pulled = skopeo(
        "copy", "--src-tls-verify=false", "--src-creds", credentials, f"docker://{repository}:v1", f"oci:{back}"
    )
    assert pulled.returncode == 0, pulled.stderr
    assert (back / "blobs" / "sha256" / image.digest.split(":")[1]).read_bytes() == image.manifest
    gone = skopeo("delete", "--tls-verify=false", "--creds", credentials, f"docker://{repository}:v2")
    assert gone.returncode == 0, gone.stderr
    assert [item["imageTag"] for item in aws.client("ecr").list_images(repositoryName="lab/skopeo")["imageIds"]] == [
        "v1"
    ]


def test_wrong_password(repository: str):
    """skopeo says that it is not authorised."""
    refused = skopeo("inspect", "--tls-verify=false", "--creds", "AWS:wrong", f"docker://{repository}:v1")
    assert refused.returncode != 0
    assert "unauthorized" in refused.stderr
