"""The registry as docker, podman, skopeo and oras see it: the OCI distribution API over HTTP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from lab_helpers.local_aws.ecr import EcrService
from lab_helpers.local_aws.kit.api import AwsError, Caller
from lab_helpers.local_aws.server import LocalAws

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
REPOSITORY = "lab/fluentbit"


class Iam:
    """Stands in for IAM: refuses what is in `denied`, records what was asked."""

    def __init__(self) -> None:
        self.denied: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def __call__(self, caller: Caller, service: str, operation: str, region: str, params: Mapping[str, Any]) -> None:
        assert (service, region) == ("ecr", "ap-northeast-1")
        self.asked.append((operation, params["repositoryName"]))
        if operation in self.denied:
            raise AwsError("AccessDeniedException", f"User: {caller.arn} may not {operation}", 403)


class Registry:
    """A client that sends what it is told to."""

    def __init__(self, aws: LocalAws, iam: Iam) -> None:
        self.ecr, self.iam, self.base = aws.client("ecr"), iam, aws.endpoint_url
        self.http = urllib3.PoolManager(retries=False)
        token = self.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        self.headers = {"Authorization": f"Basic {token}"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        url = f"{self.base}{path}" if path.startswith("/") else f"{self.base}/v2/{REPOSITORY}/{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, url, body=body, headers={**self.headers, **named})

    def blob(self, content: bytes) -> str:
        digest = digest_of(content)
        begun = self.call("POST", "blobs/uploads/")
        done = self.call("PUT", f"{begun.headers['Location']}?digest={digest}", content)
        assert done.status == 201
        return digest

    def image(self, content: bytes = b"layer", tag: str = "latest") -> str:
        manifest = manifest_of(self.blob(b"{}"), self.blob(content), len(content))
        done = self.call("PUT", f"manifests/{tag}", manifest, Content_Type=MANIFEST)
        assert done.status == 201
        return str(done.headers["Docker-Content-Digest"])


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest_of(config: str, layer: str, size: int) -> bytes:
    config_type, layer_type = "application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": config_type, "digest": config, "size": 2},
            "layers": [{"mediaType": layer_type, "digest": layer, "size": size}],
        }
    ).encode()


def code(answer: urllib3.BaseHTTPResponse) -> str:
    return str(answer.json()["errors"][0]["code"])


@pytest.fixture(scope="module")
def iam() -> Iam:
    return Iam()


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory, iam: Iam) -> Iterator[LocalAws]:
    folder = tmp_path_factory.mktemp("aws")
    with LocalAws(folder, factories=[lambda context: EcrService(context, iam)]) as running:
        yield running


@pytest.fixture
def registry(aws: LocalAws, iam: Iam) -> Iterator[Registry]:
    iam.denied.clear()
    iam.asked.clear()
    client = Registry(aws, iam)
    client.ecr.create_repository(repositoryName=REPOSITORY)
    yield client
    client.ecr.delete_repository(repositoryName=REPOSITORY, force=True)


def test_ping_asks_for_basic_credentials(registry: Registry):
    """Without a token 401 with a challenge; with one 200."""
    refused = registry.http.request("GET", f"{registry.base}/v2/")
    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"].startswith('Basic realm="http://127.0.0.1:')
    assert code(refused) == "UNAUTHORIZED"
    answered = registry.call("GET", "/v2/")
    assert (answered.status, answered.headers["Docker-Distribution-Api-Version"]) == (200, "registry/2.0")


@pytest.mark.parametrize("authorization", ["Basic QVdTOndyb25n", "Basic !!!", "Bearer x", "Basic", ""])
def test_wrong_credentials(registry: Registry, authorization: str):
    """Whatever is no token of ours is 401."""
    url = f"{registry.base}/v2/{REPOSITORY}/tags/list"
    assert registry.http.request("GET", url, headers={"Authorization": authorization}).status == 401


def test_push_and_pull(registry: Registry):
    """What was pushed is pulled by tag and by digest, byte for byte."""
    digest = registry.image(b"layer")
    by_tag, by_digest = registry.call("GET", "manifests/latest"), registry.call("GET", f"manifests/{digest}")
    assert by_tag.data == by_digest.data
    assert (digest_of(by_tag.data), by_tag.headers["Content-Type"]) == (digest, MANIFEST)
    head = registry.call("HEAD", "manifests/latest")
    assert (head.status, head.headers["Docker-Content-Digest"], head.data) == (200, digest, b"")
    layer = by_tag.json()["layers"][0]["digest"]
    assert registry.call("GET", f"blobs/{layer}").data == b"layer"
    assert registry.call("HEAD", f"blobs/{layer}").headers["Content-Length"] == "5"


def test_blob_ranges(registry: Registry):
    """A part of a blob can be asked for (resumed downloads)."""
    digest = registry.blob(b"0123456789")
    part = registry.call("GET", f"blobs/{digest}", Range="bytes=3-5")
    assert (part.status, part.data, part.headers["Content-Range"]) == (206, b"345", "bytes 3-5/10")


def test_chunked_upload(registry: Registry):
    """POST, PATCH by PATCH, PUT; a chunk out of order is 416 and names what is there."""
    where = registry.call("POST", "blobs/uploads/").headers["Location"]
    first = registry.call("PATCH", where, b"abc", Content_Range="0-2")
    assert (first.status, first.headers["Range"]) == (202, "0-2")
    wrong = registry.call("PATCH", where, b"zzz", Content_Range="7-9")
    assert (wrong.status, wrong.headers["Range"]) == (416, "0-2")
    assert registry.call("PATCH", where, b"def", Content_Range="3-5").headers["Range"] == "0-5"
    assert registry.call("GET", where).headers["Range"] == "0-5"
    digest = digest_of(b"abcdefgh")
    assert registry.call("PUT", f"{where}?digest={digest}", b"gh").status == 201
    assert registry.call("GET", f"blobs/{digest}").data == b"abcdefgh"


def test_streamed_upload(registry: Registry):
    """A body of unknown length (Transfer-Encoding: chunked), as docker sends it."""
    where = registry.call("POST", "blobs/uploads/").headers["Location"]
    assert registry.call("PATCH", where, iter([b"abc", b"def"])).status == 202
    assert registry.call("PUT", f"{where}?digest={digest_of(b'abcdef')}").status == 201


def test_upload_in_one_request(registry: Registry):
    """POST with a digest."""
    digest = digest_of(b"whole")
    assert registry.call("POST", f"blobs/uploads/?digest={digest}", b"whole").status == 201
    assert registry.call("GET", f"blobs/{digest}").data == b"whole"


def test_abandoned_upload(registry: Registry):
    """After DELETE the upload is unknown."""
    where = registry.call("POST", "blobs/uploads/").headers["Location"]
    assert registry.call("DELETE", where).status == 204
    assert code(registry.call("PATCH", where, b"x")) == "BLOB_UPLOAD_UNKNOWN"


def test_mount_from_another_repository(registry: Registry):
    """A blob of another repository is linked, not sent; one that is not there falls back to an upload."""
    registry.ecr.create_repository(repositoryName="other")
    digest = registry.blob(b"shared")
    url = f"/v2/other/blobs/uploads/?mount={digest}&from={REPOSITORY}"
    assert registry.call("POST", url).status == 201
    assert registry.call("GET", f"/v2/other/blobs/{digest}").data == b"shared"
    assert registry.call("POST", f"/v2/other/blobs/uploads/?mount={digest_of(b'x')}&from={REPOSITORY}").status == 202
    registry.ecr.delete_repository(repositoryName="other", force=True)
    assert registry.call("GET", f"blobs/{digest}").data == b"shared"


def test_index_of_two_architectures(registry: Registry):
    """An index needs its images; then it is pulled by tag."""
    amd, arm = registry.image(b"amd64", "amd64"), registry.image(b"arm64", "arm64")
    entries = [
        {"mediaType": MANIFEST, "digest": digest, "size": 1, "platform": {"architecture": name, "os": "linux"}}
        for digest, name in ((amd, "amd64"), (arm, "arm64"))
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
    pushed = registry.call("PUT", "manifests/multi", json.dumps(index).encode(), Content_Type=INDEX)
    assert pushed.status == 201
    assert registry.call("GET", "manifests/multi").headers["Content-Type"] == INDEX
    absent = {**index, "manifests": [{**entries[0], "digest": digest_of(b"absent")}]}
    refused = registry.call("PUT", "manifests/broken", json.dumps(absent).encode(), Content_Type=INDEX)
    assert (refused.status, code(refused)) == (400, "MANIFEST_BLOB_UNKNOWN")


def test_manifest_needs_its_layers(registry: Registry):
    """A manifest whose layers were not pushed is refused."""
    manifest = manifest_of(registry.blob(b"{}"), digest_of(b"absent"), 6)
    refused = registry.call("PUT", "manifests/latest", manifest, Content_Type=MANIFEST)
    assert (refused.status, code(refused)) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "expected"),
    [
        ("GET", "manifests/none", None, 404, "MANIFEST_UNKNOWN"),
        ("GET", f"blobs/sha256:{'0' * 64}", None, 404, "BLOB_UNKNOWN"),
        ("GET", "blobs/..%2F..%2Fserver.json", None, 404, "UNSUPPORTED"),
        ("PATCH", "blobs/uploads/no-uuid", b"x", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("PUT", "manifests/latest", b"no json", 400, "MANIFEST_INVALID"),
        ("PUT", "manifests/latest", b"[]", 400, "MANIFEST_INVALID"),
        ("GET", "/v2/absent/tags/list", None, 404, "NAME_UNKNOWN"),
        ("GET", "/v2/absent", None, 404, "UNSUPPORTED"),
    ],
)
def test_refusals(registry: Registry, method: str, path: str, body: bytes | None, status: int, expected: str):
    """The distribution API's own codes."""
    answer = registry.call(method, path, body)
    assert (answer.status, code(answer)) == (status, expected)


def test_wrong_digest_is_refused(registry: Registry):
    """Content that does not have the digest promised is not kept."""
    where = registry.call("POST", "blobs/uploads/").headers["Location"]
    refused = registry.call("PUT", f"{where}?digest={digest_of(b'other')}", b"content")
    assert (refused.status, code(refused)) == (400, "DIGEST_INVALID")
    by_digest = registry.call("PUT", f"manifests/{digest_of(b'other')}", b'{"schemaVersion":2}')
    assert (by_digest.status, code(by_digest)) == (400, "DIGEST_INVALID")


def test_tags_are_listed_by_page(registry: Registry):
    """n and last, with a Link to the next page."""
    for tag in ("b", "a", "c"):
        registry.image(tag.encode(), tag)
    assert registry.call("GET", "tags/list").json() == {"name": REPOSITORY, "tags": ["a", "b", "c"]}
    page = registry.call("GET", "tags/list?n=2")
    assert page.json()["tags"] == ["a", "b"]
    rest = registry.call("GET", page.headers["Link"].split(">")[0].lstrip("<"))
    assert rest.json()["tags"] == ["c"]


def test_each_request_is_authorised_as_its_ecr_operation(registry: Registry):
    """IAM is asked with the operation behind each request, for the repository's name."""
    registry.image()
    registry.call("GET", "manifests/latest")
    asked = {operation for operation, _ in registry.iam.asked}
    assert asked == {"InitiateLayerUpload", "CompleteLayerUpload", "PutImage", "BatchGetImage"}
    assert {name for _, name in registry.iam.asked} == {REPOSITORY}


def test_denied_pull(registry: Registry):
    """A token whose holder lacks the permission gets 403 with IAM's sentence; a change is felt at once."""
    registry.image()
    registry.iam.denied.add("BatchGetImage")
    refused = registry.call("GET", "manifests/latest")
    assert (refused.status, code(refused)) == (403, "DENIED")
    assert "may not BatchGetImage" in refused.json()["errors"][0]["message"]
    registry.iam.denied.clear()
    assert registry.call("GET", "manifests/latest").status == 200


def test_immutable_tag_stays(registry: Registry):
    """In an immutable repository a tag cannot move; the same image may be pushed again."""
    registry.image(b"one")
    registry.ecr.put_image_tag_mutability(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    registry.image(b"one")
    manifest = manifest_of(registry.blob(b"{}"), registry.blob(b"two"), 3)
    refused = registry.call("PUT", "manifests/latest", manifest, Content_Type=MANIFEST)
    assert (refused.status, code(refused)) == (400, "TAG_INVALID")
    assert "because the tag is immutable" in refused.json()["errors"][0]["message"]


def test_delete_manifest(registry: Registry):
    """DELETE by digest removes the image and its tags."""
    digest = registry.image()
    assert registry.call("DELETE", f"manifests/{digest}").status == 202
    assert code(registry.call("GET", "manifests/latest")) == "MANIFEST_UNKNOWN"


def test_a_refused_body_does_not_spoil_the_connection(registry: Registry):
    """An error answered before the body was read leaves the kept-alive connection usable."""
    host, _, port = registry.base.removeprefix("http://").partition(":")
    pool = urllib3.HTTPConnectionPool(host, int(port), maxsize=1, retries=False)
    assert pool.request("PUT", "/v2/x/manifests/y", body=b"z" * 500_000).status == 401
    assert pool.request("GET", "/v2/", headers=registry.headers).status == 200
    pool.close()


def test_without_iam_only_unrestricted_callers_are_let_in(aws: LocalAws):
    """A service that was given no IAM refuses roles and users."""
    from lab_helpers.local_aws.ecr.service import _unrestricted_only

    operator = Caller("operator", "arn:aws:iam::1:user/lab", "1")
    _unrestricted_only(operator, "ecr", "PutImage", "r", {})
    with pytest.raises(AwsError, match="not authorized to perform: ecr:PutImage"):
        _unrestricted_only(replace(operator, kind="role"), "ecr", "PutImage", "r", {})
    assert aws.endpoint_url
