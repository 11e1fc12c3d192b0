"""The local AWS's certificate: believed by who trusts its authority, for this machine's names, and by nobody else."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from lab_helpers.local_aws.front.tls import write_certificates


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    answering = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [asking, answering]
    for _ in range(4):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    assert waiting == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_who_trusts_the_authority_believes_the_server(name: str, tmp_path: Path) -> None:
    """By address and by name."""
    ca_file, server = write_certificates(tmp_path)
    _shake_hands(server, ssl.create_default_context(cafile=str(ca_file)), name)


def test_another_name_is_not_believed(tmp_path: Path) -> None:
    """Nobody can be AWS with it."""
    ca_file, server = write_certificates(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(server, ssl.create_default_context(cafile=str(ca_file)), "logs.ap-northeast-1.amazonaws.com")


def test_who_does_not_trust_it_does_not_believe(tmp_path: Path) -> None:
    """It is no authority of the machine's."""
    _, server = write_certificates(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(server, ssl.create_default_context(), "localhost")


def test_no_private_key_stays_on_the_disk(tmp_path: Path) -> None:
    """What the folder has is the authority's certificate."""
    ca_file, _ = write_certificates(tmp_path)
    assert list(tmp_path.iterdir()) == [ca_file]
    assert "PRIVATE" not in ca_file.read_text()
