"""Free loopback ports for tasks, which here share one address."""

from __future__ import annotations

import random
import socket
import threading

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 18_000, 29_999
"""Below the range from which systems take ports for outgoing connections (Linux 32768, macOS 49152)."""


class NoFreePortError(OSError):
    """Every port of the range is taken."""


class PortPool:
    """Hands out ports of 127.0.0.1 that nobody listens on; two labs side by side start at different places."""

    def __init__(self, first: int = FIRST_PORT, last: int = LAST_PORT) -> None:
        self._lock = threading.Lock()
        self._range = range(first, last + 1)
        self._next = random.randrange(len(self._range))
        self._taken: set[int] = set()

    def take(self) -> int:
        """Return a port for the caller alone, until `give_back`; raises NoFreePortError."""
        with self._lock:
            for _ in self._range:
                port = self._range[self._next]
                self._next = (self._next + 1) % len(self._range)
                if port not in self._taken and is_free(port):
                    self._taken.add(port)
                    return port
        raise NoFreePortError(f"No free port on {LOOPBACK} between {self._range[0]} and {self._range[-1]}.")

    def claim(self, port: int) -> bool:
        """Keep this very port for the caller alone, until `give_back`; False where somebody listens on it or has it."""
        with self._lock:
            if port in self._taken or not is_free(port):
                return False
            self._taken.add(port)
            return True

    def give_back(self, port: int) -> None:
        """Let `port` be handed out again."""
        with self._lock:
            self._taken.discard(port)


def is_free(port: int) -> bool:
    """Tell whether `port` can be bound on loopback right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Tell whether something accepts connections on `port`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def accepts_unix(path: str) -> bool:
    """Tell whether something accepts connections on the unix socket at `path`."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
