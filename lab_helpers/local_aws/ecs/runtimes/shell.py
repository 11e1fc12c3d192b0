"""Images whose command runs with this machine's own programs: small Linux ones (busybox, alpine, …), and one's own.

Of an image out of ECR the files are there: what its command names in them is found, and its working folder is one of
them. What listens on a port of the definition's portMappings is reached at the task's address, also by a load balancer.
Not modelled: the image's programs and libraries (python, node, … are this machine's), what its base image starts, USER;
a path in a shell's text or in a file is this machine's. A network of each task's own: such programs listen on this
machine, so two tasks that run at once cannot have the same port; the service's events say so.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from lab_helpers.local_aws.ecs.containers.images import Image
from lab_helpers.local_aws.ecs.ports import LOOPBACK
from lab_helpers.local_aws.ecs.runtimes.router_command import BASE_NAME
from lab_helpers.local_aws.ecs.runtimes.runtime import Launch, LaunchRequest
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.kit.network import Socket

SHELL_IMAGES = frozenset({"busybox", "alpine", "amazonlinux", "debian", "ubuntu", "bash"})


class CommandRuntime:
    """Plays images that are no more than a shell when the definition says what to run, and those that say it."""

    name = "command"

    def plays(self, container: ContainerSpec, image: Image) -> bool:
        words = image.command(container.entry_point, container.command)
        is_known = image.ref.name in SHELL_IMAGES or bool(image.config)
        return is_known and bool(words) and _program(words[0], image) is not None

    def prepare(self, request: LaunchRequest) -> Launch:
        image = request.image
        program, *rest = image.command(request.container.entry_point, request.container.command)
        words = [_program(program, image) or program, *(_in_image(word, image) for word in rest)]
        ours = [port for port in request.container.ports if request.ports.claim(port)]

        def release() -> None:
            for port in ours:
                request.ports.give_back(port)

        return Launch(
            [request.mounted.led(word) for word in words],
            {**_variables(image), **request.env},
            sockets={port: Socket(LOOPBACK, port, proxy_protocol=False) for port in ours},
            release=release,
            cwd=_working_folder(image),
            shown={str(image.rootfs): ""} if image.rootfs else {},
            complaint=_of_taken_ports(request.container, ours),
        )


def _of_taken_ports(container: ContainerSpec, ours: Collection[int]) -> str:
    taken = ", ".join(str(port) for port in container.ports if port not in ours)
    return taken and (
        f"Container {container.name} is not reached at port {taken}: another task or program has it on this machine, "
        "on which the programs of own images listen. Stop that one first, or let the container listen on another port."
    )


def lacking(container: ContainerSpec, image: Image) -> str:
    """Return why an image out of ECR cannot be run here, and what would be needed, as a task's stopped reason."""
    words = image.command(container.entry_point, container.command)
    if words:
        return (
            f'CannotStartContainerError: exec: "{words[0]}": executable file not found in $PATH: the local AWS runs an '
            f"image's command with this machine's programs. Install {PurePosixPath(words[0]).name} on it, or name "
            "another command in the task definition."
        )
    base = (image.run_config.get("Labels") or {}).get(BASE_NAME, "its base")
    return (
        "CannotStartContainerError: No command specified: the image has no CMD and no ENTRYPOINT of its own, and what "
        f"{base} starts is not known here. Name a command in the task definition or in the Dockerfile."
    )


def _program(word: str, image: Image) -> str | None:
    """Return the program that a command begins with: the image's own file, else this machine's of that name."""
    if "/" in word:
        own = _in_image(word, image)
        if own != word:
            return own
    return shutil.which(word) or shutil.which(PurePosixPath(word).name)


def _in_image(word: str, image: Image) -> str:
    """Return where a path of the image is on this machine; the word itself where it is none."""
    path = PurePosixPath(image.run_config.get("WorkingDir") or "/") / word
    if image.rootfs is None or not word or word.startswith("-") or not ("/" in word or _is_file(image, path)):
        return word
    found = image.path(str(path))
    return word if found is None or found == image.rootfs else str(found)


def _is_file(image: Image, path: PurePosixPath) -> bool:
    found = image.path(str(path))
    return found is not None and found.is_file()


def _working_folder(image: Image) -> Path | None:
    folder = image.run_config.get("WorkingDir")
    found = image.path(str(folder)) if folder else None
    return found if found is not None and found.is_dir() else None


def _variables(image: Image) -> Mapping[str, str]:
    """Return the image's ENV, without the search path: its programs are this machine's."""
    pairs = (pair.partition("=") for pair in image.run_config.get("Env") or ())
    return {name: value for name, _, value in pairs if name != "PATH"}
