"""`python -m lab_helpers.local_aws.router`."""

from __future__ import annotations

import sys

from lab_helpers.local_aws.router.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
