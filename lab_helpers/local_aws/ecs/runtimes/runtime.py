"""Which program stands for an image: the seam, and the registry that a container engine can join later."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from lab_helpers.local_aws.ecs.containers.images import Image
from lab_helpers.local_aws.ecs.containers.volumes import NOTHING_MOUNTED, Mounted
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runtimes.router_files import RouterFiles
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.kit.network import Socket

PACKAGE_ROOT = Path(__file__).resolve().parents[4]
"""Where `lab_helpers` can be imported from, for programs of ours that run as containers."""


@dataclass(frozen=True)
class LaunchRequest:
    """What a runtime is told about the container to start.

    `folder` is the container's own working directory, `run_dir` a folder with a short path that every user may enter,
    `router_files` what was written for a log router, `router_socket` the socket and `router_ports` the TCP ports that
    it will listen on. `mounted`: the container's volumes.
    """

    container: ContainerSpec
    image: Image
    folder: Path
    run_dir: Path
    env: Mapping[str, str]
    ports: PortPool
    router_files: RouterFiles | None = None
    router_socket: Path | None = None
    router_ports: tuple[int, ...] = ()
    mounted: Mounted = NOTHING_MOUNTED


@dataclass(frozen=True)
class Launch:
    """How to start the program.

    `sockets` says where what listens on a container port really listens; `is_ready` is asked until it is true;
    `release` gives back what was taken, once the program has ended. `retry_codes`: exit codes before being ready that
    are worth another try (a port snatched by a stranger). `hidden`: lines with this in them never reach the log
    driver. `shown`: places of this machine -> what the container calls them ("" for its root), and so what it prints.
    `ledger` says where the records of a log router are (logs/ledger.py), None where it does not tell. `cwd`: the folder
    to start in, the container's own unless given. `complaint`: what the service's events say of it.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    sockets: Mapping[int, Socket] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True
    release: Callable[[], None] = lambda: None
    stop_signal: signal.Signals = signal.SIGTERM
    retry_codes: frozenset[int] = frozenset()
    hidden: bytes | None = None
    shown: Mapping[str, str] = field(default_factory=dict)
    ledger: Callable[[], Mapping[str, Any] | None] = lambda: None
    cwd: Path | None = None
    complaint: str = ""


class Runtime(Protocol):
    """A program (or an engine) that can play certain images."""

    name: str

    def plays(self, container: ContainerSpec, image: Image) -> bool:
        """Tell whether this runtime stands for the container's image."""

    def prepare(self, request: LaunchRequest) -> Launch:
        """Write what the program needs into the container's folder and say how to start it."""
