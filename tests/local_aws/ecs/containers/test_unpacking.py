"""Layers: whatever is in them stays below the image's folder, or the layer is refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab_helpers.local_aws.ecs.containers.unpacking import MIB, LayerError, LayerLimits, unpack

_KINDS = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "dir": tarfile.DIRTYPE, "fifo": tarfile.FIFOTYPE}


class Place:
    """An image's folder with a neighbour whose content nobody may touch."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root, self.victim = folder / "task" / "rootfs", folder / "victim"
        self.root.mkdir(parents=True)
        (self.victim / "deep").mkdir(parents=True)
        (self.victim / "file").write_text("mine")
        (self.victim / "deep" / "file").write_text("mine")
        self.before = self._outside()

    def add(self, *entries: tuple[str, str, str | bytes], limits: LayerLimits | None = None) -> None:
        """Unpack a layer of (kind, name, content or target)."""
        self.add_bytes(layer(*entries), limits)

    def add_bytes(self, content: bytes, limits: LayerLimits | None = None) -> None:
        """Unpack these bytes."""
        packed = self.root.parent / "layer"
        packed.write_bytes(content)
        try:
            unpack(packed, self.root, limits)
        finally:
            packed.unlink()

    def names(self) -> list[str]:
        """Files and links of the image."""
        found = [path for path in self.root.rglob("*") if path.is_symlink() or not path.is_dir()]
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def _outside(self) -> list[tuple[str, bytes]]:
        kept = [path for path in self._folder.rglob("*") if not path.is_relative_to(self.root)]
        return sorted((str(path), path.read_bytes() if path.is_file() else b"") for path in kept)

    def check(self) -> None:
        """Nothing outside has changed, and no link of the image leads there."""
        assert self._outside() == self.before
        for folder, folders, files in os.walk(self.root):
            for name in [*folders, *files]:
                path = Path(folder, name)
                if path.is_symlink() and not _is_circle(path):
                    assert path.resolve().is_relative_to(self.root.resolve()), path


def _is_circle(path: Path) -> bool:
    try:
        path.resolve(strict=True)
    except FileNotFoundError:
        return False
    except (OSError, RuntimeError):
        return True
    return False


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place that is unharmed at the end."""
    made = Place(tmp_path)
    yield made
    made.check()


def layer(*entries: tuple[str, str, str | bytes]) -> bytes:
    """Return a tar of (kind, name, content or target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for kind, name, what in entries:
            info = tarfile.TarInfo(name)
            info.type = _KINDS.get(kind, tarfile.REGTYPE)
            if kind == "file":
                content = what if isinstance(what, bytes) else what.encode()
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = str(what)
                archive.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, zstandard.ZstdCompressor().compress], ids=["plain", "gzip", "zstd"]
)
def test_layers_may_be_compressed(compress: object, place: Place) -> None:
    """Plain tar, gzip and zstd."""
    place.add_bytes(compress(layer(("file", "a/b.conf", "hello"))))  # type: ignore[operator]
    assert (place.root / "a/b.conf").read_bytes() == b"hello"


def test_a_later_layer_can_delete_and_replace(place: Place) -> None:
    """.wh. files take one file away, the opaque one all of a folder but what its own layer has there."""
    place.add(("file", "d/one", "1"), ("file", "d/two", "2"), ("file", "e/three", "3"), ("file", "e/f/four", "4"))
    place.add(
        ("file", "e/f/five", "5"), ("file", "d/.wh.one", ""), ("file", "e/.wh..wh..opq", ""), ("file", "e/new", "")
    )
    assert place.names() == ["d/two", "e/f/five", "e/new"]
    place.add(("dir", "d/two", ""), ("file", "e/f", "a file now"))
    assert place.names() == ["e/f", "e/new"]


@pytest.mark.parametrize("target", ["{victim}", "../../victim", "x/../../../victim"])
def test_deletions_stay_in_the_image(target: str, place: Place) -> None:
    """Fault 1 of the hardening list: an absolute or climbing whiteout deleted any file of the user."""
    for name in ("/.wh..wh..opq", "/.wh.file", "/deep/.wh..wh..opq"):
        entry = target.format(victim=place.victim) + name
        if target.startswith(("..", "x/")):
            with pytest.raises(LayerError, match="outside of the root file system"):
                place.add(("file", entry, ""))
        else:
            place.add(("file", entry, ""))


@pytest.mark.parametrize("name", [".wh...", ".wh..", ".wh.", "a/.wh...", "a/.wh..", ".wh.../x"])
def test_deletions_without_a_name_are_refused(name: str, place: Place) -> None:
    """`.wh...` means `..`, which is no entry of a folder; as a folder's name it is a name like another."""
    place.add(("file", "a/kept", "x"))
    if name.endswith("/x"):
        place.add(("file", name, ""))
    else:
        with pytest.raises(LayerError, match="invalid whiteout name"):
            place.add(("file", name, ""))
    assert "a/kept" in place.names()


@pytest.mark.parametrize("link", ["{victim}", "../../victim", "a/../../../victim", "/../../../{victim}"])
def test_links_lead_nowhere_else(link: str, place: Place) -> None:
    """A link, then entries, deletions and hard links through it: all below the image's folder."""
    says = link.format(victim=place.victim)
    place.add(("link", "out", says))
    place.add(("file", "out/planted", "x"), ("file", "out/.wh.file", ""), ("file", "out/deep/.wh..wh..opq", ""))
    assert sum(name.endswith("planted") for name in place.names()) == 1
    with pytest.raises(LayerError, match="no such file"):
        place.add(("hard", "stolen", f"{place.victim}/file"))
    with pytest.raises(LayerError):
        place.add(("hard", "stolen", "out"))


def test_a_link_is_not_written_through(place: Place) -> None:
    """A file over a link takes the link's place; so do a folder and another link."""
    place.add(("link", "x", str(place.victim / "file")), ("link", "y", "/x"), ("link", "z", "/x"))
    place.add(("file", "x", "new"), ("dir", "y", ""), ("link", "z", "x"))
    assert (place.root / "x").read_text() == "new"
    assert (place.root / "z").read_text() == "new"
    assert (place.root / "y").is_dir()
    assert not (place.root / "y").is_symlink()


def test_links_of_the_image_work(place: Place) -> None:
    """What /etc/alternatives and usr-merged images have: absolute links, links to folders, hard links."""
    place.add(
        ("file", "usr/bin/tool", "t"), ("link", "bin", "usr/bin"), ("link", "etc/tool", "/bin/tool"),
        ("hard", "usr/bin/same", "usr/bin/tool"), ("file", "bin/more", "m"),
    )  # fmt: skip
    assert (place.root / "etc/tool").read_text() == "t"
    assert (place.root / "usr/bin/same").read_text() == "t"
    assert (place.root / "usr/bin/more").read_text() == "m"


def test_pipes_and_devices_are_left_out(place: Place) -> None:
    """Nothing to read from for ever."""
    place.add(("fifo", "pipe", ""), ("file", "ok", "x"))
    assert place.names() == ["ok"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"\x1f\x8b\x08\0garbage", b"\x28\xb5\x2f\xfd\0\0", b"x" * 600, gzip.compress(b"y" * 700)],
)
def test_malformed_layers_are_refused(content: bytes, place: Place) -> None:
    """In containerd's words; an empty file is no layer either, nor is one that is cut."""
    with pytest.raises(LayerError):
        place.add_bytes(content)


def test_a_layer_that_is_cut_is_refused(place: Place) -> None:
    """Half a layer is no layer."""
    whole = gzip.compress(layer(("file", "a", os.urandom(5000)), ("file", "b", "x")))
    with pytest.raises(LayerError):
        place.add_bytes(whole[: len(whole) // 2])


def test_what_a_layer_unpacks_to_is_bounded(place: Place) -> None:
    """300 KB must not become 300 MB unasked: by ratio, by size, by number of entries, for an image as a whole."""
    bomb = gzip.compress(layer(("file", "zeros", bytes(3 * MIB))))
    with pytest.raises(LayerError, match="more than 1 MiB"):
        place.add_bytes(bomb, LayerLimits(always_bytes=MIB))
    place.add_bytes(bomb, LayerLimits(always_bytes=4 * MIB))
    with pytest.raises(LayerError, match="more than 2 MiB"):
        place.add_bytes(bomb, LayerLimits(most_bytes=2 * MIB))
    with pytest.raises(LayerError, match="more than 3 entries"):
        place.add(*[("dir", f"d{n}", "") for n in range(4)], limits=LayerLimits(most_entries=3))
    left = unpack(_written(place, bomb), place.root, LayerLimits(most_bytes=5 * MIB))
    assert left.most_bytes < 2 * MIB
    with pytest.raises(LayerError, match="unpacks to more than"):
        place.add_bytes(bomb, left)


def _written(place: Place, content: bytes) -> Path:
    path = place.root.parent.parent / "packed"
    path.write_bytes(content)
    place.before = place._outside()
    return path


def test_names_are_bounded(place: Place) -> None:
    """A thousand folders in each other, and a name that no file system takes."""
    with pytest.raises(LayerError, match="1001 parts"):
        place.add(("file", "d/" * 1000 + "f", ""))
    with pytest.raises(LayerError, match="too long"):
        place.add(("file", "n" * 300, ""))


_PARTS = st.sampled_from(["a", "b", "c", "..", ".", "", ".wh.a", ".wh..wh..opq", ".wh...", ".wh.", "link", "victim"])
_LEADS = st.sampled_from(["", "/", "//", "./"])
_NAMES = st.builds(lambda parts, lead: lead + "/".join(parts), st.lists(_PARTS, min_size=1, max_size=5), _LEADS)
Entry = tuple[str, str, str]
_ENTRIES = st.tuples(st.sampled_from(["file", "dir", "link", "hard", "fifo"]), _NAMES, _NAMES)


def _with_victim(entry: Entry, victim: Path) -> Entry:
    return entry[0], entry[1].replace("victim", str(victim)), entry[2].replace("victim", str(victim))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(_ENTRIES, max_size=6), min_size=1, max_size=3))
def test_no_layer_reaches_out(tmp_path_factory: pytest.TempPathFactory, layers: list[list[Entry]]) -> None:
    """Any entries in any order over each other: nothing outside changes, and the only failure is LayerError."""
    place = Place(tmp_path_factory.mktemp("fuzz"))
    absolute = [[_with_victim(entry, place.victim) for entry in one] for one in layers]
    for one in [*layers, *absolute]:
        with contextlib.suppress(LayerError):
            place.add(*one)
        place.check()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=64), st.integers(0, 1023))
def test_damaged_layers_end_in_layer_errors(tmp_path_factory: pytest.TempPathFactory, damage: bytes, at: int) -> None:
    """Bytes changed anywhere in a layer."""
    place = Place(tmp_path_factory.mktemp("fuzz"))
    whole = bytearray(layer(("file", "a/b", "hello"), ("link", "l", "a"), ("file", "l/.wh.b", "")))
    whole[at : at + len(damage)] = damage
    with contextlib.suppress(LayerError):
        place.add_bytes(bytes(whole))
    place.check()


@pytest.mark.parametrize(("packed", "kept"), [(1_700_000_000, 1_700_000_000), (0, 0), (-5, 0), (2**40, 2**31 - 1)])
def test_files_keep_their_times(tmp_path: Path, packed: int, kept: int) -> None:
    """A web server in a task answers 304 by them; odd times become possible ones."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        member = tarfile.TarInfo("page.html")
        member.size, member.mtime = 2, packed
        archive.addfile(member, io.BytesIO(b"ok"))
    place = Place(tmp_path)
    place.add_bytes(gzip.compress(target.getvalue(), mtime=0))
    assert (place.root / "page.html").stat().st_mtime == kept
