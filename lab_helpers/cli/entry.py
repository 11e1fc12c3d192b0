"""Where the `lab` command begins: Ctrl-C ends it without a word while it is still being loaded."""

from __future__ import annotations

import signal


def main() -> int:
    """Load and run the command; returns its exit status."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:  # as a shell has it for what it starts in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python would print where it was in its modules
    try:
        from lab_helpers.cli.main import main as run
    finally:
        signal.signal(signal.SIGINT, before)
    return run()
