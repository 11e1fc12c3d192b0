"""Volumes that the containers of a task share: empty folders of the task, led to in commands and configurations.

A container here sees this machine's files, so `/logs` in its command, its variables and the router's configuration
becomes the place of the volume. A mount point that is read only is one in a mount namespace of the container's own,
where this machine allows that (`unshare`); where not, the service's events say so.
Source: "Bind mounts" in the ECS developer guide (on Fargate a volume without a host path lives as long as its task).
Not modelled: paths that a program makes up itself (of its parts, or in its own configuration file); what an image has
at the path of a mount; EFS, EBS and S3 volumes, which are empty folders, too; volumesFrom.
"""

from __future__ import annotations

import functools
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.ecs.spec import ContainerSpec

EVERYBODY = 0o1777
"""Containers may run as any user."""
PROBE_S = 10.0
PATH_KEYS = frozenset(
    {
        *("@include", "command", "db", "dir", "exclude_path", "file", "parsers_file", "path", "plugins_file", "script"),
        *("storage.path", "store_dir", "streams_file", "tls.ca_file", "tls.ca_path", "tls.crt_file", "tls.key_file"),
    }
)
"""Keys of a router's configuration whose values are paths. Others may look like one (`uri /logs`)."""
_LINE = re.compile(r"^(\s*)(\S+)(\s+)(\S.*)$")
_READ_ONLY = """
while [ "$1" != -- ]; do mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 126; shift; done
shift; exec "$@"
"""
_NAMESPACES = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))


@dataclass(frozen=True)
class Mounted:
    """Where a container's mount points are on this machine: {path in the container: place}; some are read only."""

    places: Mapping[str, str]
    read_only: tuple[str, ...] = ()

    def led(self, text: str) -> str:
        """Return a text in which each path below a mount point is that of the volume."""
        for path in sorted(self.places, key=len, reverse=True):
            place = self.places[path]
            text = re.sub(rf"(?<![\w./}}-]){re.escape(path)}(?![\w.-])", lambda _, place=place: place, text)  # type: ignore[misc]
        return text

    def led_config(self, text: str) -> str:
        """Return a router's configuration in which paths below a mount point are led to the volume."""
        return "\n".join(self._led_line(line) for line in text.split("\n")) if self.places else text

    def led_value(self, key: str, value: str) -> str:
        """Return what one key of a router's configuration leads to, a path below a mount point led to the volume."""
        return self.led(value) if key.lower() in PATH_KEYS else value

    def has(self, place: str) -> bool:
        """Tell whether a path of this machine is below a volume."""
        return any(place == each or place.startswith(f"{each}/") for each in self.places.values())

    def argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command so that what it starts cannot write where it may only read, if this machine can."""
        if not self.read_only or not can_mount():
            return list(argv)
        return [*can_mount(), "/bin/sh", "-c", _READ_ONLY, "mount", *self.read_only, "--", *argv]

    def _led_line(self, line: str) -> str:
        found = _LINE.match(line)
        if found is None or found[2].lower() not in PATH_KEYS:
            return line
        return found[1] + found[2] + found[3] + self.led(found[4])


NOTHING_MOUNTED = Mounted({})


def make(folder: Path, containers: Iterable[ContainerSpec]) -> dict[str, Mounted]:
    """Make the volumes that containers mount, below `folder`; return what each container has, by its name."""
    made = {}
    for container in containers:
        places = {mount.path: _volume(folder, mount.volume) for mount in container.mounts}
        read_only = tuple(sorted({places[mount.path] for mount in container.mounts if mount.read_only}))
        made[container.name] = Mounted(places, read_only)
    return made


def _volume(folder: Path, name: str) -> str:
    place = inside(folder, name)
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(EVERYBODY)
    return str(place)


@functools.cache
def can_mount() -> tuple[str, ...]:
    """Return the words that start a program in a mount namespace of its own; none where the machine forbids it."""
    with tempfile.TemporaryDirectory() as folder:
        for words in _NAMESPACES:
            probe = [*words, "/bin/sh", "-c", _READ_ONLY, "mount", folder, "--", "true"]
            try:
                done = subprocess.run(probe, capture_output=True, timeout=PROBE_S, check=False)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if done.returncode == 0:
                return words
    return ()
