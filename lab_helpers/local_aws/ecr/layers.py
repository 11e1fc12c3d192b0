"""ECR's API for layers: availability, download links, uploads in parts."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from lab_helpers.local_aws.ecr.catalogue import Settings
from lab_helpers.local_aws.ecr.images import Images
from lab_helpers.local_aws.ecr.manifest import is_digest
from lab_helpers.local_aws.ecr.operations import names
from lab_helpers.local_aws.ecr.tokens import Tokens
from lab_helpers.local_aws.kit.api import ApiRequest, AwsError, Handler

PART_BYTES = 20 * 1024 * 1024
LAYER_ROUTE = "/v2/.layers"
"""Download links live beside the repositories, under a name that none of them can have."""
_LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


class LayerOperations:
    """The handlers; `endpoint_url` is where layers are fetched from."""

    def __init__(self, images: Images, tokens: Tokens, endpoint_url: str) -> None:
        self._images, self._tokens, self._endpoint_url = images, tokens, endpoint_url

    def table(self) -> dict[tuple[str, str], Handler]:
        """Return the operations by (signing name, operation)."""
        handlers: dict[str, Handler] = {
            "BatchCheckLayerAvailability": self.batch_check_layer_availability,
            "GetDownloadUrlForLayer": self.get_download_url_for_layer,
            "InitiateLayerUpload": self.initiate_layer_upload,
            "UploadLayerPart": self.upload_layer_part,
            "CompleteLayerUpload": self.complete_layer_upload,
        }
        return {("ecr", operation): handler for operation, handler in handlers.items()}

    def batch_check_layer_availability(self, request: ApiRequest) -> dict[str, Any]:
        """Tell which layers are here."""
        content = self._images.catalogue.content(self._where(request))
        digests = request.params.get("layerDigests", [])
        known = [digest for digest in digests if is_digest(digest)]
        failures = [
            {"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": "Invalid layer digest"}
            for digest in digests
            if digest not in known
        ]
        return {"layers": [_layer(digest, content.layers.get(digest)) for digest in known], "failures": failures}

    def get_download_url_for_layer(self, request: ApiRequest) -> dict[str, Any]:
        """Return a link to a layer; whoever has it may use it for an hour."""
        where, digest = self._where(request), str(request.params.get("layerDigest"))
        self._images.layer_bytes(where, digest)
        path = f"{LAYER_ROUTE}/{where.region}/{where.name}/{digest}"
        return {"downloadUrl": f"{self._endpoint_url}{path}?{self._tokens.sign(path)}", "layerDigest": digest}

    def initiate_layer_upload(self, request: ApiRequest) -> dict[str, Any]:
        """Start an upload."""
        self._where(request)
        return {"uploadId": self._images.begin_upload(), "partSize": PART_BYTES}

    def upload_layer_part(self, request: ApiRequest) -> dict[str, Any]:
        """Take the next part of a layer."""
        where, given = self._where(request), request.params
        upload_id, first = str(given.get("uploadId")), int(given.get("partFirstByte", 0))
        here = self._images.blobs.received_bytes(upload_id)
        if here is not None and here != first:
            last = {"registryId": where.registry, "repositoryName": where.name, "uploadId": upload_id}
            message = f"The layer part does not begin at byte {here}."
            raise AwsError("InvalidLayerPartException", message, extra={**last, "lastValidByteReceived": here - 1})
        size = self._images.extend_upload(where, upload_id, [_decoded(given.get("layerPartBlob", ""))])
        return {**names(where), "uploadId": upload_id, "lastByteReceived": size - 1}

    def complete_layer_upload(self, request: ApiRequest) -> dict[str, Any]:
        """Make the upload a layer."""
        where, upload_id = self._where(request), str(request.params.get("uploadId"))
        digest = str(next(iter(request.params.get("layerDigests", [])), ""))
        self._images.finish_upload(where, upload_id, digest)
        return {**names(where), "uploadId": upload_id, "layerDigest": digest}

    def _where(self, request: ApiRequest) -> Settings:
        return self._images.repositories.settings(request.region, str(request.params.get("repositoryName")))


def _layer(digest: str, size: int | None) -> dict[str, Any]:
    if size is None:
        return {"layerDigest": digest, "layerAvailability": "UNAVAILABLE"}
    return {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": size, "mediaType": _LAYER_TYPE}


def _decoded(blob: Any) -> bytes:
    try:
        return blob if isinstance(blob, bytes) else base64.b64decode(str(blob), validate=True)
    except binascii.Error as exc:
        raise AwsError("SerializationException", "layerPartBlob is no base64.") from exc
