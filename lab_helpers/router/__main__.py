"""`python -m lab_helpers.router`."""

from __future__ import annotations

import sys

from lab_helpers.router.command import main

SWITCH_S = 0.0005
# how long an output whose answer has come may wait while another thread computes: with Python's 5 ms sockets idle

if __name__ == "__main__":
    sys.setswitchinterval(SWITCH_S)
    sys.exit(main(sys.argv[1:]))
