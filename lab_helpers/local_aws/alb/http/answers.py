"""Responses that the load balancer makes itself, pure: error pages, fixed responses, redirects.

Source: responses of Application Load Balancers as seen by clients (`Server: awselb/2.0`, HTML bodies), and "Redirect
actions" for the placeholders #{protocol}, #{host}, #{port}, #{path}, #{query}.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus

from lab_helpers.local_aws.alb.http.heads import RequestHead

_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Temporarily Unavailable",
    504: "Gateway Time-out",
}
_REDIRECTS = {"HTTP_301": (301, "Moved Permanently"), "HTTP_302": (302, "Found")}
_REDIRECT_PARTS = {
    "Protocol": "#{protocol}",
    "Host": "#{host}",
    "Port": "#{port}",
    "Path": "/#{path}",
    "Query": "#{query}",
}


def error_page(status: int, now: datetime, keep_alive: bool, head_only: bool = False) -> bytes:
    """Build the load balancer's own error response."""
    title = f"{status} {reason(status)}"
    body = (
        f"<html>\r\n<head><title>{title}</title></head>\r\n"
        f"<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    return _response(status, reason(status), {"Content-Type": "text/html"}, body, now, keep_alive, head_only)


def fixed_response(options: Mapping[str, str], now: datetime, keep_alive: bool, head_only: bool) -> bytes:
    """Build the answer of a fixed-response action (its FixedResponseConfig)."""
    status = int(options.get("StatusCode", "503"))
    headers = {"Content-Type": options.get("ContentType") or "text/plain; charset=utf-8"}
    return _response(status, reason(status), headers, options.get("MessageBody", ""), now, keep_alive, head_only)


def redirect(location: str, options: Mapping[str, str], now: datetime, keep_alive: bool, head_only: bool) -> bytes:
    """Build the answer of a redirect action (its RedirectConfig) to `location`."""
    status, text = _REDIRECTS[options.get("StatusCode", "HTTP_302")]
    body = (
        f"<html>\r\n<head><title>{status} {text}</title></head>\r\n"
        f"<body>\r\n<center><h1>{status} {text}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
    headers = {"Content-Type": "text/html", "Location": location}
    return _response(status, text, headers, body, now, keep_alive, head_only)


def redirect_location(options: Mapping[str, str], request: RequestHead, port: int) -> str:
    """Fill a RedirectConfig's placeholders from the request; `port` is the listener's."""
    original = {
        "#{protocol}": "http",
        "#{host}": request.host.partition(":")[0],
        "#{port}": str(port),
        "#{path}": request.path.removeprefix("/"),
        "#{query}": request.query,
    }
    parts = {name: options.get(name) or default for name, default in _REDIRECT_PARTS.items()}
    for placeholder, value in original.items():
        parts = {name: part.replace(placeholder, value) for name, part in parts.items()}
    query = f"?{parts['Query']}" if parts["Query"] else ""
    return f"{parts['Protocol'].lower()}://{parts['Host']}:{parts['Port']}{parts['Path']}{query}"


def reason(status: int) -> str:
    """Return the reason phrase that the load balancer sends with a status."""
    if status in _REASONS:
        return _REASONS[status]
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""


def _response(
    status: int, text: str, headers: Mapping[str, str], body: str, now: datetime, keep_alive: bool, head_only: bool
) -> bytes:
    content = body.encode()
    lines = [
        f"HTTP/1.1 {status} {text}",
        "Server: awselb/2.0",
        f"Date: {format_datetime(now, usegmt=True)}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(content)}",
        f"Connection: {'keep-alive' if keep_alive else 'close'}",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + (b"" if head_only else content)
