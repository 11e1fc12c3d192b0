"""The log router: the real Fluent Bit where it is installed, else ours; both behind Fluent Bit's command line."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab_helpers.base.errors import MissingToolError
from lab_helpers.local_aws.ecs.containers.images import Image
from lab_helpers.local_aws.ecs.logs.ledger import read_ledger
from lab_helpers.local_aws.ecs.ports import accepts, accepts_unix
from lab_helpers.local_aws.ecs.runtimes.fluent_bit_metrics import Metrics
from lab_helpers.local_aws.ecs.runtimes.runtime import PACKAGE_ROOT, Launch, LaunchRequest
from lab_helpers.local_aws.ecs.spec import ContainerSpec

ROUTER_IMAGES = ("aws-for-fluent-bit", "fluent-bit")
FLUENT_BIT = "fluent-bit"
"""The name of the runtime that runs a real Fluent Bit."""
ENTRY_POINT = "/entrypoint.sh"
"""What aws-for-fluent-bit runs. A command that has it in it, to do something more, runs here with the router there."""
GO_PLUGINS = ("firehose.so", "cloudwatch.so", "kinesis.so")
"""What that file enables. Source: entrypoint.sh of aws-for-fluent-bit."""

LEDGER = "ledger.json"
"""In the container's folder: our router's account of its records; that it is there says that all inputs are open."""


class RouterRuntime:
    """Plays every container that the task definition marks as its log router, and Fluent Bit's public images.

    `choice` is "auto", "fluent-bit" or "builtin".
    """

    def __init__(self, choice: str) -> None:
        found = shutil.which("fluent-bit") if choice != "builtin" else None
        if choice == "fluent-bit" and not found:
            raise MissingToolError(
                "fluent-bit", "not found on PATH", "Install it, or set the router runtime to builtin."
            )
        self._program = Path(found) if found else None
        self.name = FLUENT_BIT if found else "builtin"

    @property
    def is_builtin(self) -> bool:
        return self._program is None

    def plays(self, container: ContainerSpec, image: Image) -> bool:
        return container.firelens is not None or image.ref.name in ROUTER_IMAGES

    def prepare(self, request: LaunchRequest) -> Launch:
        config = request.router_config
        ledger = request.folder / LEDGER
        ledger.unlink(missing_ok=True)  # of an earlier try
        program = [str(self._program)] if self._program else [sys.executable, "-m", "lab_helpers.router"]
        env = dict(request.env) if self._program else {**request.env, "PYTHONPATH": str(PACKAGE_ROOT)}
        enabled = [] if self._program else [word for name in GO_PLUGINS for word in ("-e", name)]
        kept = ["--ledger", str(ledger)] if config and not self._program else []
        argv = [*program, *enabled, *kept, *(["-c", str(config)] if config else [])]
        command = request.container.command
        if any(ENTRY_POINT in word for word in command):
            argv = [word.replace(ENTRY_POINT, shlex.join(argv)) for word in command]
        if self._program:
            return Launch(argv, env, is_ready=_Listening(request), ledger=Metrics(config))
        is_ready: Callable[[], bool] = ledger.exists if config else lambda: True
        return Launch(argv, env, is_ready=is_ready, ledger=lambda: read_ledger(ledger))


class _Listening:
    """Whether a router that does not say so itself has opened all its inputs: each is connected to once.

    Not the socket alone: a router that opens its inputs one after the other would be told to stop by the end of a
    short task before the last is there.
    """

    def __init__(self, request: LaunchRequest) -> None:
        socket = request.router_socket
        self._left: list[Callable[[], bool]] = [lambda: accepts_unix(str(socket))] if socket else []
        self._left += [partial(accepts, port) for port in request.router_ports]

    def __call__(self) -> bool:
        while self._left and self._left[0]():
            self._left.pop(0)
        return not self._left
