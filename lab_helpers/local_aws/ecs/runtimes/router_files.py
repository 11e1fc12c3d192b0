"""The files of a task's log router: the configuration as AWS would generate it, and the one that runs here.

Both stay readable in the task's folder, `firelens/`:
  fluent-bit.conf        what the ECS agent generates, with its own paths and ports
  fluent-bit.local.conf  the same with this machine's socket and ports; the router runs on this one
  included/              copies of the user's files, classic or YAML, by their paths in the container, of those in which
                         something has to be led here: endpoint, port and TLS of AWS outputs, paths of the image;
                         the image's own are never touched
  files/                 what the router writes to an absolute path of its container (storage.path, store_dir)
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab_helpers.base import paths
from lab_helpers.base.paths import inside
from lab_helpers.firelens import (
    RouterInputs,
    RouterOptions,
    Transport,
    generate,
    localise,
    parse_container_log,
    parse_router_options,
    stock,
)
from lab_helpers.firelens.generate import task_metadata
from lab_helpers.firelens.localise import GO_OUTPUTS, Machine, outputs, service_http_port
from lab_helpers.firelens.localise_yaml import http_port_in_yaml, localise_yaml, outputs_in_yaml
from lab_helpers.firelens.yaml_text import SUFFIXES as YAML_SUFFIXES
from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.containers.volumes import NOTHING_MOUNTED, Mounted
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runtimes import router_command
from lab_helpers.local_aws.ecs.spec import ContainerSpec

GENERATED = "fluent-bit.conf"
LOCAL = "fluent-bit.local.conf"
COPIES = "included"
INIT, INIT_CONFIG = "init", "fluent-bit-init.conf"
"""Where the init image's first program keeps what it fetches, and what the router then starts with."""
CONFIG_FOLDER = "/fluent-bit/etc"
"""Where the agent mounts the configuration: what it includes by a relative path lies there."""


@dataclass(frozen=True)
class RouterFiles:
    """What was written; `ports` are taken from the pool and given back by `release`.

    `command`: what the container starts, in the image's paths; `places` leads those here. `outputs`: the names of all
    outputs, those of included files too.
    """

    config: Path
    inputs: RouterInputs
    pool: PortPool
    places: Places
    command: tuple[str, ...] = ()
    outputs: frozenset[str] = frozenset()

    @property
    def listens(self) -> dict[str, str]:
        """Return the router's ports as its task names them -> those of this machine."""
        return self.places.ports

    @property
    def has_go_outputs(self) -> bool:
        """Tell whether an output is one of AWS's Go plugins, which only AWS's image has."""
        return bool(self.outputs & GO_OUTPUTS)

    def release(self) -> None:
        """Give the ports back."""
        for port in (*self.inputs.ports, self.inputs.http_port):
            self.pool.give_back(port)


def write(
    task: Task, image: Image, folder: Path, socket: Path, pool: PortPool, transport: Transport,
    mounted: Mounted = NOTHING_MOUNTED,
) -> RouterFiles:  # fmt: skip
    """Write the configuration of `task`'s router into `folder`.

    `image` is the router's, `mounted` its volumes; `transport` how its outputs reach this AWS.
    """
    folder.mkdir(parents=True, exist_ok=True)
    inputs = RouterInputs(str(socket), pool.take(), pool.take(), pool.take())
    (folder / GENERATED).write_text(_text(task, RouterInputs(), _options(task).include_path))
    include = _options(task).include_path
    places = Places(image, folder, transport, inputs, mounted)
    included = places.included(include)[0] if include else None
    local = localise(mounted.led_config(_text(task, inputs, included)), transport, lambda path: [path])
    (folder / LOCAL).write_text(local)
    command = router_command.command(task.spec.router, image) if task.spec.router else []
    for path in router_command.named_files(command):
        places.place(path)
    return RouterFiles(
        folder / LOCAL, inputs, pool, places, tuple(command), frozenset({*outputs(local), *places.outputs})
    )


def described_places(spec: Mapping[str, Any]) -> Places:
    """Return the places that `Places.described` told of."""
    config = {"config": {"Labels": {router_command.BASE_NAME: spec["base"]}}}
    rootfs = Path(spec["rootfs"]) if spec["rootfs"] else None
    image = Image(parse_image(spec["image"]), rootfs=rootfs, config=config)
    mounted = Mounted(spec["mounted"])
    return Places(image, Path(spec["folder"]), Transport(**spec["transport"]), RouterInputs(**spec["inputs"]), mounted)


def _options(task: Task) -> RouterOptions:
    router = task.spec.router
    return parse_router_options(router.firelens.options if router and router.firelens else {})


def _text(task: Task, inputs: RouterInputs, include: str | None) -> str:
    router, spec = task.spec.router, task.spec
    metadata = task_metadata(task.cluster_name, task.arn, f"{spec.family}:{spec.revision}")
    return generate(
        [parse_container_log(each.name, _log_options(task, each)) for each in spec.containers if _uses_router(each)],
        network_mode=spec.network_mode,
        memory_mib=(router.reserved_mib or router.memory_mib) if router else 0,
        metadata=metadata if _options(task).metadata else (),
        include_path=include,
        inputs=inputs,
    )


def _uses_router(container: ContainerSpec) -> bool:
    return container.log is not None and container.log.driver == "awsfirelens"


def _log_options(task: Task, container: ContainerSpec) -> dict[str, str]:
    """Return the container's options; one with a secret value names the router's variable."""
    if container.log is None:
        return {}
    variables = zip(container.log.secret_options, task.spec.log_secrets[container.name], strict=True)
    return {**container.log.options, **{name: f"${{{variable}}}" for name, variable in variables}}


class Places:
    """Leads paths inside the image to where they are on this machine: its own files, then those of AWS's image."""

    def __init__(
        self, image: Image, folder: Path, transport: Transport, inputs: RouterInputs, mounted: Mounted = NOTHING_MOUNTED
    ) -> None:
        self._image, self._folder, self._transport, self._mounted = image, folder, transport, mounted
        self._base = router_command.base(image).name
        self._machine = Machine(inputs, self._written)
        self._copies: dict[Path, str] = {}
        self._http_port: str | None = None
        self.outputs: set[str] = set()

    @property
    def ports(self) -> dict[str, str]:
        """The router's ports -> those of this machine; known when all configurations have been copied."""
        return self._machine.ports(self._http_port)

    def included(self, path: str) -> list[str]:
        """Return where a configuration (or what matches a pattern) is: in the image, or a copy where it had to change.

        A path that the image does not have stays as it is: the router then says that it is missing.
        """
        inside = path if path.startswith("/") else f"{CONFIG_FOLDER}/{path}"
        if inside == stock.GENERATED_CONFIG:
            return [str(self._folder / LOCAL)]  # the agent mounts its own over the image's
        found = self._image.paths(inside) or stock.files(inside, self._base)
        folder = posixpath.dirname(inside)
        return [
            self.copied(each, self._path_of(each) or f"{folder}/{each.name}") if each.is_file() else str(each)
            for each in found
        ] or [path]

    @property
    def shown(self) -> dict[str, str]:
        """Return places of this machine -> the paths by which the container knows what lies there."""
        roots = [self._folder / COPIES, self._folder / "files", stock.FOLDER, self._image.rootfs]
        return {
            **{str(root): "" for root in roots if root is not None},
            str(self._folder / LOCAL): stock.GENERATED_CONFIG,
            str(self._folder / INIT): stock.INIT_S3_FOLDER,
            str(self._folder / INIT / INIT_CONFIG): stock.INIT_CONFIG,
        }

    def described(self) -> dict[str, Any]:
        """Return what `described_places` makes the same places of, in another process."""
        return {
            "image": str(self._image.ref),
            "base": str(router_command.base(self._image)),
            "rootfs": str(self._image.rootfs or ""),
            "folder": str(self._folder),
            "transport": asdict(self._transport),
            "inputs": asdict(self._machine.inputs),
            "mounted": dict(self._mounted.places),
        }

    def place(self, path: str) -> str:
        """Return where one path is, or the path itself: the image does not have it, or has several."""
        found = self.included(path)
        return found[0] if len(found) == 1 else path

    def script(self, path: str) -> Path | None:
        """Return the file of the image at this path, as it is; None: the image does not have it."""
        found = self._image.path(path)
        return found if found is not None and found.is_file() else None

    def _written(self, path: str) -> str:
        if self._mounted.has(path):
            return path
        place = paths.below(self._folder / "files", path)
        place.mkdir(parents=True, exist_ok=True)
        return str(place)

    def copy_of(self, path: str) -> Path:
        """Return where a copy of a container's file goes; makes the folder. Raises PathOutsideError."""
        copy = inside(self._folder, COPIES, posixpath.normpath(path).lstrip("/"))
        copy.parent.mkdir(parents=True, exist_ok=True)
        return copy

    def copied(self, source: Path, path: str) -> str:
        """Return what stands for the container's file at `path`: `source`, or a copy where something had to change."""
        if source not in self._copies:
            self._copies[source] = str(source)  # before reading: a file may include itself
            text = source.read_bytes().decode("utf-8", "surrogateescape")
            local = self._local_yaml(source, text) if source.suffix in YAML_SUFFIXES else self._local_classic(text)
            if local != text:
                copy = self.copy_of(path)
                copy.write_bytes(local.encode("utf-8", "surrogateescape"))
                self._copies[source] = str(copy)
        return self._copies[source]

    def _local_classic(self, text: str) -> str:
        self.outputs.update(outputs(text))
        self._http_port = service_http_port(text) or self._http_port
        return localise(self._mounted.led_config(text), self._transport, self.included, self._machine)

    def _local_yaml(self, source: Path, text: str) -> str:
        self.outputs.update(outputs_in_yaml(text))
        self._http_port = http_port_in_yaml(text) or self._http_port

        def resolve(path: str) -> list[str]:
            inside = path if path.startswith("/") else self._beside(source, path)
            found = self.included(inside)
            return [path] if found == [inside] else found

        return localise_yaml(text, self._transport, resolve, self._machine, self._mounted.led_value)

    def _beside(self, source: Path, path: str) -> str:
        """Return the path in the image of a file that one of the image names by a relative path."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(self._path_of(source)) or CONFIG_FOLDER, path))

    def _path_of(self, source: Path) -> str:
        """Return the path of one of the image's own files in the container; "" for any other."""
        rootfs = self._image.rootfs
        is_inside = rootfs is not None and source.is_relative_to(rootfs)
        return f"/{source.relative_to(rootfs)}" if is_inside and rootfs is not None else ""
