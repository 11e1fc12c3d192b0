"""Images of one's own run by their CMD and ENTRYPOINT, with this machine's programs and the image's files."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from lab_helpers import images
from lab_helpers.images.builder import build
from lab_helpers.local_aws.ecs import EcsService
from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.containers.unpacking import unpack
from lab_helpers.local_aws.ecs.ports import LOOPBACK, PortPool, accepts
from lab_helpers.local_aws.ecs.runtimes.runtime import LaunchRequest
from lab_helpers.local_aws.ecs.runtimes.shell import CommandRuntime, lacking
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.kit.network import Socket
from tests.local_aws.ecs.kit import AWSLOGS, CLUSTER, Stand, eventually, shell

APP = "import os, sys, words\nprint(os.environ['GREETING'], sys.argv[1:], words.SAID, flush=True)\n"


def image(folder: Path, dockerfile: str) -> Image:
    """Build a folder with an app in it, and unpack it as a task pulls it."""
    source, rootfs = folder / "source", folder / "rootfs"
    for each in (source, rootfs):
        each.mkdir(parents=True)
    (source / "app.py").write_text(APP)
    (source / "words.py").write_text("SAID = 'from the image'\n")
    (source / "start.sh").write_text('#!/bin/sh\nexec "$@"\n')
    (source / "start.sh").chmod(0o755)
    (source / "Dockerfile").write_text(dockerfile)
    built = build(source, "Dockerfile")
    manifest = json.loads(built.manifest)
    for layer in manifest["layers"]:
        (folder / "layer").write_bytes(built.blobs[layer["digest"]])
        unpack(folder / "layer", rootfs)
    config = json.loads(built.blobs[manifest["config"]["digest"]])
    return Image(parse_image("127.0.0.1:1/shop"), "sha256:" + "0" * 64, ("sha256:1",), rootfs, config)


def printed(made: Image, container: ContainerSpec, folder: Path) -> str:
    """Run the container as it would be started; return what it prints."""
    runtime, env = CommandRuntime(), {"PATH": os.environ["PATH"], "GREETING": "task"}
    assert runtime.plays(container, made)
    launch = runtime.prepare(LaunchRequest(container, made, folder, folder, env, PortPool()))
    assert launch.env["PATH"] == env["PATH"]
    done = subprocess.run(list(launch.argv), env=dict(launch.env), cwd=launch.cwd, capture_output=True, check=True)
    return done.stdout.decode()


COPIES = "COPY app.py words.py start.sh ./\n"
DEFINED = ContainerSpec("shop", "127.0.0.1:1/shop")


@pytest.mark.parametrize(
    ("end", "container", "arguments"),
    [
        ('CMD ["python3", "app.py"]', DEFINED, []),
        ('CMD ["/usr/local/bin/python3", "/srv/app.py", "--fast"]', DEFINED, ["--fast"]),
        ('ENTRYPOINT ["python3", "app.py"]\nCMD ["--slow"]', DEFINED, ["--slow"]),
        ("CMD python3 app.py in-a-shell", DEFINED, ["in-a-shell"]),
        ('ENTRYPOINT ["/srv/start.sh"]\nCMD ["python3", "app.py"]', DEFINED, []),
        ('ENTRYPOINT ["python3", "app.py"]\nCMD ["--slow"]',
         ContainerSpec("shop", "127.0.0.1:1/shop", command=("--own",)), ["--own"]),
        ('ENTRYPOINT ["no-such-program"]\nCMD ["--slow"]',
         ContainerSpec("shop", "127.0.0.1:1/shop", entry_point=("python3", "app.py")), []),
    ],
)  # fmt: skip
def test_it_starts_what_it_says(tmp_path: Path, end: str, container: ContainerSpec, arguments: list[str]) -> None:
    """In its working folder, with its files and variables; what the task definition says comes first."""
    begin = "FROM python:3.12-slim\nENV GREETING=image PATH=/nowhere\nWORKDIR /srv\n"
    made = image(tmp_path, begin + COPIES + end + "\n")
    assert printed(made, container, tmp_path) == f"task {arguments} from the image\n"


def test_what_would_be_needed_is_said(tmp_path: Path) -> None:
    """A program that is not on this machine, and an image that leaves it to its base."""
    begin = "FROM ruby:3.3\nWORKDIR /srv\n" + COPIES
    program = image(tmp_path / "a", begin + 'CMD ["/usr/bin/no-such-program", "app.rb"]\n')
    assert not CommandRuntime().plays(DEFINED, program)
    assert 'exec: "/usr/bin/no-such-program": executable file not found' in lacking(DEFINED, program)
    assert "Install no-such-program on it" in lacking(DEFINED, program)
    silent = image(tmp_path / "b", begin)
    assert not CommandRuntime().plays(DEFINED, silent)
    assert "No command specified" in lacking(DEFINED, silent)
    assert "what ruby:3.3 starts is not known here" in lacking(DEFINED, silent)


def served(stand: Stand, arn: str, port: int) -> Socket | None:
    """Return what answers at a task's own address."""
    (attachment,) = stand.task(arn)["attachments"]
    address = next(each["value"] for each in attachment["details"] if each["name"] == "privateIPv4Address")
    ecs = next(each for each in stand.aws._services if isinstance(each, EcsService))
    return ecs._world.context.network.locate(address, port)


def test_a_program_that_listens_is_reached_at_the_task(stand: Stand) -> None:
    """At the port of its portMappings; a second task beside it has the port not, and its service's events say why."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    container = shell(f"exec python3 -m http.server {port} --bind {LOOPBACK}", portMappings=[{"containerPort": port}])
    definition = stand.define(container)
    first = stand.run(definition)
    eventually(lambda: stand.task(first)["lastStatus"] == "RUNNING", lambda: stand.task(first))
    eventually(lambda: accepts(port), lambda: stand.task(first))
    assert served(stand, first, port) == Socket(LOOPBACK, port, proxy_protocol=False)
    stand.serve("beside", definition)
    eventually(lambda: any(f"not reached at port {port}" in each for each in stand.events("beside")), lambda: 0)
    stand.gone("beside")
    stand.ecs.stop_task(cluster=CLUSTER, task=first)
    stand.stopped(first)
    again = stand.run(definition)
    eventually(lambda: stand.task(again)["lastStatus"] == "RUNNING", lambda: stand.task(again))
    assert served(stand, again, port) is not None, "given back when the first had ended"
    stand.ecs.stop_task(cluster=CLUSTER, task=again)
    stand.stopped(again)


def test_an_image_in_ecr_runs_and_one_that_cannot_says_why(stand: Stand, tmp_path: Path) -> None:
    """Built and pushed as the lab does it, run as a task: its line arrives; the other's reason names the program."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.sh").write_text("echo said by the image\n")
    ends = []
    for name, command in (("runs", '["sh", "app.sh"]'), ("lacks", '["no-such-program"]')):
        (source / "Dockerfile").write_text(f"FROM alpine:3\nWORKDIR /srv\nCOPY app.sh ./\nCMD {command}\n")
        repository = stand.ecr.create_repository(repositoryName=f"own-{name}")["repository"]["repositoryUri"]
        uri = images.publish(source, "Dockerfile", repository, "1", stand.ecr, builder="builtin").uri
        container = {"name": name, "image": uri, "logConfiguration": AWSLOGS}
        ends.append(stand.stopped(stand.run(stand.define(container))))
    assert ends[0]["containers"][0]["exitCode"] == 0
    assert "said by the image" in stand.messages("/test", stand.stream_of(ends[0]["taskArn"], "runs"))
    assert ends[1]["stoppedReason"].startswith('CannotStartContainerError: exec: "no-such-program"')
