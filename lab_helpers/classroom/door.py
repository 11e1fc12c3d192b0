"""Whom the class's server answers: by the name it is called by, and by the page that a request comes from.

A page of somebody else's can have a browser ask any address, and by DNS rebinding under a name of its own: such a name
is refused. An address cannot be rebound, so addresses are answered.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
_PORTS = {"http": 80, "https": 443}
_SAME = {"", "none", "same-origin"}
"""Values of Sec-Fetch-Site with which a page of this server asks, or no page at all."""


def is_loopback(bind: str) -> bool:
    """Whether nobody but this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"


def why_not(headers: Mapping[str, str], bind: str, port: int, scheme: str = "http") -> str:
    """Return why a request is not answered; empty when it is."""
    host = headers.get("Host", "")
    if not _is_ours(host, bind, port, scheme):
        return "This is not the name of the class's server."
    origin = headers.get("Origin", "")
    if origin and origin.lower() != f"{scheme}://{host.lower()}":
        return "Pages of others are not answered."
    if headers.get("Sec-Fetch-Site", "") not in _SAME:
        return "Pages of others are not answered."
    return ""


def _is_ours(host: str, bind: str, port: int, scheme: str) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        name, its_port = (parts.hostname or ""), parts.port or _PORTS[scheme]
    except ValueError:
        return False
    if its_port != port or parts.netloc != host or "@" in host:
        return False
    if name in {bind.lower(), "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or not is_loopback(bind)
