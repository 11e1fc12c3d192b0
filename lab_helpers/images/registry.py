"""A small client of the OCI distribution API: enough to push an image to ECR, and to ask for a digest.

Source: OCI distribution specification 1.1 (POST, PATCH, PUT; as docker pushes).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from lab_helpers.base.errors import ImageError
from lab_helpers.images.builder import MANIFEST_TYPE, BuiltImage

_ACCEPT = ", ".join(
    (
        MANIFEST_TYPE,
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)


@dataclass(frozen=True)
class Login:
    """A registry's address and password for 12 hours; the password is not part of its repr."""

    endpoint: str
    token: str

    def __repr__(self) -> str:
        return f"Login(endpoint={self.endpoint!r})"

    @property
    def is_local(self) -> bool:
        """Whether this is the local AWS: plain HTTP, on loopback."""
        return self.endpoint.startswith("http://")

    @property
    def password(self) -> str:
        """The password of user AWS."""
        return base64.b64decode(self.token).decode().partition(":")[2]


def log_in(ecr_client: Any, repository_url: str) -> Login:
    """Return the login for a repository's registry; raises botocore's ClientError.

    The scheme is ECR's own answer: https, and http only for the local AWS on loopback. Raises ImageError where another
    endpoint names AWS's own registry, as emulators without one do: nothing of theirs is to go there.
    """
    _refuse_foreign(ecr_client, repository_url)
    data = ecr_client.get_authorization_token()["authorizationData"][0]
    scheme = data["proxyEndpoint"].partition("://")[0]
    return Login(f"{scheme}://{repository_url.partition('/')[0]}", data["authorizationToken"])


def _refuse_foreign(ecr_client: Any, repository_url: str) -> None:
    asked = urlsplit(str(getattr(getattr(ecr_client, "meta", None), "endpoint_url", ""))).hostname or ""
    registry = repository_url.partition("/")[0]
    if asked and _is_of_aws(registry) and not _is_of_aws(asked):
        raise ImageError(
            f"The endpoint {asked} has no registry: it names an address of AWS's own, {registry}, and "
            "nothing is pushed there. Build on the local AWS (LAB_BACKEND=local) or on an account (LAB_BACKEND=aws)."
        )


def _is_of_aws(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws"))


class RegistryClient:
    """Speaks to one repository of a registry."""

    def __init__(self, login: Login, repository: str) -> None:
        self._login, self._repository = login, repository
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=10, read=120), retries=urllib3.Retry(3, redirect=5)
        )

    def __enter__(self) -> RegistryClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._http.clear()

    def push(self, image: BuiltImage, tag: str) -> str:
        """Push an image and return its digest; blobs that are there already are not sent again."""
        for digest, content in image.blobs.items():
            if not self._has_blob(digest):
                self._push_blob(digest, content)
        headers = {"Content-Type": MANIFEST_TYPE}
        answer = self._call("PUT", f"manifests/{tag}", (201,), headers, image.manifest)
        return str(answer.headers.get("Docker-Content-Digest", image.digest))

    def digest(self, tag: str) -> str:
        """Return the digest that a tag stands for."""
        answer = self._call("HEAD", f"manifests/{tag}", (200,), {"Accept": _ACCEPT})
        return str(answer.headers["Docker-Content-Digest"])

    def _has_blob(self, digest: str) -> bool:
        return self._call("HEAD", f"blobs/{digest}", (200, 404)).status == 200

    def _push_blob(self, digest: str, content: bytes) -> None:
        begun = self._call("POST", "blobs/uploads/", (202,))
        headers = {"Content-Type": "application/octet-stream"}
        sent = self._call("PATCH", self._location(begun), (202,), headers, content)
        where = self._location(sent)
        joint = "&" if "?" in where else "?"
        self._call("PUT", f"{where}{joint}{urlencode({'digest': digest})}", (201,))

    def _location(self, answer: urllib3.BaseHTTPResponse) -> str:
        return urljoin(f"{self._login.endpoint}/", answer.headers["Location"])

    def _call(
        self,
        method: str,
        path: str,
        expected: tuple[int, ...],
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> urllib3.BaseHTTPResponse:
        url = path if "://" in path else f"{self._login.endpoint}/v2/{self._repository}/{path}"
        sent = {"Authorization": f"Basic {self._login.token}", **(headers or {})}
        try:
            answer = self._http.request(method, url, headers=sent, body=body)
        except urllib3.exceptions.HTTPError as exc:
            raise ImageError(f"The registry {self._login.endpoint} cannot be reached: {exc}") from exc
        if answer.status not in expected:
            raise ImageError(f"{method} {url.partition('?')[0]}: {answer.status} {_words(answer)}")
        return answer


def _words(answer: urllib3.BaseHTTPResponse) -> str:
    try:
        return "; ".join(f"{item['code']}: {item['message']}" for item in answer.json()["errors"])
    except (ValueError, KeyError, TypeError):
        return answer.data[:300].decode(errors="replace")
