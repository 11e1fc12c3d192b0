"""Bodies in chunks, signed and unsigned."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.local_aws.identity import chunks
from lab_helpers.local_aws.identity.chunks import ChunkError, ChunkSignatureError, unchunk
from lab_helpers.local_aws.identity.sigv4 import EMPTY_SHA256, Signature, sign, signing_key

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"


def _signature(kind: str, seed: str = SEED) -> Signature:
    return Signature(
        "AKIAIOSFODNN7EXAMPLE", "20130524", "us-east-1", "s3", ("host",), seed, "20130524T000000Z", payload=kind
    )


def _chunked(kind: str, parts: list[bytes], trailers: dict[str, str] | None = None) -> bytes:
    signature = _signature(kind)
    key, previous = signing_key(SECRET, "20130524", "us-east-1", "s3"), SEED
    head, body = f"20130524T000000Z\n{signature.scope}", b""
    for part in [*parts, b""]:
        line = f"{len(part):x}"
        if kind != chunks.UNSIGNED_TRAILER:
            text = f"AWS4-HMAC-SHA256-PAYLOAD\n{head}\n{previous}\n{EMPTY_SHA256}\n{hashlib.sha256(part).hexdigest()}"
            previous = sign(key, text)
            line += f";chunk-signature={previous}"
        body += line.encode() + b"\r\n" + part + (b"\r\n" if part else b"")
    for name, value in (trailers or {}).items():
        body += f"{name}:{value}\r\n".encode()
    if kind == chunks.SIGNED_TRAILER:
        lines = "".join(f"{name}:{value}\n" for name, value in (trailers or {}).items())
        text = f"AWS4-HMAC-SHA256-TRAILER\n{head}\n{previous}\n{hashlib.sha256(lines.encode()).hexdigest()}"
        body += f"x-amz-trailer-signature:{sign(key, text)}\r\n".encode()
    return body + b"\r\n"


def _unchunked(
    body: bytes, signature: Signature, secret: str = SECRET, block_bytes: int = 1 << 16
) -> tuple[bytes, dict[str, str]]:
    blocks = (body[at : at + block_bytes] for at in range(0, len(body), block_bytes))
    taken: list[bytes] = []
    trailers = unchunk(blocks, signature, secret, taken.append)
    return b"".join(taken), trailers


def test_the_example_of_awss_documentation() -> None:
    """Its first chunk's signature, of 65,536 letters a, as documented; the chunks after it too."""
    body = _chunked(chunks.SIGNED, [b"a" * 65536, b"a" * 1024])
    assert b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648" in body
    assert b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497" in body
    assert b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9" in body
    assert _unchunked(body, _signature(chunks.SIGNED))[0] == b"a" * 66560


@pytest.mark.parametrize("kind", sorted(chunks.KINDS))
def test_content_and_trailers(kind: str) -> None:
    """The content in one piece, and the headers at its end."""
    trailers = {} if kind == chunks.SIGNED else {"x-amz-checksum-crc32": "AAAAAA=="}
    got = _unchunked(_chunked(kind, [b"one\r\n", b"two"], trailers), _signature(kind))
    assert got == (b"one\r\ntwo", trailers)


@pytest.mark.parametrize("kind", sorted(chunks.KINDS))
@given(block_bytes=st.integers(1, 300))
def test_however_the_network_cuts_it(kind: str, block_bytes: int) -> None:
    """A block may end within a line, a chunk or a trailer."""
    trailers = {} if kind == chunks.SIGNED else {"x-amz-checksum-crc32": "AAAAAA=="}
    body = _chunked(kind, [b"one\r\n", b"2" * 100], trailers)
    assert _unchunked(body, _signature(kind), block_bytes=block_bytes) == (b"one\r\n" + b"2" * 100, trailers)


def test_a_chunk_is_handed_on_before_it_is_there_as_a_whole() -> None:
    """In pieces no larger than the blocks that come: a chunk may be as large as the object."""
    sizes: list[int] = []
    body = _chunked(chunks.SIGNED, [b"x" * 100_000])
    blocks = (body[at : at + 1000] for at in range(0, len(body), 1000))
    unchunk(blocks, _signature(chunks.SIGNED), SECRET, lambda piece: sizes.append(len(piece)))
    assert (sum(sizes), max(sizes)) == (100_000, 1000)


@pytest.mark.parametrize("kind", [chunks.SIGNED, chunks.SIGNED_TRAILER])
def test_signed_chunks_cannot_be_changed(kind: str) -> None:
    """Neither content, nor order, nor the trailer, nor the secret."""
    good = _chunked(kind, [b"one", b"two"], {"x-amz-checksum-crc32": "AAAAAA=="} if kind != chunks.SIGNED else None)
    changed = [good.replace(b"one", b"One"), good.replace(b"AAAAAA", b"BAAAAA")]
    for body in [each for each in changed if each != good]:
        with pytest.raises(ChunkSignatureError):
            _unchunked(body, _signature(kind))
    with pytest.raises(ChunkSignatureError):
        _unchunked(good, _signature(kind), "other")
    with pytest.raises(ChunkSignatureError):
        _unchunked(good, _signature(kind, "0" * 64))


@given(st.sampled_from(sorted(chunks.KINDS)), st.binary(max_size=80), st.integers(0, 400))
def test_any_body_is_read_or_refused(kind: str, damage: bytes, at: int) -> None:
    """Cut off, overwritten, or something else altogether."""
    whole = bytearray(_chunked(kind, [b"one" * 20, b"two"]))
    whole[at : at + len(damage)] = damage
    for body in (bytes(whole), damage, bytes(whole[:at])):
        try:
            _unchunked(body, _signature(kind))
        except (ChunkError, ChunkSignatureError):
            continue
