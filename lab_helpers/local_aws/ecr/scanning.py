"""What ECR says of an image's scan. There is no vulnerability database here, and none is made up.

An image without an operating system gets what AWS's basic scanning answers for it; one that has one is told apart:
its findings are unavailable.
Source: Scan images for software vulnerabilities in Amazon ECR; UnsupportedImageError in its troubleshooting page.
Not modelled: findings, enhanced scanning.
"""

from __future__ import annotations

import tarfile
from typing import Any

from lab_helpers.local_aws.ecr.blobs import BlobStore
from lab_helpers.local_aws.ecr.manifest import Manifest

_OS_FILES = frozenset({"etc/os-release", "usr/lib/os-release"})
_UNSUPPORTED = {
    "status": "FAILED",
    "description": "UnsupportedImageError: The operating system and/or package manager are not supported.",
}
_UNAVAILABLE = {
    "status": "FINDINGS_UNAVAILABLE",
    "description": "The local AWS has no vulnerability database; scan this image on a real account.",
}


def scan_status(manifest: Manifest, blobs: BlobStore) -> dict[str, str]:
    """Return the imageScanStatus of a scanned image."""
    return dict(_UNAVAILABLE if any(_has_os(digest, blobs) for digest in manifest.layers) else _UNSUPPORTED)


def scan_findings(manifest: Manifest, blobs: BlobStore, scanned_at: float) -> dict[str, Any]:
    """Return imageScanStatus and imageScanFindings; the findings are empty."""
    findings = {"imageScanCompletedAt": scanned_at, "findings": [], "findingSeverityCounts": {}}
    return {"imageScanStatus": scan_status(manifest, blobs), "imageScanFindings": findings}


def _has_os(digest: str, blobs: BlobStore) -> bool:
    try:
        with tarfile.open(blobs.path(digest), "r:*") as layer:
            return any(member.name.removeprefix("./").lstrip("/") in _OS_FILES for member in layer)
    except (tarfile.TarError, OSError):
        return True  # a layer that cannot be read (zstd before Python 3.14) is not called empty
