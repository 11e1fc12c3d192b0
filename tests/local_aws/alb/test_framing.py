"""Where bodies end, whatever pieces they come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.local_aws.alb.http.framing import ChunkedBody, CountedBody, UntilCloseBody
from lab_helpers.local_aws.alb.http.heads import BadHeadError


def chunked(chunks: list[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.lists(st.integers(1, 30), max_size=30))
def test_chunked_bodies_in_any_pieces(chunks: list[bytes], cuts: list[int]) -> None:
    """The end is found exactly, and the payload is what was in the chunks."""
    data, payload = chunked(chunks) + b"NEXT", []
    body, taken = ChunkedBody(payload), 0
    for cut in [*cuts, len(data)]:
        piece = data[taken : taken + cut]
        taken += body.take(piece)
        if body.done:
            break
    assert body.done
    assert data[taken:] == b"NEXT"
    assert b"".join(payload) == b"".join(chunks)


def test_trailers_belong_to_the_body() -> None:
    """Fields behind the last chunk end with an empty line."""
    body, data = ChunkedBody(), b"3;ext=1\r\nabc\r\n0\r\nChecksum: 1\r\nOther: 2\r\n\r\nX"
    assert body.take(data) == len(data) - 1
    assert body.done


@pytest.mark.parametrize(
    "data",
    [
        b"xyz\r\n",
        b"\r\n",
        b"-1\r\n",
        b"0x10\r\n",
        b"1" * 5000,
        b"3\nabc",
        b"\x0b3\r\n",
        b"3\r\nabcde",
        b"3\r\nabc\n",
        b"0\r\n\n",
        b"3\r\r\n",
        b"1" * 17 + b"\r\n",
    ],
)
def test_bad_chunk_sizes(data: bytes) -> None:
    """A size that is no plain hexadecimal number is refused."""
    with pytest.raises(BadHeadError):
        ChunkedBody().take(data)


def test_counted_and_until_close() -> None:
    """A counted body takes its bytes and no more; the other takes everything and never ends by itself."""
    counted = CountedBody(5)
    assert (counted.take(b"abc"), counted.done, counted.take(b"defg"), counted.done) == (3, False, 2, True)
    assert CountedBody(0).done
    endless = UntilCloseBody()
    assert (endless.take(b"abc"), endless.done) == (3, False)
