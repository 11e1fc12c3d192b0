"""What AWS refuses in a task definition, and where: at registration or when Fargate is asked to run it.

Source: texts as AWS answers them, from public issue threads (aws/aws-sdk#311, fabfuel/ecs-deploy#164,
splunk/splunk-connect-for-kubernetes#401, ansible-collections/community.aws#136, Shippable/support#2946,
pulumi/pulumi-awsx#188) and the ECS developer guide.
Not modelled: the many rules for parameters that have no effect here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lab_helpers.firelens.options import (
    CONFIG_FILE_TYPE,
    CONFIG_FILE_VALUE,
    FirelensOptionError,
    parse_container_log,
    parse_router_options,
)
from lab_helpers.local_aws.ecs.spec import ContainerSpec, TaskSpec, mib_or_units, start_order
from lab_helpers.local_aws.kit.api import AwsError

FARGATE_MEMORY_MIB = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
    8192: tuple(range(16384, 61441, 4096)),
    16384: tuple(range(32768, 122881, 8192)),
}
"""Memory sizes for each CPU size. Source: "Fargate task size" in the ECS developer guide."""
MOST_NAME_CHARACTERS = 255
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,255}")
"""Families, containers, clusters and services. Source: ECS API reference ("Up to 255 letters (uppercase and lowercase),
numbers, underscores, and hyphens"); texts: hashicorp/terraform-provider-aws#5950, aws/amazon-ecs-cli#37, #542,
awslabs/amazon-ecs-nodejs-microservices#18, ansible/ansible#22860."""
LEAST_MEMORY_MIB = 6
"""Source: `memory` in "Task definition parameters": Docker 20.10 and later take no less."""
FARGATE_STOP_TIMEOUT_S = 120
HEALTH_CHECK_RANGES = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
"""Source: ContainerDefinition and HealthCheck of the ECS API reference (the ranges are AWS's, the words ours)."""


def check_registration(spec: TaskSpec, compatibilities: list[str]) -> None:
    """Raise the AwsError that RegisterTaskDefinition answers, if any."""
    _check_names(spec)
    if not spec.containers:
        raise _client_error("Container list cannot be empty.")
    if not any(container.essential for container in spec.containers):
        raise _client_error("At least one container should be marked as essential.")
    if len({container.name for container in spec.containers}) < len(spec.containers):
        raise _client_error("Container names must be unique within a Task Definition.")
    _check_memory(spec)
    _check_router(spec)
    _check_dependencies(spec)
    if "FARGATE" in compatibilities:
        _check_fargate(spec)


def check_name(what: str, name: str, *, code: str = "InvalidParameterException") -> None:
    """Raise the AwsError for the name of a cluster or a service that ECS does not take."""
    if not _NAME.fullmatch(name):
        raise AwsError(code, f"{what} must match ^[a-zA-Z0-9\\-_]{{1,255}}$, but was {name}")


def _check_names(spec: TaskSpec) -> None:
    if not spec.family:
        raise _client_error("Family should not be null or empty.")
    if not _NAME.fullmatch(spec.family):
        raise _client_error("Family contains invalid characters.")
    for container in spec.containers:
        if not container.name:
            raise _client_error("Container.name should not be null or empty.")
        if len(container.name) > MOST_NAME_CHARACTERS:
            raise _client_error(f"Container.name cannot be longer than {MOST_NAME_CHARACTERS} characters.")
        if not _NAME.fullmatch(container.name):
            raise _client_error("Container.name contains invalid characters.")


def check_platform(spec: TaskSpec, launch_type: str) -> None:
    """Raise the AwsError that RunTask, CreateService and UpdateService answer for what a platform cannot do."""
    router = spec.router
    if (
        launch_type == "FARGATE"
        and router
        and router.firelens
        and router.firelens.options.get(CONFIG_FILE_TYPE) == "s3"
    ):
        raise AwsError(
            "PlatformTaskDefinitionIncompatibilityException",
            "One or more of the requested capabilities are not supported.",
        )


def check_members(params: Mapping[str, Any], compatibilities: list[str]) -> None:
    """Raise the AwsError for members that have no effect here, or whose range matters: links, ports, times."""
    for container in params.get("containerDefinitions") or ():
        who = f"Container {container['name']}"
        if params.get("networkMode") == "awsvpc":
            _check_awsvpc(container)
        if "FARGATE" in compatibilities and int(container.get("stopTimeout") or 0) > FARGATE_STOP_TIMEOUT_S:
            raise _client_error(f"{who}: stopTimeout must be at most {FARGATE_STOP_TIMEOUT_S} seconds on Fargate.")
        for name, (least, most) in HEALTH_CHECK_RANGES.items():
            value = (container.get("healthCheck") or {}).get(name)
            if value is not None and not least <= int(value) <= most:
                raise _client_error(f"{who}: healthCheck {name} must be between {least} and {most}, not {value}.")


def _check_awsvpc(container: Mapping[str, Any]) -> None:
    if container.get("links"):
        raise _client_error("Links are not supported when networkMode=awsvpc.")
    for mapping in container.get("portMappings") or ():
        if mapping.get("hostPort") and mapping["hostPort"] != mapping.get("containerPort"):
            raise _client_error(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            )


def _client_error(message: str) -> AwsError:
    return AwsError("ClientException", message)


def _check_memory(spec: TaskSpec) -> None:
    task_mib = spec.task_memory_mib
    for container in spec.containers:
        if task_mib and max(container.memory_mib, container.reserved_mib) > task_mib:
            raise _client_error(f"The 'memory' setting for container '{container.name}' is greater than for the task.")
        if 0 < container.memory_mib < max(LEAST_MEMORY_MIB, container.reserved_mib):
            raise _client_error(
                f"Invalid setting for container '{container.name}'. 'memory' must be at least {LEAST_MEMORY_MIB} MiB, "
                "and not less than 'memoryReservation'."
            )


def _check_router(spec: TaskSpec) -> None:
    routers = [container for container in spec.containers if container.firelens]
    users = [container for container in spec.containers if container.log and container.log.driver == "awsfirelens"]
    if users and not routers:
        raise _client_error(
            "When awsfirelens log driver is specified in log configuration, a firelens configuration object must be "
            "configured in one of the containers."
        )
    if len(routers) > 1:
        raise _client_error("Only one container in a task definition can have a firelens configuration object.")
    for router in routers:
        _check_firelens(router)
    try:
        for user in users:
            if user.log is not None:
                parse_container_log(user.name, {**user.log.secret_options, **user.log.options})
    except FirelensOptionError as exc:
        raise _client_error(str(exc)) from exc


def _check_firelens(router: ContainerSpec) -> None:
    firelens = router.firelens
    if firelens is None:
        return
    if firelens.kind == "fluentd":
        raise _client_error(
            f"Container {router.name}: firelensConfiguration type fluentd is accepted by AWS, but the local AWS has no "
            "Fluentd. Use type fluentbit, or the aws backend."
        )
    if firelens.kind != "fluentbit":
        raise _client_error(f"Container {router.name}: firelens configuration type must be fluentd or fluentbit.")
    value = firelens.options.get(CONFIG_FILE_VALUE, "")
    if firelens.options.get(CONFIG_FILE_TYPE) == "s3" and not value.startswith("arn:"):
        raise _client_error("Invalid arn syntax.")
    try:
        parse_router_options(firelens.options)
    except FirelensOptionError as exc:
        raise _client_error(str(exc)) from exc


def _check_dependencies(spec: TaskSpec) -> None:
    names = {container.name for container in spec.containers}
    for container in spec.containers:
        for name in container.depends_on.keys() - names:
            raise _client_error(f"Container {container.name} depends on {name}, which is not in the task definition.")
    try:
        start_order(spec.containers)
    except ValueError as exc:
        raise _client_error(str(exc)) from exc


def _check_fargate(spec: TaskSpec) -> None:
    if spec.network_mode != "awsvpc":
        raise _client_error("Fargate only supports network mode ‘awsvpc’.")
    if not spec.cpu or not spec.memory:
        raise _client_error("Fargate requires that 'cpu' and 'memory' be defined at the task level.")
    cpu, memory = mib_or_units(spec.cpu), mib_or_units(spec.memory)
    if memory not in FARGATE_MEMORY_MIB.get(cpu, ()):
        raise _client_error(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )
    _check_execution_role(spec)


def _check_execution_role(spec: TaskSpec) -> None:
    if spec.execution_role_arn:
        return
    if any(container.log and container.log.driver == "awslogs" for container in spec.containers):
        raise _client_error(
            "Fargate requires task definition to have execution role ARN to support log driver awslogs."
        )
    if any(".dkr.ecr." in container.image for container in spec.containers):
        raise _client_error("Fargate requires task definition to have execution role ARN to support ECR images.")
