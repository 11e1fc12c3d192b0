"""A class by TLS: its code holds the fingerprint of its server, and nothing is sent to any other."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from lab_helpers.base.errors import ClassError
from lab_helpers.classroom import certificate, files, fingerprint, member, serving
from lab_helpers.classroom.member import Answer
from lab_helpers.classroom.server import ClassServer
from lab_helpers.classroom.serving import open_class


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ClassServer]:
    """An encrypted class, on loopback."""
    with open_class(tmp_path / "trainer", port=0, encrypted=True) as server:
        yield server


def _where(server: ClassServer) -> str:
    return f"https://127.0.0.1:{server.port}"


def test_joining_and_reporting_are_encrypted(served: ClassServer, tmp_path: Path) -> None:
    """The code names the server, as people type it; the seat keeps the whole fingerprint; leaving works, too."""
    seat = member.join(tmp_path / "mia", f"127.0.0.1:{served.port}", served.join_code.lower().replace("-", " "), "Mia")
    assert served.tls is not None
    assert (seat.url, seat.pin) == (_where(served), fingerprint.pin(served.tls.certificate))
    assert files.seat(tmp_path / "mia") == seat
    assert member.report(tmp_path / "mia", seat).status == 200
    assert [each.name for each in served.room.seats.values()] == ["Mia"]
    member.leave(tmp_path / "mia")
    assert served.room.seats == {}


def test_another_server_hears_nothing(served: ClassServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One with another certificate, or one without any: neither code nor name nor progress goes there."""
    heard: list[str] = []
    monkeypatch.setattr(member, "post", lambda *_: heard.append("") or Answer(0, {}))
    with open_class(tmp_path / "eve", port=0, encrypted=True) as other:
        code = fingerprint.join_code(served.room.code, other.tls.certificate) if other.tls else ""
    with pytest.raises(ClassError, match="has not the certificate that the code names"):
        member.join(tmp_path, _where(served), code, "Mia")
    with open_class(tmp_path / "plain", port=0) as plain:
        for where in (f"https://127.0.0.1:{plain.port}", f"127.0.0.1:{plain.port}"):
            with pytest.raises(ClassError, match="has not the certificate"):
                member.join(tmp_path, where, served.join_code, "Mia")
    assert (heard, files.seat(tmp_path)) == ([], None)


def test_a_report_goes_to_the_pinned_server_alone(served: ClassServer, tmp_path: Path) -> None:
    """Somebody who takes the address later is not told the token; without a pin TLS is spoken with nobody."""
    token = member.join(tmp_path, _where(served), served.join_code, "Mia").token
    assert served.tls is not None
    pin = fingerprint.pin(served.tls.certificate)
    answers = [member.post(f"{_where(served)}/report", token, {}, each) for each in ("", pin[:-1] + "x", "0" * 64, pin)]
    assert [each.status for each in answers] == [0, 0, 0, 200]


@pytest.mark.parametrize("code", ["", "ABCD-EFGH", "ABCD-EFGH-JKMN"])
def test_a_code_without_fingerprint_joins_no_encrypted_class(served: ClassServer, tmp_path: Path, code: str) -> None:
    """The sentence says how long the code is."""
    with pytest.raises(ClassError, match="has 24 letters"):
        member.join(tmp_path, _where(served), code, "Mia")


def test_a_code_with_fingerprint_is_not_sent_in_the_clear(served: ClassServer, tmp_path: Path) -> None:
    """Who types http:// before the address of an encrypted class is told so."""
    with pytest.raises(ClassError, match="begins with https://"):
        member.join(tmp_path, f"http://127.0.0.1:{served.port}", served.join_code, "Mia")


def test_a_machine_that_is_not_there_is_said_to_be_that(tmp_path: Path) -> None:
    """As without TLS."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ClassError, match="Nothing answers"):
        member.join(tmp_path, f"https://127.0.0.1:{port}", "ABCDEFGH" + "JKMNPQRS" * 2, "Mia")


def test_the_certificate_stays_with_the_class(tmp_path: Path) -> None:
    """The trainer's machine may go and come back: the code is good; the key is its owner's only; --fresh has others."""
    with open_class(tmp_path, port=0, encrypted=True) as server:
        code, port = server.join_code, server.port
        seat = member.join(tmp_path / "mia", _where(server), code, "Mia")
    assert stat.S_IMODE((tmp_path / "class" / files.TLS).stat().st_mode) == 0o600
    with open_class(tmp_path, encrypted=True) as server:
        assert (server.join_code, server.port) == (code, port)
        assert member.report(tmp_path / "mia", seat).status == 200
    with open_class(tmp_path, port=port, fresh=True, encrypted=True) as server:
        assert server.join_code[-19:] != code[-19:]
        assert member.report(tmp_path / "mia", seat).status == 0
        again = member.join(tmp_path / "mia", _where(server), server.join_code, "Mia")
        assert (again.token != seat.token, again.name) == (True, "Mia")


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"])
def test_a_certificate_that_cannot_be_read_says_the_way_out(tmp_path: Path, text: str) -> None:
    """And no socket stays behind."""
    files.keep_tls(tmp_path, text)
    with (
        pytest.raises(ClassError, match=r"tls\.pem\) cannot be read.*--fresh"),
        open_class(tmp_path, port=0, encrypted=True),
    ):
        pass


def test_the_page_is_the_same_by_tls(served: ClassServer) -> None:
    """With the certificate that the trainer is shown a browser has the page; its own origin is answered."""
    assert served.tls is not None
    context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(served.tls.certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for path, header in (("/", {}), ("/class", {"Authorization": f"Bearer {served.room.trainer}"})):
        asked = urllib.request.Request(_where(served) + path, headers={**header, "Origin": _where(served)})
        with urllib.request.urlopen(asked, context=context, timeout=10) as answer:
            got = answer.read().decode()
        assert answer.status == 200
    assert f'"code": "{served.join_code}"' in got
    digits = fingerprint.pin(served.tls.certificate).upper()
    told = "\n".join(serving.welcome(served))
    assert f"lab join {_where(served)} {served.join_code}" in told
    assert ":".join(digits[at : at + 2] for at in range(0, 64, 2)) in told


def test_what_speaks_no_tls_does_not_end_the_class(
    served: ClassServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A plain request, noise, and somebody who only connects: no answer, and the next one is served."""
    caplog.set_level(logging.ERROR, "tornado.general")
    address = ("127.0.0.1", served.port)
    with socket.create_connection(address, 10):  # says nothing
        for sent in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\0" * 1000):
            with socket.create_connection(address, 10) as raw:
                assert b"HTTP" not in _answer(raw, sent)
        assert member.join(tmp_path, _where(served), served.join_code, "Mia").name == "Mia"


def _answer(raw: socket.socket, sent: bytes) -> bytes:
    """Return what comes back; nothing where the other side has closed already, at whichever step that shows."""
    try:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        return raw.recv(1000)
    except OSError as exc:
        if not isinstance(exc, ConnectionError) and exc.errno != errno.ENOTCONN:
            raise
        return b""


def test_an_address_of_the_network_is_encrypted_unless_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback is plain, an address has TLS; --no-tls says what can be read."""
    monkeypatch.setattr(serving, "is_loopback", lambda _: False)
    with open_class(tmp_path, port=0) as server:
        assert server.scheme == "https"
        assert "What is sent is encrypted." in "\n".join(serving.welcome(server))
    with open_class(tmp_path, port=0, encrypted=False) as server:
        assert (server.scheme, server.join_code) == ("http", server.room.code)
        assert "not encrypted on their way" in "\n".join(serving.welcome(server))
    monkeypatch.undo()
    with open_class(tmp_path, port=0) as server:
        assert server.scheme == "http"
        assert member.join(tmp_path / "mia", f"127.0.0.1:{server.port}", server.room.code, "Mia").pin == ""


def test_join_codes() -> None:
    """Sixteen letters of the alphabet that can be read aloud, all of the certificate's doing; typed in any case."""
    first, other = fingerprint.letters(b"one"), fingerprint.letters(b"another")
    assert first != other
    assert (len(first), set(first) <= set("ABCDEFGHJKMNPQRSTUVWXYZ23456789")) == (16, True)
    code = fingerprint.join_code("ABCD-EFGH", b"one")
    assert code[:10] == "ABCD-EFGH-"
    assert fingerprint.parted(f" {code.lower()} ") == ("ABCDEFGH", first)
    assert fingerprint.parted("ABCD-EFGH") == ("ABCD-EFGH", "")


def test_the_certificate_names_where_it_is_served(tmp_path: Path) -> None:
    """The addresses are in it: a browser that is told to trust it has nothing else to complain of."""
    made = certificate.tls_of(tmp_path, ["192.0.2.7", "fe80::1"], fresh=True)
    names = x509.load_der_x509_certificate(made.certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(each) for each in names.value.get_values_for_type(x509.IPAddress)] == ["192.0.2.7", "fe80::1"]
