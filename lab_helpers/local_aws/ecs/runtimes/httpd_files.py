"""The files of an image's DocumentRoot, read once: an image does not change while its container runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from lab_helpers.local_aws.ecs.runtimes.httpd_answers import Files, Page

KINDS = {
    ".html": "text/html", ".htm": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml",
    ".txt": "text/plain", ".json": "application/json", ".png": "image/png", ".xml": "text/xml",
}  # fmt: skip
"""Source: Apache's mime.types, the kinds that a small site has."""


def read_files(root: Path, index: tuple[str, ...] = ("index.html",)) -> Files:
    """Return every file below `root` by its path; a folder is answered with the first of `index` that it has."""
    pages, folders = dict[str, Page](), set[str]()
    for path in sorted(root.rglob("*")):
        name = "/" + path.relative_to(root).as_posix()
        if path.is_dir():
            folders.add(name)
        elif path.is_file():
            pages[name] = _page(path)
    for folder in ("", *folders):
        found = next((name for name in index if f"{folder}/{name}" in pages), None)
        if found:
            pages[f"{folder}/"] = pages[f"{folder}/{found}"]
    return Files(pages, frozenset(folders))


def _page(path: Path) -> Page:
    content, status = path.read_bytes(), path.stat()
    modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
    etag = f"{len(content):x}-{status.st_mtime_ns // 1000:x}"
    return Page(modified, etag, content, KINDS.get(path.suffix, ""))
