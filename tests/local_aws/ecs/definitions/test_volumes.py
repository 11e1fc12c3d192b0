"""Volumes are shared by the containers of a task, and by nobody else; read only means it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab_helpers.firelens import RouterInputs, Transport
from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.containers.volumes import Mounted, can_mount, make
from lab_helpers.local_aws.ecs.runtimes.router_files import Places
from lab_helpers.local_aws.ecs.spec import ContainerSpec, Mount
from tests.local_aws.ecs.kit import ROUTER, Stand, eventually, shell

MOUNTED = Mounted({"/logs": "/v/1", "/logs/deep": "/v/2"})
VOLUMES = [{"name": "logs", "host": {}}]
TAIL = """\
[INPUT]
    Name tail
    Tag app
    Path /logs/request.log
    Read_from_Head On
    Refresh_Interval 1
    DB /logs/pos.db
[OUTPUT]
    Name cloudwatch_logs
    Match app
    region ap-northeast-1
    log_group_name /case/08
    log_stream_name files
    log_key log
    auto_create_group true
"""


def _mount(*, read_only: bool = False) -> list[dict[str, Any]]:
    return [{"sourceVolume": "logs", "containerPath": "/logs", "readOnly": read_only}]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("echo x >> /logs/a.log", "echo x >> /v/1/a.log"),
        ("mv /logs/a '/logs/b'; ls /logs", "mv /v/1/a '/v/1/b'; ls /v/1"),
        ("cat /logs/deep/x /logs/deeper", "cat /v/2/x /v/1/deeper"),
        *[(other, other) for other in ("/logs2", "/var/logs", "./logs", "a/logs", "/logs.d", "$A/logs", "${A}/logs")],
        ("A=/logs:/logs", "A=/v/1:/v/1"),
    ],
)
def test_paths_below_a_mount_point(given: str, expected: str) -> None:
    """Whole paths only, the longest mount point first."""
    assert MOUNTED.led(given) == expected


def test_paths_in_a_configuration() -> None:
    """Keys that are paths; a URI stays what it is."""
    text = "[INPUT]\n    Path /logs/*.log,/logs/b\n    DB   /logs/p.db\n[OUTPUT]\n    URI /logs\n    Match /logs\n"
    expected = text.replace("/logs/*.log,/logs/b", "/v/1/*.log,/v/1/b").replace("/logs/p.db", "/v/1/p.db")
    assert MOUNTED.led_config(text) == expected


def test_two_containers_have_one_folder(tmp_path: Path) -> None:
    """At their own paths."""
    first = ContainerSpec("a", "x", mounts=(Mount("logs", "/logs"),))
    second = ContainerSpec("b", "x", mounts=(Mount("logs", "/in", True), Mount("own", "/own")))
    made = make(tmp_path, [first, second, ContainerSpec("c", "x")])
    assert made["a"].places["/logs"] == made["b"].places["/in"] == made["b"].read_only[0]
    assert made["c"].places == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "own"]


def test_what_one_writes_another_reads(stand: Stand) -> None:
    """While the task runs, and afterwards nothing of it is left; the machine's own /logs is not touched."""
    first = shell("echo shared > $WHERE/file", "first", essential=False, mountPoints=_mount())
    first["environment"] = [{"name": "WHERE", "value": "/logs"}]
    waits = [{"containerName": "first", "condition": "SUCCESS"}]
    second = shell("cat /logs/file; echo $((1+1)) > /logs/file", "sh", dependsOn=waits, mountPoints=_mount())
    arn = stand.run(stand.define(first, second, volumes=VOLUMES))
    assert [each["exitCode"] for each in stand.stopped(arn)["containers"]] == [0, 0]
    assert stand.messages("/test", stand.stream_of(arn)) == ["shared"]
    assert not Path("/logs/file").exists()


@pytest.mark.skipif(not can_mount(), reason="this machine gives no mount namespace")
def test_read_only_is_read_only(stand: Stand) -> None:
    """In the one container; the other goes on writing."""
    reader = shell("echo x > /logs/file; cat /logs/given", mountPoints=_mount(read_only=True))
    reader["dependsOn"] = [{"containerName": "first", "condition": "SUCCESS"}]
    first = shell("echo given > /logs/given", "first", essential=False, mountPoints=_mount())
    arn = stand.run(stand.define(reader, first, volumes=VOLUMES))
    stand.stopped(arn)
    refused, given = stand.messages("/test", stand.stream_of(arn))
    assert "Read-only file system" in refused
    assert given == "given"


def test_the_routers_files_on_a_volume(tmp_path: Path) -> None:
    """Case 08: the router's tail, with its database, reads where the app writes; the image's file is not touched."""
    own = tmp_path / "rootfs" / "fluent-bit" / "etc" / "extra.conf"
    own.parent.mkdir(parents=True)
    own.write_text(TAIL)
    folder = tmp_path / "firelens"
    folder.mkdir()
    image = Image(parse_image("router"), rootfs=tmp_path / "rootfs")
    places = Places(image, folder, Transport("127.0.0.1", 1), RouterInputs(), MOUNTED)
    (copy,) = places.included("/fluent-bit/etc/extra.conf")
    text = Path(copy).read_text()
    assert "    Path /v/1/request.log\n" in text
    assert "    DB /v/1/pos.db\n" in text
    assert own.read_text() == TAIL


def test_the_router_writes_to_a_volume(stand: Stand) -> None:
    """An output's file is there for another container of the task."""
    options = {"Name": "file", "Path": "/logs", "File": "request.log"}
    log = {"logDriver": "awsfirelens", "options": options}
    app = shell("echo one; echo two; sleep 600", "app", logConfiguration=log)
    script = "until [ -s /logs/request.log ]; do sleep 0.1; done; cat /logs/request.log; sleep 600"
    reader = shell(script, mountPoints=_mount())
    arn = stand.run(stand.define({**ROUTER, "mountPoints": _mount()}, app, reader, volumes=VOLUMES))
    stream = stand.stream_of(arn)

    def lines() -> list[str]:
        streams = stand.logs.describe_log_streams(logGroupName="/test", logStreamNamePrefix=stream)["logStreams"]
        return stand.messages("/test", stream) if streams else []

    eventually(lambda: any('"log":"one"' in each for each in lines()), lambda: (stand.task(arn), lines()))
    stand.ecs.stop_task(cluster="lab", task=arn)
    stand.stopped(arn)
