"""The trainee's working copy of the files that the lab is built from; the project's own stay as they are.

It is made when it is first asked for, and is what Terraform, the image build and the deployments use from then on. It
may be edited by any editor. When the project brings newer files, those that the trainee has not touched follow.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lab_helpers.base.config import PROJECT, private_folder, write_private
from lab_helpers.base.errors import FileRefusedError, PathOutsideError
from lab_helpers.base.files.whole_file import read_object, write_whole
from lab_helpers.base.messages import say
from lab_helpers.base.paths import inside

FOLDERS = ("terraform", "fluentbit", "drills")
"""What a team would have in its repository, and the drills' files; nothing else can be written."""
MAX_BYTES = 256 * 1024
_ORIGIN = ".origin.json"
"""In the working copy: the fingerprint that each file had in the project when it was copied."""
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_OF_A_RUN = (".terraform", ".tfstate", ".ipynb_checkpoints")


@dataclass(frozen=True)
class WorkingCopy:
    """The copy in `folder`, of the files of `source`."""

    folder: Path
    source: Path = PROJECT

    @property
    def terraform(self) -> Path:
        """The folder that Terraform runs in."""
        return self.folder / "terraform"

    @property
    def fluentbit(self) -> Path:
        """The folder that the router's image is built from."""
        return self.folder / "fluentbit"

    @property
    def httpd(self) -> Path:
        """The folder that the web server's image is built from."""
        return self.folder / "terraform" / "httpd"

    def freshen(self) -> list[str]:
        """Copy what is missing, and what is newer in the project and untouched here; return what was kept instead."""
        private_folder(self.folder)
        origin = self._origin()
        kept, now = [], {}
        for name, text in self._of_project():
            now[name] = _fingerprint(text)
            here = self.folder / name
            known = origin.get(name)
            if known is None and here.exists():
                kept += [] if here.read_bytes() == text else [name]  # a name that the trainee had first
            elif known is None or (known != now[name] and self._is_untouched(name, known)):
                write_whole(here, text)
            elif known != now[name]:
                kept.append(name)
        for name in set(origin) - set(now):
            if self._is_untouched(name, origin[name]):
                (self.folder / name).unlink()
        if now != origin:
            write_private(self.folder / _ORIGIN, json.dumps(now, indent=1))
        return kept

    def path(self, name: str) -> Path:
        """Return where a file is; the one way from a name to a path. Raises FileRefusedError for one outside."""
        parts = PurePosixPath(name).parts
        known = len(parts) > 1 and parts[0] in FOLDERS and all(map(_PART.fullmatch, parts))
        try:
            path = inside(self.folder, name) if known else None
        except PathOutsideError:
            path = None
        if path is None or path.is_dir():
            raise FileRefusedError(name, say("it is not a file below {folders}", folders=" / ".join(FOLDERS)))
        return path

    def read(self, name: str) -> str:
        """Return a file's text; raises FileRefusedError for one that is not there."""
        path = self.path(name)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise FileRefusedError(
                name, say("it cannot be read here; there are: {names}", names=", ".join(self.files()))
            ) from exc

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return self.path(name).is_file()

    def write(self, name: str, text: str) -> None:
        """Write a file, at once and whole; who will read it is asked before (files.Readers)."""
        path = self.path(name)
        if len(text.encode()) > MAX_BYTES:
            raise FileRefusedError(name, say("it is longer than {count} KiB", count=MAX_BYTES // 1024))
        write_whole(path, text.encode())

    def original(self, name: str) -> str | None:
        """Return the project's text of a file; None for one that only the trainee has."""
        self.path(name)
        path = self.source / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def remove(self, name: str) -> None:
        """Remove a file of the trainee's own; no file is no error."""
        self.path(name).unlink(missing_ok=True)

    def files(self) -> list[str]:
        """Return the names of all files, sorted."""
        return sorted(name for name, _ in _files_of(self.folder))

    def fingerprints(self) -> dict[str, str]:
        """Return what each file says, as a hash by its name; blanks at the ends of lines do not count."""
        return {name: _fingerprint(_bare(content)) for name, content in _files_of(self.folder)}

    def changed(self) -> list[str]:
        """Return the names of the files that are not as in the project."""
        return [name for name in self.files() if (self.folder / name).read_bytes() != self._project_bytes(name)]

    def fingerprint(self, changes: Mapping[str, str] | None = None) -> str:
        """Return what tells the files that Terraform reads apart from any others: texts below terraform/, else names.

        Of the others it takes checksums, whatever they hold. `changes` are taken for written ({name: text}).
        """
        texts = dict(_files_of(self.folder)) | {name: text.encode() for name, text in (changes or {}).items()}
        read = {name: _fingerprint(texts[name]) if name.startswith("terraform/") else "" for name in sorted(texts)}
        return _fingerprint(json.dumps(read).encode())

    def snapshot(self, to: Path) -> None:
        """Copy the folder, for a trial of a change."""
        for name, content in _files_of(self.folder):
            write_whole(to / name, content)
        lock = self.terraform / ".terraform.lock.hcl"
        if lock.exists():
            shutil.copy2(lock, to / "terraform" / lock.name)

    def _project_bytes(self, name: str) -> bytes | None:
        path = self.source / name
        return path.read_bytes() if path.is_file() else None

    def _is_untouched(self, name: str, known: str) -> bool:
        here = self.folder / name
        return here.is_file() and _fingerprint(here.read_bytes()) == known

    def _of_project(self) -> Iterator[tuple[str, bytes]]:
        return _files_of(self.source)

    def _origin(self) -> dict[str, str]:
        return {name: str(value) for name, value in read_object(self.folder / _ORIGIN).items()}


def _files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files below the known folders; what a run or an editor leaves is passed over."""
    for part in FOLDERS:
        for path in sorted((folder / part).rglob("*")):
            name = path.relative_to(folder).as_posix()
            hidden = any(piece.startswith(".") for piece in name.split("/")) or any(mark in name for mark in _OF_A_RUN)
            if path.is_file() and not hidden and not name.endswith((".partial", "~")):
                yield name, path.read_bytes()


def _bare(content: bytes) -> bytes:
    return b"\n".join(line.rstrip() for line in content.rstrip().splitlines())


def _fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
