"""The files of a task's log router: AWS's own, and the ones that run here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_helpers.firelens import Transport, stock
from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.containers.shown_paths import ShownPaths
from lab_helpers.local_aws.ecs.model import NetworkSettings, Task
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runtimes import router_files
from lab_helpers.local_aws.ecs.runtimes.router_files import RouterFiles
from lab_helpers.local_aws.ecs.spec import parse_task_definition

ARN = "arn:aws:ecs:ap-northeast-1:123456789012:task/httpd-cluster/abc"
EXTRA = "/fluent-bit/etc/extra.conf"
OUTPUT = "[OUTPUT]\n    Name cloudwatch_logs\n    Match *\n"


def _task(**options: str) -> Task:
    return _limited_task({"memoryReservation": 50}, options)


def _limited_task(limits: dict[str, int], options: dict[str, str]) -> Task:
    router = {
        "name": "log_router",
        **limits,
        "firelensConfiguration": {"type": "fluentbit", "options": options},
    }
    containers: list[dict[str, Any]] = [{"name": "httpd", "logConfiguration": {"logDriver": "awsfirelens"}}, router]
    definition = {"family": "httpd-task", "revision": 72, "networkMode": "awsvpc", "containerDefinitions": containers}
    cluster = "arn:aws:ecs:ap-northeast-1:123456789012:cluster/httpd-cluster"
    return Task("abc", ARN, cluster, parse_task_definition(definition), "", NetworkSettings(()), 0.0)


def _write(folder: Path, files: dict[str, str], include: str = EXTRA) -> RouterFiles:
    for name, text in files.items():
        path = folder / "rootfs" / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    image = Image(parse_image("r"), rootfs=folder / "rootfs")
    task = _task(**{"config-file-type": "file", "config-file-value": include})
    transport = Transport("127.0.0.1", 4566)
    return router_files.write(task, image, folder / "firelens", folder / "s.sock", PortPool(), transport)


def test_both_configurations_are_written(tmp_path: Path) -> None:
    """One as AWS generates it, with its own places; one with this machine's."""
    made = _write(tmp_path, {EXTRA: OUTPUT})
    aws = (tmp_path / "firelens/fluent-bit.conf").read_text()
    local = made.config.read_text()
    assert "unix_path /var/run/fluent.sock\n" in aws
    assert f"@INCLUDE {EXTRA}\n" in aws
    assert "Record ecs_task_definition httpd-task:72\n" in aws
    assert f"unix_path {tmp_path}/s.sock\n" in local
    assert f"Port {made.inputs.forward_port}\n" in local
    made.release()


def test_the_images_own_file_is_never_touched(tmp_path: Path) -> None:
    """Endpoint and port go into a copy, which the local configuration includes."""
    made = _write(tmp_path, {EXTRA: OUTPUT})
    copy = tmp_path / f"firelens/included{EXTRA}"
    assert f"@INCLUDE {copy}\n" in made.config.read_text()
    assert "    endpoint 127.0.0.1\n    port 4566\n    tls off\n" in copy.read_text()
    assert (tmp_path / "rootfs/fluent-bit/etc/extra.conf").read_text() == OUTPUT


def test_a_file_that_needs_no_change_is_included_itself(tmp_path: Path) -> None:
    """No copy without a reason."""
    made = _write(tmp_path, {EXTRA: "[OUTPUT]\n    Name null\n"})
    assert f"@INCLUDE {tmp_path}/rootfs{EXTRA}\n" in made.config.read_text()


@pytest.mark.parametrize(("text", "has_go"), [(OUTPUT, False), ("[OUTPUT]\n    Name firehose\n", True)])
def test_go_outputs_are_noticed(tmp_path: Path, text: str, has_go: bool) -> None:
    """Also in a file that an included file includes: only AWS's image has these plugins."""
    made = _write(tmp_path, {EXTRA: "@INCLUDE /opt/a.conf\n", "/opt/a.conf": text})
    assert made.has_go_outputs is has_go


def test_includes_of_includes_are_led_too(tmp_path: Path) -> None:
    """Absolute and relative paths, patterns, and a file that includes itself."""
    text = f"@INCLUDE /opt/a.conf\n@INCLUDE more/*.conf\n@INCLUDE {EXTRA}\n"
    files = {EXTRA: text, "/opt/a.conf": OUTPUT}
    files |= {f"/fluent-bit/etc/more/{name}.conf": "# empty\n" for name in ("b", "c")}
    _write(tmp_path, files)
    copy = (tmp_path / f"firelens/included{EXTRA}").read_text().splitlines()
    more = tmp_path / "rootfs/fluent-bit/etc/more"
    assert copy[:3] == [
        f"@INCLUDE {tmp_path}/firelens/included/opt/a.conf",
        f"@INCLUDE {more}/b.conf",
        f"@INCLUDE {more}/c.conf",
    ]


def test_what_the_image_does_not_have_stays(tmp_path: Path) -> None:
    """The router itself says that a file is missing, by the name that the user wrote."""
    made = _write(tmp_path, {"/x": ""}, include="/fluent-bit/etc/missing.conf")
    assert "@INCLUDE /fluent-bit/etc/missing.conf\n" in made.config.read_text()


def test_yaml_is_led_with_what_it_names(tmp_path: Path) -> None:
    """Relative to the file that names it, as the router reads it; its outputs and its HTTP server are known, too."""
    yaml = "service:\n  http_port: 2021\nincludes:\n  - more.yaml\npipeline:\n  outputs:\n    - name: firehose\n"
    made = _write(tmp_path, {"/own/main.yaml": yaml, "/own/more.yaml": "pipeline:\n  outputs:\n    - name: s3\n"})
    copy = Path(made.places.place("/own/main.yaml")).read_text()
    assert f'- "{tmp_path}/firelens/included/own/more.yaml"' in copy
    assert f'http_port: "{made.inputs.http_port}"' in copy
    assert made.places.outputs == {"firehose", "s3"}
    assert made.places.ports["2021"] == str(made.inputs.http_port)


@pytest.mark.parametrize("path", ["/fluent-bit/etc/drill/extra.yaml", EXTRA, "/fluent-bit/configs/parse-json.conf"])
def test_what_runs_here_is_shown_by_the_containers_path(tmp_path: Path, path: str) -> None:
    """A copy, the image's own file or one of AWS's image: the router's errors name it as they do on AWS."""
    own = {} if "configs" in path else {path: OUTPUT if path == EXTRA else "pipeline:\n  outputs:\n    - name: s3\n"}
    made = _write(tmp_path, {"/x": "", **own})
    shown = ShownPaths(made.places.shown)
    assert shown(f"error in {made.places.place(path)}:1".encode()).decode() == f"error in {path}:1"
    assert shown(f"error in {made.config}:1".encode()) == b"error in /fluent-bit/etc/fluent-bit.conf:1"


def test_two_files_of_one_name_are_two_copies(tmp_path: Path) -> None:
    """A file's copy has its whole path."""
    _write(tmp_path, {EXTRA: "@INCLUDE /a/x.conf\n@INCLUDE /b/x.conf\n", "/a/x.conf": OUTPUT, "/b/x.conf": OUTPUT})
    assert [(tmp_path / f"firelens/included/{folder}/x.conf").is_file() for folder in "ab"] == [True, True]


def test_the_file_with_the_images_version_is_there(tmp_path: Path) -> None:
    """Copies of AWS's entry point print it."""
    made = _write(tmp_path, {"/x": ""})
    assert Path(made.places.place("/AWS_FOR_FLUENT_BIT_VERSION")).read_text() == f"{stock.IMAGE_VERSION}\n"


@pytest.mark.parametrize(
    ("limits", "megabytes"), [({"memory": 200, "memoryReservation": 60}, 30), ({"memory": 200}, 100), ({}, 25)]
)
def test_the_buffer_limit_is_half_of_the_reservation(tmp_path: Path, limits: dict[str, int], megabytes: int) -> None:
    """The reservation comes first, then the hard limit; 25 MB without either. Source: the ECS agent's task.go."""
    transport, image = Transport("127.0.0.1", 4566), Image(parse_image("r"), rootfs=tmp_path)
    made = router_files.write(
        _limited_task(limits, {}), image, tmp_path / "firelens", tmp_path / "s.sock", PortPool(), transport
    )
    made.release()
    assert f"Mem_Buf_Limit {megabytes}MB\n" in (tmp_path / "firelens/fluent-bit.conf").read_text()
