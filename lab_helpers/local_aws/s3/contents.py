"""What is too large for memory: an object's bytes in a file, on their way in and on their way out, a block at a time.

A body that is larger than MOST_IN_MEMORY goes into a file while it is read. The call then has an empty body, and the
file in its environ (MARK). Who makes an object of it takes the file; one that nobody took is removed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.sums import SUMS
from lab_helpers.local_aws.state.object_files import ObjectFile

MOST_IN_MEMORY = 4 << 20
"""Bytes of an object up to which it is handled in one piece."""
BLOCK = 1 << 20
MARK = "lab.content"
_OF_OBJECTS = frozenset({"PutObject", "UploadPart"})


class Content:
    """Bytes of a file, from a place on: the whole of an object, or a piece of it.

    `is_new` says that no object has the file yet.
    """

    def __init__(self, file: Any, size_bytes: int = 0, first: int = 0, *, is_new: bool = False) -> None:
        """`file` is an ObjectFile, or another that has a descriptor."""
        self._file, self._first, self.size_bytes, self.is_new = file, first, size_bytes, is_new
        self._sums: dict[str, bytes] = {}

    def __len__(self) -> int:
        return self.size_bytes

    def __getitem__(self, asked: slice) -> Content:
        """Return a piece, as bytes do."""
        start, stop, _ = asked.indices(self.size_bytes)
        return Content(self._file, max(0, stop - start), self._first + start)

    def __iter__(self) -> Iterator[Content]:
        """Go through a web framework, which would have its bytes, in one piece."""
        yield self

    def write(self, data: bytes) -> None:
        """Add to what is new."""
        self._file.write(data)
        self.size_bytes += len(data)

    def append(self, other: Content) -> None:
        """Add what another has to what is new."""
        for block in other.blocks():
            self.write(block)

    def opened(self) -> Opened:
        """Return it to be read now, whatever becomes of its object."""
        if not self.size_bytes:
            return Opened(None, 0, 0)
        is_path = isinstance(self._file, ObjectFile)
        return Opened(self._file.descriptor() if is_path else _shared(self._file), self._first, self.size_bytes)

    def blocks(self) -> Iterator[bytes]:
        """Yield its bytes, BLOCK at a time."""
        opened = self.opened()
        try:
            yield from opened
        finally:
            opened.close()

    def checksum(self, algorithm: str) -> bytes:
        """Return a checksum of all; raises KeyError for an algorithm that is not in SUMS."""
        if algorithm not in self._sums:
            running = SUMS[algorithm]()
            for block in self.blocks():
                running.update(block)
            self._sums[algorithm] = running.digest()
        return self._sums[algorithm]

    def take(self) -> Any:
        """Return the file of a new content to whom it belongs from now on."""
        self.is_new = False
        return self._file

    def discard(self) -> None:
        """Remove the file of a content that nobody took."""
        if not self.is_new:
            return
        self.is_new = False
        if isinstance(self._file, ObjectFile):
            self._file.remove()
        else:
            self._file.close()


class Opened:
    """A content that is read once: the body of an answer. Its owner closes it; twice is as good as once."""

    def __init__(self, descriptor: int | None, first: int, size_bytes: int) -> None:
        self._descriptor, self._at, self._end = descriptor, first, first + size_bytes

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._descriptor is None or self._at >= self._end:
            raise StopIteration
        block = os.pread(self._descriptor, min(BLOCK, self._end - self._at), self._at)
        if not block:
            raise StopIteration
        self._at += len(block)
        return block

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


class Receiver:
    """Takes a body block by block: in memory, and in a file from the block on that is too much."""

    def __init__(self, new_content: Callable[[], Content]) -> None:
        self._new_content = new_content
        self._held = bytearray()  # a body may come a byte at a time
        self._content: Content | None = None
        self.size_bytes = 0

    def write(self, block: bytes) -> None:
        self.size_bytes += len(block)
        self._held += block
        if self._content is None and self.size_bytes > MOST_IN_MEMORY:
            self._content = self._new_content()
        if self._content is not None and len(self._held) >= BLOCK:
            self._write_held(self._content)

    def received(self) -> bytes | Content:
        """Return what came."""
        if self._content is None:
            return bytes(self._held)
        self._write_held(self._content)
        return self._content

    def discard(self) -> None:
        """Remove what came: it is not what was said."""
        if self._content is not None:
            self._content.discard()

    def _write_held(self, content: Content) -> None:
        content.write(bytes(self._held))
        self._held.clear()


def of(environ: Mapping[str, Any], body: bytes) -> bytes | Content:
    """Return what a call brought: its content, where that is in a file, or its body."""
    content: Content | None = environ.get(MARK)
    return body if content is None else content


def checksum(content: bytes | Content, algorithm: str) -> bytes:
    """Return a checksum of bytes or of a file's; raises KeyError for an algorithm that is not in SUMS."""
    if isinstance(content, Content):
        return content.checksum(algorithm)
    running = SUMS[algorithm]()
    running.update(content)
    return running.digest()


def refuse_document(operation: str, environ: Mapping[str, Any]) -> None:
    """Raise AwsError where a call that makes no object brought as much as an object.

    Source: "Error responses" of the Amazon S3 API reference.
    """
    if MARK in environ and operation not in _OF_OBJECTS:
        raise AwsError("MaxMessageLengthExceeded", "Your request was too large.", 400)


def discard(environ: Mapping[str, Any]) -> None:
    """Remove what a call brought and nobody took."""
    content: Content | None = environ.get(MARK)
    if content is not None:
        content.discard()


def temporary() -> Content:
    """Return a new content of a server that keeps nothing."""
    return Content(tempfile.TemporaryFile(), is_new=True)


def _shared(file: Any) -> int:
    """Return a descriptor of one's own of a temporary file."""
    number = file.fileno()
    file.flush()
    return os.dup(number)
