"""The registry: the OCI distribution API over HTTP, as docker, podman, skopeo and oras speak it.

Source: OCI distribution specification 1.1; Amazon ECR's private registry authentication (user AWS, password out of
GetAuthorizationToken). Each request is authorised as the ECR operation that stands behind it, for the token's holder.
Not modelled: the referrers API, cross-region mounts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response

from lab_helpers.local_aws.ecr.catalogue import Settings
from lab_helpers.local_aws.ecr.images import Images
from lab_helpers.local_aws.ecr.layers import LAYER_ROUTE
from lab_helpers.local_aws.ecr.manifest import is_digest
from lab_helpers.local_aws.ecr.tokens import Holder, Tokens
from lab_helpers.local_aws.kit.api import AwsError, Caller

Authorise = Callable[[Caller, str, str, str, Mapping[str, Any]], None]
"""(caller, service, operation, region, params): raises AwsError when the caller may not."""

_NAME = r"(?P<name>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
_CHUNK = 256 * 1024
_UPLOAD, _MANIFEST = "uploads/", "manifests/"
_CODES = {
    "RepositoryNotFoundException": ("NAME_UNKNOWN", 404),
    "ImageNotFoundException": ("MANIFEST_UNKNOWN", 404),
    "UploadNotFoundException": ("BLOB_UPLOAD_UNKNOWN", 404),
    "InvalidLayerException": ("DIGEST_INVALID", 400),
    "ImageDigestDoesNotMatchException": ("DIGEST_INVALID", 400),
    "ReferencedImagesNotFoundException": ("MANIFEST_BLOB_UNKNOWN", 400),
    "ImageTagAlreadyExistsException": ("TAG_INVALID", 400),
    "InvalidParameterException": ("MANIFEST_INVALID", 400),
    "AccessDeniedException": ("DENIED", 403),
}


class Registry:
    """A WSGI application under /v2/."""

    def __init__(self, images: Images, tokens: Tokens, authorise: Authorise) -> None:
        self._images, self._tokens, self._authorise = images, tokens, authorise
        self._table: list[tuple[str, re.Pattern[str], str, Callable[..., Response]]] = [
            (method, re.compile(f"/v2/{_NAME}/{path}"), operation, handler)
            for method, path, operation, handler in (
                ("HEAD", "blobs/(?P<digest>[^/]+)", "BatchCheckLayerAvailability", self._blob),
                ("GET", "blobs/(?P<digest>[^/]+)", "GetDownloadUrlForLayer", self._blob),
                ("POST", "blobs/uploads/?", "InitiateLayerUpload", self._begin),
                ("GET", "blobs/uploads/(?P<upload_id>[^/]+)", "UploadLayerPart", self._progress),
                ("PATCH", "blobs/uploads/(?P<upload_id>[^/]+)", "UploadLayerPart", self._extend),
                ("PUT", "blobs/uploads/(?P<upload_id>[^/]+)", "CompleteLayerUpload", self._finish),
                ("DELETE", "blobs/uploads/(?P<upload_id>[^/]+)", "UploadLayerPart", self._abandon),
                ("HEAD", "manifests/(?P<reference>[^/]+)", "BatchGetImage", self._manifest),
                ("GET", "manifests/(?P<reference>[^/]+)", "BatchGetImage", self._manifest),
                ("PUT", "manifests/(?P<reference>[^/]+)", "PutImage", self._put_manifest),
                ("DELETE", "manifests/(?P<reference>[^/]+)", "BatchDeleteImage", self._delete_manifest),
                ("GET", "tags/list", "ListImages", self._tags),
            )
        ]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        request = Request(environ)
        try:
            response = self._answer(request)
        except AwsError as error:
            code, status = _in_registry_words(error, is_push=request.method == "PUT")
            response = _refusal(status, code, error.message)
        # What the handler did not read would be taken for the connection's next request.
        while request.stream.read(_CHUNK):
            pass
        response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(f"{LAYER_ROUTE}/"):
            return self._linked_layer(request)
        holder = self._tokens.holder(request.headers.get("Authorization", ""))
        if holder is None:
            challenge = f'Basic realm="{request.host_url}",service="ecr.amazonaws.com"'
            return _refusal(401, "UNAUTHORIZED", "Not Authorized", {"WWW-Authenticate": challenge})
        if request.path in {"/v2", "/v2/"}:
            return _json({})
        for method, pattern, operation, handler in self._table:
            found = pattern.fullmatch(request.path)
            if found and request.method == method:
                return self._authorised(request, holder, operation, handler, found.groupdict())
        return _refusal(404, "UNSUPPORTED", f"{request.method} {request.path} is not part of this registry")

    def _authorised(
        self, request: Request, holder: Holder, operation: str, handler: Callable[..., Response], parts: dict[str, str]
    ) -> Response:
        name = parts.pop("name")
        self._authorise(holder.caller, "ecr", operation, holder.region, {"repositoryName": name})
        where = self._images.repositories.settings(holder.region, name)
        return handler(request, where, **parts)

    def _linked_layer(self, request: Request) -> Response:
        if not self._tokens.is_signed(request.path, request.args.get("Expires", ""), request.args.get("Signature", "")):
            return _refusal(403, "DENIED", "This link is not valid, or not any more")
        return self._send(request, request.path.rsplit("/", 1)[-1])

    def _blob(self, request: Request, where: Settings, digest: str) -> Response:
        self._images.layer_bytes(where, digest)
        return self._send(request, digest)

    def _send(self, request: Request, digest: str) -> Response:
        if self._images.blobs.size_bytes(digest) is None:
            return _refusal(404, "BLOB_UNKNOWN", f"{digest} is not here any more")
        path = self._images.blobs.path(digest)
        response = send_file(path, request.environ, "application/octet-stream", conditional=True, etag=False)
        response.headers["Docker-Content-Digest"] = digest
        return response

    def _begin(self, request: Request, where: Settings) -> Response:
        mount, source, digest = (request.args.get(name) for name in ("mount", "from", "digest"))
        if mount and source and self._mounted(where, source, mount):
            return _created(f"/v2/{where.name}/blobs/{mount}", mount)
        upload_id = self._images.begin_upload()
        if digest:
            return self._finish(request, where, upload_id)
        return self._upload_state(202, where, upload_id, 0)

    def _mounted(self, where: Settings, source: str, digest: str) -> bool:
        try:
            other = self._images.repositories.settings(where.region, source)
        except AwsError:
            return False
        return self._images.catalogue.mount(where, other, digest)

    def _progress(self, request: Request, where: Settings, upload_id: str) -> Response:  # noqa: ARG002
        size = self._images.extend_upload(where, upload_id, [])
        return self._upload_state(204, where, upload_id, size)

    def _extend(self, request: Request, where: Settings, upload_id: str) -> Response:
        here = self._images.extend_upload(where, upload_id, [])
        first = request.headers.get("Content-Range", f"{here}-").removeprefix("bytes ").split("-", 1)[0]
        if first != str(here):
            return self._upload_state(416, where, upload_id, here)
        size = self._images.extend_upload(where, upload_id, _chunks(request))
        return self._upload_state(202, where, upload_id, size)

    def _finish(self, request: Request, where: Settings, upload_id: str) -> Response:
        digest = request.args.get("digest", "")
        self._images.extend_upload(where, upload_id, _chunks(request))
        self._images.finish_upload(where, upload_id, digest)
        return _created(f"/v2/{where.name}/blobs/{digest}", digest)

    def _abandon(self, request: Request, where: Settings, upload_id: str) -> Response:  # noqa: ARG002
        self._images.extend_upload(where, upload_id, [])
        self._images.blobs.abandon(upload_id)
        return Response(status=204)

    def _upload_state(self, status: int, where: Settings, upload_id: str, size: int) -> Response:
        headers = {
            "Location": f"/v2/{where.name}/blobs/uploads/{upload_id}",
            "Docker-Upload-UUID": upload_id,
            "Range": f"0-{max(0, size - 1)}",
        }
        return Response(status=status, headers=headers)

    def _manifest(self, request: Request, where: Settings, reference: str) -> Response:
        image_id = _image_id(reference)
        manifest = (self._images.pull if request.method == "GET" else self._images.get)(where, image_id).manifest
        headers = {"Docker-Content-Digest": manifest.digest, "ETag": f'"{manifest.digest}"'}
        return Response(manifest.content, 200, headers, content_type=manifest.media_type)

    def _put_manifest(self, request: Request, where: Settings, reference: str) -> Response:
        content, asked = b"".join(_chunks(request)), _image_id(reference)
        media_type = request.headers.get("Content-Type", "").split(";", 1)[0] or None
        try:
            digest = self._images.put(
                where, content, media_type, asked.get("imageTag"), asked.get("imageDigest")
            ).manifest.digest
        except AwsError as error:
            if error.code != "ImageAlreadyExistsException":
                raise
            # Pushing the same image again is no error in the distribution API.
            digest = self._images.get(where, asked).manifest.digest
        return _created(f"/v2/{where.name}/manifests/{quote(reference)}", digest)

    def _delete_manifest(self, request: Request, where: Settings, reference: str) -> Response:  # noqa: ARG002
        self._images.get(where, _image_id(reference))
        gone = self._images.catalogue.remove(where, _image_id(reference))
        if isinstance(gone, str):
            return _refusal(409, "DENIED", gone)
        return Response(status=202)

    def _tags(self, request: Request, where: Settings) -> Response:
        last = request.args.get("last", "")
        tags = sorted(tag for tag in self._images.catalogue.content(where).tags if tag > last)
        most = request.args.get("n", type=int)
        response = _json({"name": where.name, "tags": tags[:most]})
        if most is not None and 0 < most < len(tags):
            response.headers["Link"] = f'</v2/{where.name}/tags/list?n={most}&last={quote(tags[most - 1])}>; rel="next"'
        return response


def _in_registry_words(error: AwsError, is_push: bool) -> tuple[str, int]:
    """Return the distribution API's code and HTTP status for an error of ECR's."""
    if error.code == "LayersNotFoundException":
        return ("MANIFEST_BLOB_UNKNOWN", 400) if is_push else ("BLOB_UNKNOWN", 404)
    return _CODES.get(error.code, ("DENIED" if error.status == 403 else "UNSUPPORTED", error.status))


def _chunks(request: Request) -> Any:
    return iter(lambda: request.stream.read(_CHUNK), b"")


def _image_id(reference: str) -> dict[str, str]:
    return {"imageDigest": reference} if is_digest(reference) else {"imageTag": reference}


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")


def _created(location: str, digest: str) -> Response:
    return Response(status=201, headers={"Location": location, "Docker-Content-Digest": digest})


def _refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps({"errors": [{"code": code, "message": message}]})
    return Response(body, status, dict(headers or {}), content_type="application/json")
