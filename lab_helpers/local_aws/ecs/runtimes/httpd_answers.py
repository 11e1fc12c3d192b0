"""What Apache answers for a request to the files of an httpd image; no I/O.

Source: Apache 2.4 as observed (2.4.71).
Not modelled: multi-part ranges; If-Match, If-Unmodified-Since; listings of folders.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

PAGE = b"<html><body><h1>It works!</h1></body></html>\n"
MAX_LINE_BYTES = 8190
"""Apache's LimitRequestLine and LimitRequestFieldSize."""
ALLOW = "POST,OPTIONS,HEAD,GET,TRACE"
READING_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "TRACE"})
WRITING_METHODS = frozenset({"PUT", "DELETE", "PATCH"})
DAV_METHODS = frozenset({"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"})
KNOWN_METHODS = READING_METHODS | WRITING_METHODS | DAV_METHODS
REASONS = {
    200: "OK", 206: "Partial Content", 301: "Moved Permanently", 304: "Not Modified", 400: "Bad Request",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 410: "Gone",
    414: "Request-URI Too Long", 416: "Range Not Satisfiable", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Gateway Timeout",
}  # fmt: skip
_TOKEN = re.compile(rb"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
_REQUEST_LINE = re.compile(rb"^(\S+) (\S+)(?: (HTTP/\d\.\d))?$")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_RANGE = re.compile(r"^bytes=(\d*)-(\d*)$")
_DOCTYPE = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n'
_WHY = {
    301: '<p>The document has moved <a href="{}">here</a>.</p>\n',
    403: "<p>You don't have permission to access this resource.</p>\n",
    400: "<p>Your browser sent a request that this server could not understand.<br />\n{}</p>\n",
    404: "<p>The requested URL was not found on this server.</p>\n",
    405: "<p>The requested method {} is not allowed for this URL.</p>\n",
    414: "<p>The requested URL's length exceeds the capacity\nlimit for this server.<br />\n{}</p>\n",
    416: "<p>None of the range-specifier values in the Range\nrequest-header field overlap the current extent\n"
    "of the selected resource.</p>\n",
    410: "<p>The requested resource is no longer available on this server and there is no forwarding address.\n"
    "Please remove all references to this resource.</p>\n",
    500: "<p>The server encountered an internal error or\nmisconfiguration and was unable to complete\n"
    "your request.</p>\n<p>Please contact the server administrator at \n [no address given] to inform them of the time "
    "this error occurred,\n and the actions you performed just before this error.</p>\n"
    "<p>More information about this error may be available\nin the server error log.</p>\n",
    501: "<p>{} not supported for current URL.<br />\n</p>\n",
    503: "<p>The server is temporarily unable to service your\nrequest due to maintenance downtime or capacity\n"
    "problems. Please try again later.</p>\n",
}


@dataclass(frozen=True)
class Request:
    """A request's head; `line` is the first line as it came, `version` (0, 9) for a line without one."""

    line: bytes
    method: str = ""
    target: bytes = b""
    version: tuple[int, int] = (1, 1)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""

    @property
    def keeps_alive(self) -> bool:
        """Whether the client expects the connection to stay open."""
        wish = self.headers.get("connection", "").lower()
        return wish != "close" if self.version >= (1, 1) else wish == "keep-alive"


@dataclass(frozen=True)
class Answer:
    """A response; `early` when the request was refused while it was read, which also closes the connection."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    early: bool = False

    @property
    def logged_size(self) -> str:
        """%b of the log format."""
        return str(len(self.body)) if self.body else "-"


@dataclass(frozen=True)
class Page:
    """A file that is served: its validators, its bytes and their type ("": none is told)."""

    modified: datetime
    etag: str
    content: bytes = PAGE
    kind: str = "text/html"


@dataclass(frozen=True)
class Files:
    """What can be asked for, by path; `folders` (without the slash at the end) are answered with where they are."""

    pages: Mapping[str, Page]
    folders: frozenset[str] = frozenset()

    @classmethod
    def of_page(cls, page: Page) -> Files:
        """Return the image's default: one page."""
        return cls({"/": page, "/index.html": page})


class BadRequestError(Exception):
    """A request that cannot be read; carries what is known of it and the answer."""

    def __init__(self, request: Request, answer: Answer) -> None:
        super().__init__(answer.status)
        self.request, self.answer = request, answer


def parse_head(head: bytes) -> Request:
    """Read a request's head (without the empty line); raises BadRequestError as Apache refuses it."""
    line, *fields = head.split(b"\r\n") if b"\r\n" in head else head.split(b"\n")
    if len(line) > MAX_LINE_BYTES:
        raise BadRequestError(Request(line[: MAX_LINE_BYTES + 1]), _error(414, early=True))
    match = _REQUEST_LINE.match(line)
    if match is None or not _TOKEN.match(match[1]) or not _is_target(match[1], match[2]):
        raise BadRequestError(Request(re.sub(rb" +", b" ", line)), _error(400, early=True))
    version = (int(match[3][5:6]), int(match[3][7:8])) if match[3] else (0, 9)
    request = Request(line, match[1].decode("latin-1"), match[2], version)
    headers = _fields(request, fields)
    if version >= (1, 1) and "host" not in headers:
        raise BadRequestError(request, _error(400, early=True))
    return Request(line, request.method, match[2], version, headers, head)


def answer(request: Request, files: Files, status: int | None = None) -> Answer:
    """Return Apache's answer; `status`: what a rule of the configuration answers in place of the file."""
    method, path = request.method, path_of(request.target)
    if method not in KNOWN_METHODS:
        return _error(501, method, (("Allow", ALLOW),))
    if path is None:
        return _error(400)
    if method == "TRACE":
        return Answer(200, request.raw + b"\r\n\r\n", (("Content-Type", "message/http"),))
    if method == "OPTIONS":
        return Answer(200, b"", (("Allow", ALLOW),) if path != "*" else ())
    if method not in ("GET", "HEAD", "POST"):
        return _error(405, method, (("Allow", ALLOW),))
    if status is not None:
        return _error(status)
    if path in files.folders:
        return _moved(request, path)
    page = files.pages.get(path)
    return _error(404) if page is None else _page(request, page)


def _is_target(method: bytes, target: bytes) -> bool:
    if target == b"*":
        return method == b"OPTIONS"
    return target.startswith(b"/") or re.match(rb"^[A-Za-z][A-Za-z0-9+.-]*://", target) is not None


def _fields(request: Request, lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if len(line) > MAX_LINE_BYTES:
            too_long = _error(400, "Size of a request header field exceeds server limit.", early=True)
            raise BadRequestError(request, too_long)
        if not colon or not _TOKEN.match(name):
            raise BadRequestError(request, _error(400, early=True))
        headers[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return headers


def path_of(target: bytes) -> str | None:
    """Return the path, "*" or None: no path inside the server's tree."""
    if target == b"*":
        return "*"
    raw = urlsplit(target).path if not target.startswith(b"/") else target.split(b"?", 1)[0].split(b"#", 1)[0]
    if _BAD_ESCAPE.search(raw):
        return None
    text = re.sub(rb"%([0-9A-Fa-f]{2})", _unescaped, raw or b"/").decode("latin-1")
    return _merged(text)


def _unescaped(found: re.Match[bytes]) -> bytes:
    # An escaped slash or NUL never names a file: it stays, and nothing is found under it.
    byte = bytes((int(found[1], 16),))
    return found[0] if byte in (b"/", b"\0") else byte


def _merged(path: str) -> str | None:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    at_end = "/" if parts and path.rsplit("/", 1)[-1] in ("", ".", "..") else ""
    return "/" + "/".join(parts) + at_end


def _page(request: Request, page: Page) -> Answer:
    headers = (
        ("Last-Modified", f"{page.modified:%a, %d %b %Y %H:%M:%S} GMT"),
        ("ETag", f'"{page.etag}"'),
        ("Accept-Ranges", "bytes"),
    )
    if request.method in ("GET", "HEAD") and _is_fresh(request, page):
        return Answer(304, b"", headers)
    wanted = _RANGE.match(request.headers.get("range", ""))
    if request.method == "GET" and wanted and (wanted[1] or wanted[2]):
        return _part(wanted, page, headers)
    return Answer(200, page.content, (*headers, *_kind(page)))


def _kind(page: Page) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", page.kind),) if page.kind else ()


def _moved(request: Request, path: str) -> Answer:
    query = request.target.partition(b"?")[2].decode("latin-1")
    place = f"http://{request.headers.get('host', 'localhost')}{path}/" + (f"?{query}" if query else "")
    return _error(301, html.escape(place), (("Location", place),))


def _part(wanted: re.Match[str], page: Page, headers: tuple[tuple[str, str], ...]) -> Answer:
    size = len(page.content)
    start = int(wanted[1]) if wanted[1] else max(0, size - int(wanted[2]))
    end = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
    if start > end:
        return _error(416, headers=(("Content-Range", f"bytes */{size}"),))
    extra = (("Content-Range", f"bytes {start}-{end}/{size}"), *_kind(page))
    return Answer(206, page.content[start : end + 1], (*headers, *extra))


def _is_fresh(request: Request, page: Page) -> bool:
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return tags.strip() == "*" or f'"{page.etag}"' in tags
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    # A date in the future is no date that the client can have been given.
    return page.modified <= since.astimezone(UTC) <= datetime.now(UTC)


def _error(status: int, what: str = "", headers: tuple[tuple[str, str], ...] = (), *, early: bool = False) -> Answer:
    reason = REASONS.get(status, "Unknown Reason")
    body = (
        f"{_DOCTYPE}<html><head>\n<title>{status} {reason}</title>\n</head><body>\n<h1>{reason}</h1>\n"
        f"{_WHY.get(status, '').format(what)}</body></html>\n"
    )
    return Answer(status, body.encode(), (*headers, ("Content-Type", "text/html; charset=iso-8859-1")), early)
