"""The pages of the lab's httpd image (terraform/httpd), and what each request of a visitor must get."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab_helpers.base.config import PROJECT

HTDOCS = PROJECT / "terraform" / "httpd" / "htdocs"
PRODUCTS = 12
ASSETS = ("/assets/style.css", "/assets/app.js", "/assets/logo.svg")
SLOW, DECLINED = "sort=price", "card=declined"
"""Queries that terraform/httpd/httpd.conf makes slow, and makes fail."""
ADMIN_PAGES = (
    "/wp-login.php", "/wp-admin/", "/xmlrpc.php", "/.env", "/.git/config", "/admin/", "/admin/login.php",
    "/administrator/index.php", "/phpmyadmin/index.php", "/pma/", "/config.json", "/backup.zip", "/server-status",
    "/cgi-bin/luci", "/owa/auth/logon.aspx", "/actuator/env", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/solr/admin/info/system", "/manager/html", "/login.action",
)  # fmt: skip
"""What a scanner asks for: none of it is there."""


@dataclass(frozen=True)
class Expected:
    """What a request gets: status, body bytes (None: an error page, or no body), whether it is held back."""

    status: int
    size: int | None
    is_slow: bool = False


def expected(path: str, query: str = "", *, is_known: bool = False) -> Expected:
    """Return what the site answers a GET or POST; `is_known`: the client has the file already (If-Modified-Since)."""
    size = sizes().get(path)
    if path == "/checkout/thanks.html" and DECLINED in query:
        return Expected(500, None)
    if size is None:
        return Expected(404, None)
    if is_known:
        return Expected(304, None)
    return Expected(200, size, path == "/search/" and SLOW in query)


@cache
def sizes() -> dict[str, int]:
    """Return the size of each page by its path; a folder has its index's."""
    return _sizes(HTDOCS)


def _sizes(root: Path) -> dict[str, int]:
    found = {}
    for file in sorted(root.rglob("*")):
        if file.is_file():
            name = "/" + file.relative_to(root).as_posix()
            found[name] = file.stat().st_size
            if file.name == "index.html":
                found[name.removesuffix("index.html")] = file.stat().st_size
    return found
