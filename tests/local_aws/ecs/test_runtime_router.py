"""The command line that a router container runs with."""

from __future__ import annotations

from pathlib import Path

from lab_helpers.local_aws.ecs.containers.images import Image, parse_image
from lab_helpers.local_aws.ecs.ports import PortPool
from lab_helpers.local_aws.ecs.runtimes.log_router import RouterRuntime
from lab_helpers.local_aws.ecs.runtimes.runtime import LaunchRequest
from lab_helpers.local_aws.ecs.spec import parse_container

CONFIG = Path("/task/fluent bit.conf")


def _argv(*command: str) -> list[str]:
    container = parse_container({"name": "log_router", "image": "aws-for-fluent-bit", "command": list(command)})
    image = Image(parse_image("aws-for-fluent-bit"))
    folder = Path("/task")
    request = LaunchRequest(container, image, folder, folder, {}, PortPool(), router_config=CONFIG)
    return list(RouterRuntime("builtin").prepare(request).argv)


def test_the_go_plugins_are_enabled_as_in_awss_image() -> None:
    """`-e` for each of the three, and the configuration behind them."""
    argv = _argv()
    assert [argv[n + 1] for n, word in enumerate(argv) if word == "-e"] == [
        "firehose.so",
        "cloudwatch.so",
        "kinesis.so",
    ]
    assert argv[-2:] == ["-c", str(CONFIG)]


def test_a_command_may_do_more_around_the_entry_point() -> None:
    """What stands in the place of /entrypoint.sh is the router, quoted for a shell."""
    argv = _argv("sh", "-c", "/entrypoint.sh & sleep 1; kill -9 $!")
    assert argv[:2] == ["sh", "-c"]
    assert argv[2].endswith("-c '/task/fluent bit.conf' & sleep 1; kill -9 $!")


def test_any_other_command_changes_nothing() -> None:
    """The image's own program cannot run here: the router does."""
    assert _argv("echo", "hello") == _argv()
