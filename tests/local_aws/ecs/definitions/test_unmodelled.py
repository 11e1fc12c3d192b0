"""What is accepted and has no effect is said once in the service's events; the lab's own definition has none of it."""

from __future__ import annotations

import json
from pathlib import Path

from lab_helpers.local_aws.ecs.operations.unmodelled import unmodelled
from tests.local_aws.ecs.kit import AWSLOGS, CLUSTER, Stand, shell

LAB = Path(__file__).parents[4] / "terraform" / "httpd" / "container_definitions.json"


def test_the_labs_own_definition_has_effect_in_full() -> None:
    """And so has one as DescribeTaskDefinition answers it, with empty members."""
    containers = json.loads(LAB.read_text(encoding="utf-8"))
    assert unmodelled({"containerDefinitions": containers}) == ()
    empty = {"name": "a", "ulimits": [], "volumesFrom": [], "hostname": "", "privileged": False}
    platform = {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"}
    assert unmodelled({"containerDefinitions": [empty], "volumes": [], "runtimePlatform": platform}) == ()


def test_what_has_no_effect_is_named() -> None:
    """Members of the task, of its volumes, of containers, and options of awslogs."""
    options = {**AWSLOGS["options"], "awslogs-multiline-pattern": "^x"}
    secret = [{"name": "a", "valueFrom": "b"}]
    first = {"name": "a", "user": "1000", "ulimits": [{"name": "nofile"}], "workingDirectory": "/srv"}
    second = {"name": "b", "logConfiguration": {"logDriver": "awslogs", "options": options, "secretOptions": secret}}
    volumes = [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}]
    found = unmodelled({"containerDefinitions": [first, second], "volumes": volumes, "pidMode": "task"})
    assert found == (
        "pidMode", "volume v: efsVolumeConfiguration (an empty folder here)",
        "a: ulimits", "a: workingDirectory", "a: user", "b: awslogs-multiline-pattern", "b: secretOptions",
    )  # fmt: skip


def test_it_is_said_once(stand: Stand) -> None:
    """Also when the same definition is deployed again."""
    definition = stand.define(shell("sleep 600", workingDirectory="/srv"))
    stand.serve("unmodelled", definition, 0)
    stand.ecs.update_service(cluster=CLUSTER, service="unmodelled", forceNewDeployment=True)
    told = "(service unmodelled) the local AWS accepts and does not model: sh: workingDirectory"
    assert stand.events("unmodelled").count(told) == 1
    stand.gone("unmodelled")
