"""An httpd.conf with a fault in it, for the incident: after a deployment one of two tasks is slow, or wrong.

Tasks are told apart by their address, that is by their zone: 10.0.11.0/24 or 10.0.12.0/24.
"""

from __future__ import annotations


def slow_in(conf: str, zone: int = 12, kib_a_second: int = 5, path: str = "/products/") -> str:
    """Return the file with which the task in one zone sends what is below `path` at so many KiB a second."""
    lines = [f'SetEnvIf Server_Addr "^10\\.0\\.{zone}\\." rate-limit={kib_a_second}', f'<Location "{path}">']
    return "\n".join([conf.rstrip("\n"), "", *lines, "    SetOutputFilter RATE_LIMIT", "</Location>", ""])


def wrong_in(conf: str, zone: int = 12, status: int = 503, path: str = "/checkout/") -> str:
    """Return the file with which the task in one zone answers everything below `path` with a status."""
    rule = f'RewriteCond "%{{SERVER_ADDR}}" "^10\\.0\\.{zone}\\."\nRewriteRule "^{path}" "-" [R={status},L]\n'
    return f"{conf.rstrip()}\n\nRewriteEngine On\n{rule}"
