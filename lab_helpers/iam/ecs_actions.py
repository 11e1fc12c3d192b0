"""Which permissions an ECS call needs.

Source: "Actions, resources, and condition keys for Amazon ECS" (Service Authorization Reference).
Not modelled: tag keys (`aws:RequestTag`, `aws:ResourceTag`), container instances, task sets, the permissions that a
service-linked role has.
"""

from __future__ import annotations

from typing import Any

from .call import Access, Call

TASKS_SERVICE = "ecs-tasks.amazonaws.com"
_DEFAULT_CLUSTER = "default"

_ON_SERVICE = frozenset({"CreateService", "UpdateService", "DeleteService", "DescribeServices"})
_ON_TASK = frozenset({"StopTask", "DescribeTasks", "ExecuteCommand", "UpdateTaskProtection", "GetTaskProtection"})
_ON_CLUSTER = frozenset({"DeleteCluster", "DescribeClusters", "UpdateCluster", "UpdateClusterSettings"})
_STARTS = frozenset({"RunTask", "StartTask"})
_LISTS_OF_CLUSTER = frozenset({"ListServices", "ListTasks"})


def accesses(call: Call) -> tuple[Access, ...]:
    """Answer the permissions that the call needs."""
    if call.operation == "RegisterTaskDefinition":
        return (*call.access(), *_roles(call, call.params))
    if call.operation in _STARTS:
        overrides = call.params.get("overrides")
        return (*_start(call), *(_roles(call, overrides) if isinstance(overrides, dict) else ()))
    if call.operation in _ON_SERVICE:
        return _in_cluster(call, "service", _names(call, "services", "service", "serviceName"))
    if call.operation in _ON_TASK:
        return _in_cluster(call, "task", _names(call, "tasks", "task"))
    if call.operation in _ON_CLUSTER:
        return call.access(*(_cluster(call, name) for name in _names(call, "clusters", "cluster") or ("",)))
    if call.operation in _LISTS_OF_CLUSTER:
        return call.access(ecs__cluster=_cluster(call, call.text("cluster")))
    return call.access(*filter(None, [call.text("resourceArn")]))


def _start(call: Call) -> tuple[Access, ...]:
    definition = call.named("task-definition", call.text("taskDefinition"))
    return call.access(definition, ecs__cluster=_cluster(call, call.text("cluster")))


def _in_cluster(call: Call, kind: str, names: tuple[str, ...]) -> tuple[Access, ...]:
    cluster = _cluster(call, call.text("cluster"))
    prefix = f"{kind}/{cluster.rpartition('/')[2]}"
    return call.access(*(call.named(prefix, name) for name in names), ecs__cluster=cluster)


def _cluster(call: Call, name: str) -> str:
    return call.named("cluster", name or _DEFAULT_CLUSTER)


def _names(call: Call, plural: str, *singular: str) -> tuple[str, ...]:
    return call.texts(plural) or tuple(filter(None, [call.text(*singular)]))


def _roles(call: Call, params: Any) -> tuple[Access, ...]:
    found = (params.get(name) for name in ("taskRoleArn", "executionRoleArn"))
    return tuple(access for role in found if isinstance(role, str) for access in call.pass_role(role, TASKS_SERVICE))
