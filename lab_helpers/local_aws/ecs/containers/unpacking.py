"""Layers unpacked over a root file system: every entry lands below it, whatever its name, its links, its size.

Names are looked up as in the container, links of earlier entries included. A symbolic link is written relative to its
place, so that what it says inside the image is what it leads to here, and never out of the root file system.
Source: "Image Layer Filesystem Changeset" of the OCI image specification; containerd's archive package for what is
malformed, and its words.
Not modelled: owners, devices, sockets and pipes (left out), extended attributes; hard links of links.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab_helpers.base import extras
from lab_helpers.base.bounded import BoundedReader, TooLargeError
from lab_helpers.base.errors import MissingExtraError
from lab_helpers.base.files.programs import await_runnable
from lab_helpers.base.paths import below, entry_below

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_GZIP_MAGIC = b"\x1f\x8b"
_WHITEOUT, _OPAQUE, _AUFS = ".wh.", ".wh..wh..opq", ".wh..wh."
_CHUNK = 1 << 20
_LAST_SECOND = 2**31 - 1
MOST_PARTS = 128
"""Folders in a folder: what a layer may nest, and what can be removed again."""
MIB = 1 << 20


class LayerError(Exception):
    """A layer that cannot be unpacked; the text is containerd's where it has one."""


@dataclass(frozen=True)
class LayerLimits:
    """What the layers of one image may unpack to.

    A layer: `ratio` times its own size, but `always_bytes` in any case. All together: `most_bytes`, and `most_entries`
    files, folders and links.
    """

    most_bytes: int = 4096 * MIB
    always_bytes: int = 64 * MIB
    ratio: int = 50
    most_entries: int = 400_000

    def allowed(self, size_bytes: int) -> int:
        """Return how many bytes a layer of `size_bytes` may unpack to."""
        return min(self.most_bytes, max(self.always_bytes, self.ratio * size_bytes))

    def after(self, used_bytes: int, entries: int) -> LayerLimits:
        """Return what is left for the next layers."""
        return replace(self, most_bytes=self.most_bytes - used_bytes, most_entries=self.most_entries - entries)


def unpack(layer: Path, rootfs: Path, limits: LayerLimits | None = None) -> LayerLimits:
    """Unpack a layer (tar; plain, gzip or zstd) over `rootfs`, with its deletions (".wh." files).

    Returns what is left of the limits. Raises LayerError, after which `rootfs` may hold a part of the layer.
    """
    known = limits or LayerLimits()
    unpacking = _Unpacking(rootfs, known)
    try:
        with _opened(layer, known.allowed(layer.stat().st_size)) as (archive, stream):
            unpacking.run(archive)
            return known.after(stream.used_bytes, unpacking.entries)
    except LayerError:
        raise
    except MissingExtraError as exc:
        raise LayerError(f"the layer is compressed with zstd. {exc}") from exc
    except TooLargeError as exc:
        raise LayerError(f"the layer unpacks to more than {exc.most_bytes // MIB} MiB") from exc
    except OSError as exc:
        raise LayerError(_as_the_kernel_says(exc, rootfs)) from exc
    except Exception as exc:  # tarfile, gzip, zlib and zstandard have no common base, and broken input reaches others
        raise LayerError(f"archive/tar: invalid tar header: {exc}") from exc


class _Unpacking:
    """One layer going over a root file system."""

    def __init__(self, rootfs: Path, limits: LayerLimits) -> None:
        self._root, self._limits = rootfs, limits
        self._mine: set[Path] = {rootfs}
        self.entries = 0

    def run(self, archive: tarfile.TarFile) -> None:
        for member in _members(archive):
            self.entries += 1
            if self.entries > self._limits.most_entries:
                raise LayerError(f"the layer has more than {self._limits.most_entries} entries")
            self._take(archive, member)

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = _checked(member.name)
        if not name:
            return
        folder, last = self._folder_of(name), name.rpartition("/")[2]
        if last.startswith(_WHITEOUT):
            self._white_out(folder, last)
            return
        target = folder / last
        if member.isdir():
            self._make_folder(target)
        elif member.isfile():
            self._write(archive, member, target)
        elif member.issym():
            self._link(target, member.linkname)
        elif member.islnk():
            self._hard_link(target, member.linkname)
        self._own(target)

    def _own(self, target: Path) -> None:
        while target not in self._mine:
            self._mine.add(target)
            target = target.parent

    def _folder_of(self, name: str) -> Path:
        folder = below(self._root, name.rpartition("/")[0])
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _make_folder(self, target: Path) -> None:
        if target.is_symlink() or not target.is_dir():
            remove(target)
            target.mkdir()

    def _write(self, archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
        source = None if member.issparse() else archive.extractfile(member)
        if source is None:
            raise LayerError("archive/tar: invalid tar header: sparse files are not unpacked here")
        remove(target)
        number = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(number, "wb") as written:
            shutil.copyfileobj(source, written, _CHUNK)
            os.fchmod(number, (member.mode & 0o755) | 0o600)
        if member.mode & 0o111:
            await_runnable(target)
        written_at = min(max(member.mtime, 0), _LAST_SECOND)  # web servers tell browsers by it what they have already
        os.utime(target, (written_at, written_at))

    def _link(self, target: Path, says: str) -> None:
        remove(target)
        target.symlink_to(_relative(self._root, target.parent, says))

    def _hard_link(self, target: Path, says: str) -> None:
        source = entry_below(self._root, _checked(says))
        if source.is_symlink() or not source.is_file():
            raise LayerError(f"link {says}: no such file or directory")
        if source != target:
            remove(target)
            target.hardlink_to(source)

    def _white_out(self, folder: Path, last: str) -> None:
        if last == _OPAQUE:
            for entry in list(folder.iterdir()):
                self._remove_lower(entry)
        elif not last.startswith(_AUFS):
            hidden = last.removeprefix(_WHITEOUT)
            if hidden in {"", ".", ".."}:
                raise LayerError(f"invalid whiteout name: {last}")
            remove(folder / hidden)

    def _remove_lower(self, entry: Path) -> None:
        """Remove what lower layers put here; what this one did stays, in whichever order its entries come."""
        if entry not in self._mine:
            remove(entry)
        elif entry.is_dir() and not entry.is_symlink():
            for each in list(entry.iterdir()):
                self._remove_lower(each)


def remove(path: Path) -> None:
    """Remove a file, a link (not what it leads to) or a folder with all in it; nothing there is good too."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := archive.next()) is not None:
        yield member
        archive.members = []  # type: ignore[attr-defined]  # a reader of a stream keeps all that it has seen


def _checked(name: str) -> str:
    """Return an entry's name as seen from the root file system's top; refuse one that climbs out of it."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            if not parts:
                raise LayerError(f"archive/tar: invalid tar header: {name!r} is outside of the root file system")
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    if len(parts) > MOST_PARTS:
        raise LayerError(f"archive/tar: invalid tar header: a name of {len(parts)} parts")
    return "/".join(parts)


def _relative(root: Path, folder: Path, says: str) -> str:
    """Return what a link in `folder` has to say, so that it leads where `says` leads in the image, and not above."""
    if not says:
        raise LayerError("archive/tar: invalid tar header: a link to nothing")
    here = os.path.join("/", folder.relative_to(root).as_posix())
    wanted = "/" + os.path.normpath(os.path.join(here, says)).lstrip("/")
    return os.path.relpath(os.path.normpath(wanted), os.path.normpath(here))


@contextmanager
def _opened(layer: Path, most_bytes: int) -> Iterator[tuple[tarfile.TarFile, BoundedReader]]:
    with layer.open("rb") as packed:
        magic = packed.read(4)
        packed.seek(0)
        plain: Any = packed
        if magic.startswith(_GZIP_MAGIC):
            plain = gzip.GzipFile(fileobj=packed)
        elif magic == _ZSTD_MAGIC:
            plain = extras.loaded("zstandard").ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        stream = BoundedReader(plain, most_bytes)
        readable: Any = stream
        with tarfile.open(fileobj=readable, mode="r|", errorlevel=2) as archive:
            yield archive, stream


def _as_the_kernel_says(exc: Exception, rootfs: Path) -> str:
    name = getattr(exc, "filename", None)
    where = str(name).replace(str(rootfs), "") if name else "the layer"
    return f"{where}: {(getattr(exc, 'strerror', None) or str(exc)).lower()}"
