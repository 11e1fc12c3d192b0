"""Compression with ISA-L where it is installed, and with Python's own libraries where it is not."""

from __future__ import annotations

import gzip
import sys
import zlib

import pytest

from lab_helpers.router.records.compress import (
    DecompressError,
    compressor,
    decompress,
    gzip_library,
    zlib_library,
)

PLAIN = b"GET /\n" * 1000


@pytest.mark.parametrize("is_fast", [True, False])
def test_bytes_come_back_whichever_library_is_there(monkeypatch: pytest.MonkeyPatch, is_fast: bool) -> None:
    """gzip in one member and in two, zlib, what is cut off and what is damaged: both libraries agree."""
    if not is_fast:
        for name in ("isal.igzip", "isal.isal_zlib"):
            monkeypatch.setitem(sys.modules, name, None)
    assert (gzip_library() is gzip, zlib_library() is zlib) == (not is_fast, not is_fast)
    compress = compressor("gzip")
    assert compress is not None
    packed = compress(PLAIN)
    assert len(packed) < len(PLAIN) // 10
    assert decompress("gzip", packed + packed) == PLAIN + PLAIN
    assert decompress("zlib", zlib_library().compress(PLAIN)) == PLAIN
    with pytest.raises(DecompressError, match="gzip: cut off"):
        decompress("gzip", packed[:-9])
    assert PLAIN.startswith(decompress("gzip", packed[:-9], may_be_cut=True))
    with pytest.raises(DecompressError, match="gzip: "):
        decompress("gzip", packed[:12] + b"\xff" * 20)
