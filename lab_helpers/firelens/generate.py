"""Task definition -> the text of the router's configuration, as the ECS agent generates it.

Source: the expected texts in the tests of the ECS agent's agent/taskresource/firelens (release 1.105).
Type fluentd: `fluentd.py`.
Not modelled: several outputs keep the task definition's order (the agent's order is random).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab_helpers.firelens.options import ContainerLog

DEFAULT_MEM_BUF_LIMIT_MB = 25
HEALTHCHECK_TAG = "firelens-healthcheck"
SOCKET_PATH = "/var/run/fluent.sock"
FORWARD_PORT = 24224
HEALTHCHECK_PORT = 8877
HEALTHCHECK_HOST = "127.0.0.1"
HTTP_PORT = 2020
"""Fluent Bit's HTTP server, where the user's file switches it on."""
LISTEN = {"awsvpc": "127.0.0.1", "bridge": "0.0.0.0"}
"""Where the forward input listens, by network mode; other modes have no TCP input."""


@dataclass(frozen=True)
class RouterInputs:
    """Where the router listens: the agent's own places by default, mapped ones when tasks share a machine."""

    socket_path: str = SOCKET_PATH
    forward_port: int = FORWARD_PORT
    healthcheck_port: int = HEALTHCHECK_PORT
    http_port: int = HTTP_PORT

    @property
    def ports(self) -> tuple[int, ...]:
        """The TCP ports of the generated inputs, in the order in which a router opens them."""
        return self.forward_port, self.healthcheck_port


def generate(
    containers: Sequence[ContainerLog],
    *,
    network_mode: str = "awsvpc",
    memory_mib: int = 0,
    metadata: Sequence[tuple[str, str]] = (),
    include_path: str | None = None,
    inputs: RouterInputs = RouterInputs(),
) -> str:
    """Return the configuration for Fluent Bit.

    `containers` are those with log driver awsfirelens; `memory_mib` is the router's memory reservation, or else its
    limit (half of it bounds the input's buffer; 0: none given); `metadata` the keys added to every record;
    `include_path` the user's own file.
    """
    parts = [*_inputs(network_mode, _mem_buf_limit(memory_mib), inputs), *_patterns(containers), *_metadata(metadata)]
    if include_path:
        parts.append(f"@INCLUDE {include_path}\n")
    parts += _outputs(containers, network_mode)
    return "".join(f"\n{part}" for part in parts)


def task_metadata(cluster: str, task_arn: str, task_definition: str, instance_id: str = "") -> list[tuple[str, str]]:
    """Return the keys that FireLens adds; `task_definition` is family:revision, `instance_id` empty on Fargate."""
    instance = [("ec2_instance_id", instance_id)] if instance_id else []
    names = [("ecs_cluster", cluster), ("ecs_task_arn", task_arn), ("ecs_task_definition", task_definition)]
    return instance + names


def _section(kind: str, lines: Iterable[str]) -> str:
    return f"[{kind}]\n" + "".join(f"    {line}\n" for line in lines)


def _mem_buf_limit(memory_mib: int) -> str:
    return f"{memory_mib // 2 or DEFAULT_MEM_BUF_LIMIT_MB}MB"


def _inputs(network_mode: str, mem_buf_limit: str, inputs: RouterInputs) -> list[str]:
    socket = _section("INPUT", ["Name forward", f"Mem_Buf_Limit {mem_buf_limit}", f"unix_path {inputs.socket_path}"])
    if network_mode not in LISTEN:
        return [socket]
    forward = ["Name forward", f"Listen {LISTEN[network_mode]}", f"Port {inputs.forward_port}"]
    health = [
        "Name tcp",
        f"Tag {HEALTHCHECK_TAG}",
        f"Listen {HEALTHCHECK_HOST}",
        f"Port {inputs.healthcheck_port}",
    ]
    return [socket, _section("INPUT", forward), _section("INPUT", health)]


def _patterns(containers: Sequence[ContainerLog]) -> list[str]:
    # The agent writes all include filters before the exclude filters.
    include = [_grep(log.match, "Regex  log", log.include_pattern) for log in containers if log.include_pattern]
    exclude = [_grep(log.match, "Exclude log", log.exclude_pattern) for log in containers if log.exclude_pattern]
    return include + exclude


def _grep(match: str, rule: str, pattern: str) -> str:
    return _section("FILTER", ["Name   grep", f"Match {match}", f"{rule} {pattern}"])


def _metadata(metadata: Sequence[tuple[str, str]]) -> list[str]:
    if not metadata:
        return []
    records = [f"Record {key} {value}" for key, value in metadata]
    return [_section("FILTER", ["Name record_modifier", "Match *", *records])]


def _outputs(containers: Sequence[ContainerLog], network_mode: str) -> list[str]:
    outputs = [_output(log) for log in containers if log.output]
    if network_mode in LISTEN:
        outputs.insert(0, _section("OUTPUT", ["Name null", f"Match {HEALTHCHECK_TAG}"]))
    return outputs


def _output(log: ContainerLog) -> str:
    options = [f"{key} {value}" for key, value in sorted(log.output_options.items())]
    return _section("OUTPUT", [f"Name {log.output}", f"Match {log.match}", *options])
