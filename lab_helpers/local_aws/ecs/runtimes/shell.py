"""Small Linux images (busybox, alpine, …) whose command runs with this machine's own programs.

Not modelled: the image's file system; the command sees this machine's.
"""

from __future__ import annotations

import shutil

from lab_helpers.local_aws.ecs.containers.images import Image
from lab_helpers.local_aws.ecs.runtimes.runtime import Launch, LaunchRequest
from lab_helpers.local_aws.ecs.spec import ContainerSpec

SHELL_IMAGES = frozenset({"busybox", "alpine", "amazonlinux", "debian", "ubuntu", "bash"})


class CommandRuntime:
    """Plays images that are no more than a shell, when the container definition says what to run."""

    name = "command"

    def plays(self, container: ContainerSpec, image: Image) -> bool:
        argv = [*container.entry_point, *container.command]
        return image.ref.name in SHELL_IMAGES and bool(argv) and shutil.which(argv[0]) is not None

    def prepare(self, request: LaunchRequest) -> Launch:
        container = request.container
        words = [*container.entry_point, *container.command]
        return Launch([request.mounted.led(word) for word in words], dict(request.env))
