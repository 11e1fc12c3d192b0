"""By what a trainee's machine knows an encrypted class's server: by its certificate, not by whoever has signed it.

The join code of such a class is the class's code and the certificate's fingerprint, in groups of four: who types it in
has both from the trainer, and not from the network. To find another certificate with these sixteen letters takes 2^79
attempts. `lab join` compares them once and keeps the whole SHA-256, with which each later report is pinned.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from collections.abc import Iterator

from lab_helpers.classroom.room import ALPHABET, CODE_LENGTH

LETTERS = 16
_PORT = 443


def pin(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate (DER) in hexadecimal."""
    return hashlib.sha256(certificate).hexdigest()


def letters(certificate: bytes) -> str:
    """Return the fingerprint as it stands in a join code."""
    number = int.from_bytes(hashlib.sha256(certificate).digest())

    def digits() -> Iterator[str]:
        rest = number
        for _ in range(LETTERS):
            rest, digit = divmod(rest, len(ALPHABET))
            yield ALPHABET[digit]

    return "".join(digits())


def join_code(code: str, certificate: bytes) -> str:
    """Return what trainees type in: the class's code and the fingerprint."""
    whole = code.replace("-", "") + letters(certificate)
    return "-".join(whole[at : at + 4] for at in range(0, len(whole), 4))


def parted(join_code: str) -> tuple[str, str]:
    """Return the class's code and the fingerprint ("": the code has none), as people type it."""
    typed = re.sub(r"[\s-]", "", join_code.upper())
    if len(typed) != CODE_LENGTH + LETTERS:
        return join_code, ""
    return typed[:CODE_LENGTH], typed[CODE_LENGTH:]


def certificate_at(host: str, port: int | None, timeout_s: float) -> bytes:
    """Return the certificate (DER) of what listens there, unjudged.

    Raises OSError when nothing listens there, SSLError when it shows none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((host, port or _PORT), timeout_s) as plain:
        try:
            with context.wrap_socket(plain) as wrapped:
                return wrapped.getpeercert(binary_form=True) or b""
        except OSError as exc:
            raise ssl.SSLError(str(exc)) from exc
