"""CRC-32C and CRC-64/NVME."""

from __future__ import annotations

import base64
import random

import pytest

from lab_helpers.local_aws.kit import crc as module
from lab_helpers.local_aws.kit.crc import CRC32C, CRC64NVME, LANE, LONG, Crc


@pytest.mark.parametrize(
    ("crc", "data", "value"),
    [
        (CRC32C, b"123456789", "e3069283"),
        (CRC64NVME, b"123456789", "ae8b14860a799888"),
        (CRC64NVME, bytes(4096), "6482d367eb22b64e"),  # the specification's own examples, of 4 KiB
        (CRC64NVME, b"\xff" * 4096, "c0ddba7302eca3ac"),
        (CRC32C, bytes(32), "8a9136aa"),  # RFC 3720's examples
        (CRC32C, b"\xff" * 32, "62a8ab43"),
        (CRC64NVME, b"", "0000000000000000"),
    ],
)
def test_the_published_values(crc: Crc, data: bytes, value: str) -> None:
    """What the catalogue of CRC algorithms, the NVM specification and RFC 3720 have."""
    assert crc.digest(data).hex() == value


@pytest.mark.parametrize("crc", [CRC32C, CRC64NVME])
@pytest.mark.parametrize("size", [LONG - 1, LONG, LONG + 1, LONG + 3 * LANE + 7])
def test_lanes_side_by_side_are_bytes_one_after_the_other(crc: Crc, size: int) -> None:
    """Whatever is long is what the table alone makes of it."""
    data = random.Random(size).randbytes(size)
    state = crc._ones
    for byte in data:
        state = crc._table[(state ^ byte) & 0xFF] ^ (state >> 8)
    assert int.from_bytes(crc.digest(data), "big") == state ^ crc._ones


def test_an_object_of_many_lanes() -> None:
    """The recorded CRC64NVME of 10 MiB and 12 letters, which a multipart upload of LocalStack's was completed with."""
    part = b"a" * (5 * 1024 * 1024 + 1)
    assert base64.b64encode(CRC64NVME.digest(part * 2 + part[:10])).decode() == "ZMNX55lZurA="


def test_without_numpy_the_value_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core of the package has none."""
    data = random.Random(2).randbytes(LONG + LANE + 7)
    by_lanes = CRC64NVME.digest(data)
    monkeypatch.setattr(module, "find_spec", lambda _name: None)
    module._has_numpy.cache_clear()
    try:
        assert CRC64NVME.digest(data) == by_lanes
    finally:
        module._has_numpy.cache_clear()
