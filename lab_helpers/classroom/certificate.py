"""The certificate of the class's server: made once, kept with the class, so that a code stays good."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lab_helpers.base.errors import ClassError
from lab_helpers.classroom import files

VALID_FOR = timedelta(days=365)
"""Browsers ask; `lab join` goes by the fingerprint alone."""
ORGANISATION = "FireLens lab class"
_BEGIN = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Tls:
    """What a server shows (DER), and how it speaks."""

    certificate: bytes
    context: ssl.SSLContext


def tls_of(home: Path, hosts: Iterable[str], fresh: bool) -> Tls:
    """Return the kept certificate, or a new one for some addresses; raises ClassError for one that cannot be read."""
    path = files.tls_file(home)
    if fresh or not path.exists():
        files.keep_tls(home, _made(sorted({"localhost", *hosts})))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(path)
        text = path.read_text(encoding="ascii")
        return Tls(ssl.PEM_cert_to_DER_cert(text[text.index(_BEGIN) :].strip()), context)
    except (OSError, ValueError) as exc:  # ssl's errors are OSErrors
        raise ClassError.damaged(files.TLS) from exc


def _made(hosts: Iterable[str]) -> str:
    """Return a private key and its certificate, PEM; the authority that signed it is forgotten."""
    import trustme

    now = datetime.now(UTC)
    made = trustme.CA(organization_name=ORGANISATION).issue_cert(
        *hosts, organization_name=ORGANISATION, not_before=now - timedelta(days=1), not_after=now + VALID_FOR
    )
    return made.private_key_and_cert_chain_pem.bytes().decode("ascii")
