"""A certificate authority of the lab's own, and a certificate for 127.0.0.1: the real fluent-bit speaks only TLS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

VALID_FOR = timedelta(days=7)
ORGANISATION = "FireLens lab"


def write_certificates(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Write a fresh authority's certificate to `folder`; return (its file, context for the server).

    No private key stays on the disk: the authority signs once, and the server's is handed to its context.
    """
    authority = trustme.CA(organization_name=ORGANISATION)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1", not_after=datetime.now(UTC) + VALID_FOR).configure_cert(context)
    return ca_file, context
