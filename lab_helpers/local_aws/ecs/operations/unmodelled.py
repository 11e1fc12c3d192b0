"""What a task definition may say and has no effect here: told once in the service's events, never passed over.

Source: ContainerDefinition and RegisterTaskDefinition of the ECS API reference (all that is not handled elsewhere).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab_helpers.local_aws.ecs.containers.volumes import can_mount
from lab_helpers.local_aws.ecs.model import Service
from lab_helpers.local_aws.ecs.spec import TaskSpec
from lab_helpers.local_aws.ecs.store import Store

OF_CONTAINERS = (
    "credentialSpecs",
    "disableNetworking",
    "dnsSearchDomains",
    "dnsServers",
    "dockerLabels",
    "dockerSecurityOptions",
    "extraHosts",
    "hostname",
    "interactive",
    "linuxParameters",
    "privileged",
    "pseudoTerminal",
    "readonlyRootFilesystem",
    "repositoryCredentials",
    "resourceRequirements",
    "startTimeout",
    "systemControls",
    "ulimits",
    "volumesFrom",
    "workingDirectory",
)
OF_TASKS = (
    "enableFaultInjection",
    "ephemeralStorage",
    "inferenceAccelerators",
    "ipcMode",
    "pidMode",
    "placementConstraints",
    "proxyConfiguration",
    "trustedExecutionConfiguration",
)
OF_VOLUMES = (
    "configuredAtLaunch",
    "dockerVolumeConfiguration",
    "efsVolumeConfiguration",
    "fsxWindowsFileServerVolumeConfiguration",
    "s3filesVolumeConfiguration",
)
OF_LOGS = ("awslogs-datetime-format", "awslogs-multiline-pattern")
ROOT = ("", "0", "0:0", "root")
_TOLD = "the local AWS accepts and does not model: "


def unmodelled(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a task definition says without effect: `member` of the task, `container: member` of a container."""
    found = [name for name in OF_TASKS if definition.get(name)]
    if str((definition.get("runtimePlatform") or {}).get("operatingSystemFamily") or "LINUX") != "LINUX":
        found.append("runtimePlatform")
    for volume in definition.get("volumes") or ():
        kinds = [name for name in OF_VOLUMES if volume.get(name)]
        found += [f"volume {volume.get('name')}: {name} (an empty folder here)" for name in kinds]
    for container in definition.get("containerDefinitions") or ():
        found += [f"{container.get('name')}: {name}" for name in _of_container(container)]
    return tuple(found)


def tell(store: Store, service: Service, spec: TaskSpec) -> None:
    """Add one event on what has no effect, unless the service has that event."""
    found = list(spec.unmodelled)
    if any(mount.read_only for each in spec.containers for mount in each.mounts) and not can_mount():
        found.append("readOnly of mount points (this machine lets nobody make a mount namespace)")
    if not found:
        return
    message = _TOLD + ", ".join(found)
    with store.held():
        told = any(event["message"].endswith(message) for event in service.events)
    if not told:
        store.add_event(service, message)


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    log = container.get("logConfiguration") or {}
    yield from (name for name in OF_CONTAINERS if container.get(name))
    if str(container.get("user") or "") not in ROOT:
        yield "user"
    if log.get("logDriver") == "awslogs":
        yield from (name for name in OF_LOGS if name in (log.get("options") or {}))
    if log.get("secretOptions") and log.get("logDriver") != "awsfirelens":
        yield "secretOptions"
