"""The command line that a router container runs with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.firelens import Transport, stock
from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.model import NetworkSettings, Task
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runtimes import router_command, router_files
from lab_helpers.local_aws.ecs.runtimes.log_router import RouterRuntime
from lab_helpers.local_aws.ecs.runtimes.runtime import LaunchRequest
from lab_helpers.local_aws.ecs.spec import parse_task_definition

ALT = "[INPUT]\n    Name forward\n    unix_path /var/run/fluent.sock\n[OUTPUT]\n    Name cloudwatch_logs\n"
ALT_PATH = "/fluent-bit/alt/fluent-bit.conf"


class Router:
    """A router container with an image: `files` are the image's own, `config` its run configuration."""

    def __init__(
        self, folder: Path, image: str = stock.BASE_IMAGE, files: dict[str, str] | None = None, **config: Any
    ) -> None:
        for name, text in (files or {}).items():
            path = folder / "rootfs" / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.folder = folder
        self.image = Image(parse_image(image), rootfs=folder / "rootfs", config={"config": config})

    def argv(self, runtime: RouterRuntime | None = None, **definition: Any) -> list[str]:
        router = {"name": "log_router", "firelensConfiguration": {"type": "fluentbit"}, **definition}
        spec = parse_task_definition({"family": "f", "revision": 1, "containerDefinitions": [router]})
        task = Task("abc", "arn:aws:ecs:r:1:task/c/abc", "arn:aws:ecs:r:1:cluster/c", spec, "", NetworkSettings(()), 0)
        transport, pool = Transport("127.0.0.1", 4566), PortPool()
        files = router_files.write(task, self.image, self.folder / "firelens", self.folder / "s.sock", pool, transport)
        files.release()
        (container,) = spec.containers
        request = LaunchRequest(
            container, self.image, self.folder, self.folder, {}, pool, files, self.folder / "s.sock"
        )
        return list((runtime or RouterRuntime("builtin")).prepare(request).argv)

    @property
    def config(self) -> str:
        return str(self.folder / "firelens" / router_files.LOCAL)


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RouterRuntime:
    """A runtime that has a Fluent Bit: a program of that name on PATH."""
    program = tmp_path / "bin/fluent-bit"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return RouterRuntime("fluent-bit")


def _enabled(argv: Sequence[str]) -> list[str]:
    return [argv[n + 1] for n, word in enumerate(argv) if word == "-e"]


def test_the_entry_point_greets_and_enables_the_go_plugins(tmp_path: Path) -> None:
    """As in AWS's image: a line with its version, then the router with three libraries and the agent's file."""
    router = Router(tmp_path)
    argv = router.argv()
    assert argv[:2] == ["/bin/sh", "-c"]
    assert "AWS for Fluent Bit Container Image Version 3.5.10" in argv[2]
    assert _enabled(argv) == ["firehose.so", "cloudwatch.so", "kinesis.so"]
    assert argv[-2:] == ["-c", router.config]


@pytest.mark.parametrize(
    ("tag", "version"), [("latest", "3.5.10"), ("2.34.3.20260818", "2.34.3.20260818"), ("init-3.2.1", "3.2.1")]
)
def test_the_greeting_names_the_tags_version(tag: str, version: str) -> None:
    """A tag that moves means the version that is played here."""
    assert stock.banner(tag).split()[-1] == version


def test_the_real_fluent_bit_gets_no_go_plugins(tmp_path: Path, real: RouterRuntime) -> None:
    """They are only in AWS's image: `-e` would end it."""
    command = ["/bin/sh", "-c", f"exec /fluent-bit/bin/fluent-bit -e /fluent-bit/firehose.so -c {ALT_PATH}"]
    router = Router(tmp_path, files={ALT_PATH: "[OUTPUT]\n    Name null\n"})
    assert "-e" not in router.argv(real)
    shell = router.argv(real, command=command)
    assert shell[2] == f"exec {tmp_path}/bin/fluent-bit -c {tmp_path}/rootfs{ALT_PATH}"


def test_a_command_may_do_more_around_the_entry_point(tmp_path: Path) -> None:
    """What stands in the place of /entrypoint.sh is the router, quoted for a shell."""
    router = Router(tmp_path)
    argv = router.argv(command=["sh", "-c", "/entrypoint.sh & sleep 1; kill -9 $!"])
    assert argv[:2] == ["sh", "-c"]
    assert argv[2].endswith(f"-c {router.config} & sleep 1; kill -9 $!")


@pytest.mark.parametrize("where", ["image", "definition", "entry point", "shell"])
def test_a_command_may_name_another_configuration(tmp_path: Path, where: str) -> None:
    """By the image's CMD, the definition's command or entryPoint, as words or a shell's text: only that file counts."""
    words = [stock.PROGRAM, "-e", "/fluent-bit/firehose.so", "-c", ALT_PATH]
    if where == "shell":
        words = ["/bin/sh", "-c", f"exec {' '.join(words)}"]
    router = Router(tmp_path, files={ALT_PATH: ALT}, **({"Cmd": words} if where == "image" else {}))
    definition = {"definition": {"command": words}, "shell": {"command": words}, "entry point": {"entryPoint": words}}
    argv = " ".join(router.argv(**definition.get(where, {})))
    copy = tmp_path / f"firelens/included{ALT_PATH}"
    assert argv.endswith(f" -e firehose.so -c {copy}")
    assert router.config not in argv
    assert f"unix_path {tmp_path}/s.sock\n" in copy.read_text()
    assert "    endpoint 127.0.0.1\n" in copy.read_text()


def test_the_generated_file_may_be_included(tmp_path: Path) -> None:
    """aws-for-fluent-bit #381: a file of one's own that includes what FireLens generates."""
    router = Router(tmp_path, files={ALT_PATH: f"@INCLUDE {stock.GENERATED_CONFIG}\n"})
    router.argv(command=[stock.PROGRAM, "-c", ALT_PATH])
    assert (tmp_path / f"firelens/included{ALT_PATH}").read_text() == f"@INCLUDE {router.config}\n"


def test_a_folder_that_is_written_to_is_the_containers_own(tmp_path: Path) -> None:
    """storage.path of two tasks of one machine would be one folder."""
    text = "[SERVICE]\n    storage.path /tmp/flb-storage\n"
    router = Router(tmp_path, files={ALT_PATH: text})
    router.argv(command=[stock.PROGRAM, "-c", ALT_PATH])
    place = tmp_path / "firelens/files/tmp/flb-storage"
    assert f"storage.path {place}\n" in (tmp_path / f"firelens/included{ALT_PATH}").read_text()
    assert place.is_dir()


def test_the_images_own_script_runs_with_the_router(tmp_path: Path) -> None:
    """An ENTRYPOINT of one's own that prepares something and then starts Fluent Bit."""
    router = Router(tmp_path, files={"/start.sh": f"#!/bin/sh\nexec {stock.ENTRY_POINT}\n"}, Entrypoint=["/start.sh"])
    argv = router.argv()
    assert argv == ["/bin/sh", str(tmp_path / "firelens/included/start.sh")]
    assert router.config in Path(argv[1]).read_text()


def test_any_other_command_runs_as_it_is(tmp_path: Path) -> None:
    """As on AWS: the router is not started when the command says something else."""
    assert Router(tmp_path).argv(command=["echo", "hello"]) == ["echo", "hello"]


def test_an_entry_point_drops_the_images_command(tmp_path: Path) -> None:
    """As docker does; a command alone keeps the image's entry point."""
    router = Router(tmp_path, Entrypoint=["a"], Cmd=["b"])
    assert router.argv() == ["a", "b"]
    assert router.argv(command=["c"]) == ["a", "c"]
    assert router.argv(entryPoint=["d"]) == ["d"]


def test_fluent_bits_own_image_has_no_go_plugins(tmp_path: Path) -> None:
    """Its entry point is the program, and what the definition says are arguments."""
    router = Router(tmp_path, "fluent/fluent-bit:5.1")
    assert router.argv()[-2:] == ["-c", router.config]
    assert "-e" not in router.argv()
    assert router.argv(command=["-i", "dummy"])[-2:] == ["-i", "dummy"]


def test_the_init_image_starts_its_own_program_first(tmp_path: Path) -> None:
    """What it needs to know stands in the task's folder."""
    argv = Router(tmp_path, f"{stock.PUBLIC_NAMES[0]}:init-latest").argv()
    assert argv[1:3] == ["-m", "lab_helpers.local_aws.ecs.runtimes.init_process"]
    assert json.loads(Path(argv[3]).read_text())["config"].endswith(router_files.LOCAL)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("public.ecr.aws/aws-observability/aws-for-fluent-bit:3.5.10", "3.5.10"),
        ("906394416424.dkr.ecr.eu-west-1.amazonaws.com/aws-for-fluent-bit:init-3", "init-3"),
        ("amazon/aws-for-fluent-bit", "latest"),
        ("fluent/fluent-bit:5", "5"),
        ("somebody/else:1", stock.IMAGE_VERSION),
    ],
)
def test_what_an_image_is_built_on(name: str, found: str) -> None:
    """Itself, what its label says, or AWS's image of today."""
    assert router_command.base(Image(parse_image(name))).tag == found
    label = {router_command.BASE_NAME: name}
    assert router_command.base(Image(parse_image("x"), config={"config": {"Labels": label}})).tag == found
