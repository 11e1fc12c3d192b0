"""COPY as a layer: a tar whose bytes depend on paths, contents and modes alone.

Files are 0644 or, when executable, 0755; owner 0:0; time 0: the same content gives the same digest on every machine
that has the same zlib. Symbolic links are kept, and may not lead out of the context.
"""

from __future__ import annotations

import glob
import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lab_helpers.base.errors import PathOutsideError
from lab_helpers.base.paths import inside
from lab_helpers.images.dockerfile import Copy, DockerfileError
from lab_helpers.images.ignore import IgnoreRules


@dataclass(frozen=True)
class Layer:
    """A gzipped layer; `diff_id` is the digest of the tar inside."""

    content: bytes
    digest: str
    diff_id: str
    created_by: str


@dataclass(frozen=True)
class BuildContext:
    """The folder that COPY takes from, what it does not take, and the Dockerfile's name for errors."""

    folder: Path
    dockerfile: str
    ignored: IgnoreRules = field(default_factory=IgnoreRules)

    def takes(self, path: Path) -> bool:
        """Whether a path inside is part of the context."""
        return not self.ignored.is_ignored(path.relative_to(self.folder).as_posix())


def build_layer(copy: Copy, context: BuildContext) -> Layer:
    """Return the layer of one COPY; raises DockerfileError for a source that is missing or outside the context."""
    entries = dict(_entries(copy, context))
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for folder in sorted(_parents(entries)):
            archive.addfile(_directory(folder))
        for path in sorted(entries):
            _add(archive, path, entries[path], copy)
    content = gzip.compress(target.getvalue(), compresslevel=9, mtime=0)
    return Layer(content, _digest(content), _digest(target.getvalue()), copy.text)


def _entries(copy: Copy, context: BuildContext) -> Iterator[tuple[str, Path]]:
    """Yield (path in the image, file) of everything a COPY takes."""
    for source in copy.sources:
        for found in _matches(source, copy, context):
            if found.is_dir():
                yield from _tree(found, copy.target, context)
            elif copy.target.endswith("/") or len(copy.sources) > 1:
                yield _in_image(f"{copy.target}/{found.name}"), found
            else:
                yield _in_image(copy.target), found


def _matches(source: str, copy: Copy, context: BuildContext) -> list[Path]:
    pattern = source.lstrip("/")
    if any(character in pattern for character in "*?["):
        names = sorted(glob.glob(pattern, root_dir=context.folder, include_hidden=True))
    else:
        names = [pattern or "."]
    found = [_from_context(name, source, copy, context) for name in names]
    here = [path for path in found if os.path.lexists(path)]
    taken = [path for path in here if context.takes(path)]
    if not taken:
        why = "kept out by .dockerignore in" if here else "there is no such file in"
        raise DockerfileError(context.dockerfile, copy.line, f"COPY {source}: {why} {context.folder}")
    return taken


def _from_context(name: str, source: str, copy: Copy, context: BuildContext) -> Path:
    try:
        return inside(context.folder, os.path.normpath(name)) if os.path.normpath(name) != "." else context.folder
    except PathOutsideError as exc:
        why = f"COPY {source}: this is outside of the build context {context.folder}"
        raise DockerfileError(context.dockerfile, copy.line, why) from exc


def _tree(folder: Path, target: str, context: BuildContext) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.name.startswith(".wh."):
            raise DockerfileError(context.dockerfile, 0, f"{path}: an image cannot have a file of this name")
        if (path.is_symlink() or not path.is_dir()) and context.takes(path):
            yield _in_image(f"{target}/{path.relative_to(folder).as_posix()}"), path


def _in_image(path: str) -> str:
    return str(PurePosixPath("/", *[part for part in path.split("/") if part not in {"", "."}])).lstrip("/")


def _parents(entries: dict[str, Path]) -> set[str]:
    parents = {str(parent) for path in entries for parent in PurePosixPath(path).parents}
    return parents - {"."}


def _directory(path: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info


def _add(archive: tarfile.TarFile, path: str, source: Path, copy: Copy) -> None:
    info = tarfile.TarInfo(path)
    info.uid, info.gid = copy.owner
    if source.is_symlink():
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(source)
        archive.addfile(info)
        return
    content = source.read_bytes()
    info.size = len(content)
    info.mode = copy.mode if copy.mode is not None else (0o755 if source.stat().st_mode & 0o100 else 0o644)
    archive.addfile(info, io.BytesIO(content))


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
