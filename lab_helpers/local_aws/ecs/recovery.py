"""Services and tasks beyond the life of a server: kept at each change, taken over by the next one.

A task ends with its server; its service starts another, as ECS does when the host of a task is gone.
Source: "Stopped tasks error messages" of the Amazon ECS Developer Guide (stop code TerminationNotice).
"""

from __future__ import annotations

import logging

from lab_helpers.local_aws.ecs import interfaces, targets
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.world import World
from lab_helpers.local_aws.kit.api import ApiRequest, Handler

log = logging.getLogger(__name__)
HOST_GONE = "ECS is performing maintenance on the underlying infrastructure hosting the task."
"""Source: the reason that AWS gives when the infrastructure under a Fargate task goes."""
_KEPT = "records"
_CHANGING = frozenset({"CreateService", "UpdateService", "DeleteService", "RunTask", "StopTask"})
_DESCRIPTION = "arn:aws:ecs:"


def keep(world: World) -> None:
    """Write services and tasks down, unless they are as they were."""
    with world.store.held():
        world.context.kept.save(_KEPT, world.store.records())


def keeping(world: World, operation: str, handler: Handler) -> Handler:
    """Return a handler that answers an operation when what it changed is kept."""
    if operation not in _CHANGING or not world.context.kept.is_kept:
        return handler

    def kept(request: ApiRequest) -> dict[str, object]:
        answer = handler(request)
        keep(world)
        return answer

    return kept


def take_over(world: World) -> None:
    """Go on with an earlier server's services; its tasks are STOPPED, their interfaces and targets gone."""
    records = world.context.kept.load(_KEPT)
    if records is None:
        return
    ended = world.store.take_over(records, HOST_GONE)
    for task in ended:
        _clear_away(world, task)
    services, tasks = records
    for region in {each.region for each in services.values()} | {each.region for each in tasks.values()}:
        _delete_interfaces(world, region)
    if ended:
        log.info("%d tasks ended with the server before; their services start others", len(ended))


def _clear_away(world: World, task: Task) -> None:
    service = world.store.service_of(task)
    for target in task.targets if task.interface else ():
        assert task.interface is not None
        if targets.deregister(world.aws("elbv2", task.region), target, task.interface.address):
            group = target.target_group_arn
            world.store.add_event(service, f"deregistered 1 targets in (target-group {group})")
    if service is not None:
        world.store.add_event(service, f"(task {task.id}) stopped: {HOST_GONE}")


def _delete_interfaces(world: World, region: str) -> None:
    """Delete the interfaces of tasks; one may have been made and not yet written down."""
    ec2 = world.aws("ec2", region)
    wanted = [{"Name": "description", "Values": [f"{_DESCRIPTION}{region}:*:attachment/*"]}]
    found = ec2.describe_network_interfaces(Filters=wanted)["NetworkInterfaces"]
    for each in found:
        if str(each.get("Description", "")).startswith(_DESCRIPTION):
            interfaces.delete_by_id(ec2, each["NetworkInterfaceId"])
