"""Runs a server of the standard library, or of werkzeug, on a thread of its own for as long as a test needs it."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

POLL_S = 0.02


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[str]:
    """Serve inside the block; gives the URL. Afterwards the server is closed and its thread has ended."""
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), name="serving")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
