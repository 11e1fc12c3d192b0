"""The generated configuration is the ECS agent's, section by section."""

from __future__ import annotations

from lab_helpers.firelens import RouterInputs, generate, parse_container_log
from lab_helpers.firelens.generate import task_metadata

ARN = "arn:aws:ecs:us-east-2:01234567891011:task/mycluster/3de392df-6bfa-470b-97ed-aa6f482cd7a"
OPTIONS = {
    "Name": "kinesis_firehose",
    "region": "us-west-2",
    "deliver_stream_name": "my-stream",
    "include-pattern": "*failure*",
    "exclude-pattern": "*success*",
}
INPUTS = """
[INPUT]
    Name forward
    Mem_Buf_Limit 50MB
    unix_path /var/run/fluent.sock

[INPUT]
    Name forward
    Listen 0.0.0.0
    Port 24224

[INPUT]
    Name tcp
    Tag firelens-healthcheck
    Listen 127.0.0.1
    Port 8877
"""
PATTERNS = """
[FILTER]
    Name   grep
    Match container-firelens*
    Regex  log *failure*

[FILTER]
    Name   grep
    Match container-firelens*
    Exclude log *success*
"""
METADATA = f"""
[FILTER]
    Name record_modifier
    Match *
    Record ec2_instance_id i-123456789a
    Record ecs_cluster mycluster
    Record ecs_task_arn {ARN}
    Record ecs_task_definition taskdefinition:1
"""
INCLUDE = """
@INCLUDE /fluent-bit/etc/external.conf
"""
HEALTH_OUTPUT = """
[OUTPUT]
    Name null
    Match firelens-healthcheck
"""
OUTPUT = """
[OUTPUT]
    Name kinesis_firehose
    Match container-firelens*
    deliver_stream_name my-stream
    region us-west-2
"""


def _agent(options: dict[str, str], **changes: object) -> str:
    arguments: dict[str, object] = {
        "network_mode": "bridge",
        "memory_mib": 100,
        "metadata": task_metadata("mycluster", ARN, "taskdefinition:1", "i-123456789a"),
        "include_path": "/fluent-bit/etc/external.conf",
        **changes,
    }
    return generate([parse_container_log("container", options)], **arguments)  # type: ignore[arg-type]


def test_bridge_mode_has_every_section_in_the_agents_order() -> None:
    """Inputs, include and exclude patterns, metadata, the user's file, outputs: as the agent's own test expects."""
    assert _agent(OPTIONS) == INPUTS + PATTERNS + METADATA + INCLUDE + HEALTH_OUTPUT + OUTPUT


def test_without_a_memory_figure_the_buffer_is_25_mb() -> None:
    """Half of the router's memory bounds the input's buffer; the agent's default stands when there is no figure."""
    expected = INPUTS.replace("50MB", "25MB") + PATTERNS + METADATA + INCLUDE + HEALTH_OUTPUT + OUTPUT
    assert _agent(OPTIONS, memory_mib=0) == expected


def test_patterns_alone_make_no_output() -> None:
    """A container whose log options only filter is routed by the user's file."""
    options = {key: OPTIONS[key] for key in ("include-pattern", "exclude-pattern")}
    assert _agent(options) == INPUTS + PATTERNS + METADATA + INCLUDE + HEALTH_OUTPUT


def test_awsvpc_listens_on_loopback() -> None:
    """In awsvpc mode the forward input takes connections from the task's own containers only."""
    expected = INPUTS.replace("0.0.0.0", "127.0.0.1") + PATTERNS + METADATA + INCLUDE + HEALTH_OUTPUT + OUTPUT
    assert _agent(OPTIONS, network_mode="awsvpc") == expected


def test_other_network_modes_have_the_unix_socket_only() -> None:
    """Without a network of its own a task has no TCP input and no health check."""
    socket_only = INPUTS[: INPUTS.index("\n[INPUT]", 5)]
    assert _agent(OPTIONS, network_mode="host") == socket_only + PATTERNS + METADATA + INCLUDE + OUTPUT


def test_metadata_and_include_can_be_left_out() -> None:
    """`enable-ecs-log-metadata` false and no configuration file leave those sections out."""
    expected = INPUTS + PATTERNS + HEALTH_OUTPUT + OUTPUT
    assert _agent(OPTIONS, metadata=(), include_path=None) == expected


def test_the_articles_task_gets_the_articles_configuration() -> None:
    """Two containers, one router with 50 MiB, no log options: three inputs, metadata, extra.conf, null."""
    text = generate(
        [parse_container_log("httpd", {})],
        memory_mib=50,
        metadata=task_metadata("httpd-cluster", "arn", "httpd-task:72"),
        include_path="/fluent-bit/etc/extra.conf",
    )
    assert text.count("[INPUT]") == 3
    assert "ec2_instance_id" not in text
    assert text.endswith("@INCLUDE /fluent-bit/etc/extra.conf\n" + HEALTH_OUTPUT)


def test_patterns_of_all_containers_come_before_exclusions() -> None:
    """The agent writes every include filter, then every exclude filter."""
    logs = [parse_container_log(name, {"include-pattern": "a", "exclude-pattern": "b"}) for name in ("one", "two")]
    text = generate(logs)
    order = [line.strip() for line in text.splitlines() if "Regex" in line or "Exclude" in line]
    assert order == ["Regex  log a"] * 2 + ["Exclude log b"] * 2


def test_places_can_be_mapped() -> None:
    """Tasks that share a machine get sockets and ports of their own."""
    text = generate([], inputs=RouterInputs("/run/x.sock", 1, 2))
    assert "unix_path /run/x.sock" in text
    assert "    Port 1\n" in text
    assert "    Port 2\n" in text
