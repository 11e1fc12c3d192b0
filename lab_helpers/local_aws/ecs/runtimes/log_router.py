"""The log router: the real Fluent Bit where it is installed, else ours; both behind Fluent Bit's command line.

What is started is what the task definition or the image says (`router_command`); without either, AWS's entry point.
Not modelled: the image's own programs; a command that is neither Fluent Bit nor an entry point runs this machine's.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from lab_helpers.firelens import running, stock
from lab_helpers.local_aws.ecs.containers.images import Image
from lab_helpers.local_aws.ecs.logs.ledger import read_ledger
from lab_helpers.local_aws.ecs.ports import accepts, accepts_unix
from lab_helpers.local_aws.ecs.runtimes import router_command
from lab_helpers.local_aws.ecs.runtimes.fluent_bit_metrics import Metrics
from lab_helpers.local_aws.ecs.runtimes.router_command import Programs
from lab_helpers.local_aws.ecs.runtimes.router_files import RouterFiles
from lab_helpers.local_aws.ecs.runtimes.runtime import PACKAGE_ROOT, Launch, LaunchRequest
from lab_helpers.local_aws.ecs.spec import ContainerSpec

ROUTER_IMAGES = (stock.IMAGE_NAME, stock.PLAIN_IMAGE_NAME)
FLUENT_BIT = "fluent-bit"
"""The name of the runtime that runs a real Fluent Bit."""
INIT_PROGRAM = "lab_helpers.local_aws.ecs.runtimes.init_process"
INIT_SPEC = "init.json"

LEDGER = "ledger.json"
"""In the container's folder: our router's account of its records; that it is there says that all inputs are open."""


class RouterRuntime:
    """Plays every container that the task definition marks as its log router, and Fluent Bit's public images.

    `choice` is "auto", "fluent-bit" or "builtin".
    """

    def __init__(self, choice: str) -> None:
        self._program = running.command(choice)
        self.is_builtin = self._program == running.command("builtin")
        self.name = "builtin" if self.is_builtin else FLUENT_BIT

    def plays(self, container: ContainerSpec, image: Image) -> bool:
        return container.firelens is not None or image.ref.name in ROUTER_IMAGES

    def prepare(self, request: LaunchRequest) -> Launch:
        files, ledger = request.router_files, request.folder / LEDGER
        ledger.unlink(missing_ok=True)  # of an earlier try
        words = files.command if files else tuple(router_command.command(request.container, request.image))
        programs = self._programs(request, files)
        if script := _script(words, files):
            words = ("/bin/sh", _led_script(script, words[0], programs, request), *words[1:])
        argv = router_command.led(words, programs, files.places.place if files else lambda path: path)
        env, shown = {**request.env, "PYTHONPATH": str(PACKAGE_ROOT)}, files.places.shown if files else {}
        if not self.is_builtin:
            metrics = Metrics(files.config if files else None)
            return Launch(argv, env, is_ready=_Listening(request), shown=shown, ledger=metrics)
        is_ready: Callable[[], bool] = ledger.exists if files else lambda: True
        return Launch(argv, env, is_ready=is_ready, shown=shown, ledger=lambda: read_ledger(ledger))

    def _programs(self, request: LaunchRequest, files: RouterFiles | None) -> Programs:
        kept = ["--ledger", str(request.folder / LEDGER)] if files and self.is_builtin else []
        program = [*self._program, *kept]
        enabled = [word for name in stock.GO_PLUGINS for word in ("-e", Path(name).name)] if self.is_builtin else []
        config = ["-c", str(files.config)] if files else []
        greeting = stock.banner(router_command.base(request.image).tag)
        greeted = ["/bin/sh", "-c", f'echo {shlex.quote(greeting)}; exec "$@"', "entrypoint"]
        return Programs(
            fluent_bit=program,
            entry_point=[*greeted, *program, *enabled, *config],
            init=_init(files, [*program, *enabled]),
            has_go_plugins=self.is_builtin,
        )


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


def _init(files: RouterFiles | None, program: list[str]) -> list[str]:
    """Return the command of the init image's first program; what it needs to know stands in the task's folder."""
    if files is None:
        return program
    spec = {"program": program, "config": str(files.config), **files.places.described()}
    path = files.config.with_name(INIT_SPEC)
    path.write_text(json.dumps(spec))
    return [sys.executable, "-m", INIT_PROGRAM, str(path)]


def _script(words: tuple[str, ...], files: RouterFiles | None) -> Path | None:
    """Return the image's own script that the command starts, if it does."""
    known = (stock.PROGRAM, stock.ENTRY_POINT, stock.INIT_ENTRY_POINT)
    return files.places.script(words[0]) if files and words[0] not in known else None


def _led_script(script: Path, path: str, programs: Programs, request: LaunchRequest) -> str:
    files = request.router_files
    assert files is not None
    (text,) = router_command.led([script.read_text(errors="surrogateescape")], programs, files.places.place)
    copy = files.places.copy_of(path)
    copy.write_text(text, errors="surrogateescape")
    return str(copy)
