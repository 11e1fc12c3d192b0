"""The configuration that the ECS agent generates for Fluentd, as the agent's own tests expect it."""

from __future__ import annotations

import pytest

from lab_helpers.firelens import fluentd, parse_container_log
from lab_helpers.firelens.generate import task_metadata
from lab_helpers.firelens.options import FirelensOptionError

ARN = "arn:aws:ecs:us-east-2:01234567891011:task/mycluster/3de392df-6bfa-470b-97ed-aa6f482cd7a"
OPTIONS = {
    "@type": "kinesis_firehose", "region": "us-west-2", "deliver_stream_name": "my-stream",
    "include-pattern": "*failure*", "exclude-pattern": "*success*", "log-driver-buffer-limit": "4096",
}  # fmt: skip
SOCKET = """
<source>
    @type unix
    path /var/run/fluent.sock
</source>
"""
FORWARD = """
<source>
    @type forward
    bind 0.0.0.0
    port 24224
</source>
"""
PATTERNS = """
<filter container-firelens**>
    @type  grep
    <regexp>
        key log
        pattern *failure*
    </regexp>
</filter>

<filter container-firelens**>
    @type  grep
    <exclude>
        key log
        pattern *success*
    </exclude>
</filter>
"""
METADATA = f"""
<filter **>
    @type record_transformer
    <record>
        ec2_instance_id i-123456789a
        ecs_cluster mycluster
        ecs_task_arn {ARN}
        ecs_task_definition taskdefinition:1
    </record>
</filter>
"""
INCLUDE = """
@include /tmp/dummy.conf
"""
OUTPUT = """
<match container-firelens**>
    @type kinesis_firehose
    deliver_stream_name my-stream
    region us-west-2
</match>
"""


@pytest.mark.parametrize(
    ("network_mode", "inputs"),
    [("bridge", SOCKET + FORWARD), ("awsvpc", SOCKET + FORWARD.replace("0.0.0.0", "127.0.0.1")), ("host", SOCKET)],
)
def test_every_section_stands_in_the_agents_order(network_mode: str, inputs: str) -> None:
    """Inputs by network mode, include and exclude patterns, metadata, the user's file, outputs."""
    made = fluentd.blocks(
        [parse_container_log("container", OPTIONS, fluentd.OUTPUT_NAME, fluentd.FLUENTD)],
        network_mode=network_mode,
        metadata=task_metadata("mycluster", ARN, "taskdefinition:1", "i-123456789a"),
        include_path="/tmp/dummy.conf",
    )
    assert fluentd.generate(made) == inputs + PATTERNS + METADATA + INCLUDE + OUTPUT
    assert [block.container for block in made if block.container] == ["container"] * 3


def test_a_container_without_a_type_is_routed_by_the_users_file() -> None:
    """No output is generated where the log options name none; with other options, the agent refuses."""
    made = fluentd.blocks([parse_container_log("container", {}, fluentd.OUTPUT_NAME, fluentd.FLUENTD)])
    assert fluentd.generate(made) == SOCKET + FORWARD.replace("0.0.0.0", "127.0.0.1")
    with pytest.raises(FirelensOptionError, match=r"missing output key @type .* of type fluentd"):
        parse_container_log("container", {"Name": "cloudwatch"}, fluentd.OUTPUT_NAME, fluentd.FLUENTD)


def test_a_secret_is_a_variable_of_ruby() -> None:
    """The agent's form: the option's value is a string in which Ruby puts the variable's."""
    assert fluentd.with_secret("apikey_1") == "\"#{ENV['apikey_1']}\""
