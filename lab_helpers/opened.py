"""What a drill has made, written down before it is made: a kernel that dies leaves nothing that cannot be undone.

The notes hold, for each drill that is open, a list of [kind, name, …]. `Opened.close` deletes it last thing first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import AwsCallError, NotFoundError
from lab_helpers.base.wait import wait_until
from lab_helpers.lab import Lab

NOTE = "drills open"
STOP_TIMEOUT_S = 180.0
"""Bound on a task's end: two stop timeouts of 30 s, and an account's own time."""
_POLL_S = 0.2


class Opened:
    """The things of one drill, or of one experiment."""

    def __init__(self, lab: Lab, drill: str) -> None:
        self._lab, self._drill = lab, drill

    def add(self, kind: str, *name: str) -> None:
        """Write down that a thing is about to be made; once more changes nothing."""
        things = self.things()
        if [kind, *name] not in things:
            self._note([*things, [kind, *name]])

    def things(self) -> list[list[str]]:
        """Return what is written down, oldest first."""
        return list(_all(self._lab).get(self._drill, []))

    def close(self) -> None:
        """Delete everything, the newest first; may be called twice. Raises LabError, and keeps what is left."""
        things = self.things()
        while things:
            kind, *name = things[-1]
            _delete(self._lab, kind, name)
            things.pop()
            self._note(things)

    def close_kind(self, kind: str) -> None:
        """Delete the things of one kind now; they stay written down."""
        for found, *name in self.things():
            if found == kind:
                _delete(self._lab, kind, name)

    def _note(self, things: list[list[str]]) -> None:
        rest = {drill: kept for drill, kept in _all(self._lab).items() if drill != self._drill}
        self._lab.notes.take(NOTE, rest | ({self._drill: things} if things else {}))


def open_drills(lab: Lab) -> list[str]:
    """Return the names of the drills and experiments that have something left."""
    return sorted(_all(lab))


def undo_all(lab: Lab) -> list[str]:
    """Undo every drill and experiment that is open, also those of an earlier kernel; return their names."""
    names = open_drills(lab)
    for name in names:
        Opened(lab, name).close()
    return names


def _all(lab: Lab) -> dict[str, list[list[str]]]:
    return dict(lab.notes.read(NOTE, "An open drill", "02")) if lab.notes.has(NOTE) else {}


def _delete(lab: Lab, kind: str, name: list[str]) -> None:
    try:
        with aws_errors(f"delete {kind}"):
            _DELETE[kind](lab, *name)
    except NotFoundError:
        return
    except AwsCallError as exc:
        if exc.code not in _GONE:
            raise


_GONE = frozenset({"ClusterNotFoundException", "ServiceNotActiveException", "InvalidParameterException"})
"""Codes of ECS for a task or service that it has forgotten."""


def _task(lab: Lab, cluster: str, arn: str) -> None:
    ecs = lab.client("ecs")
    ecs.stop_task(cluster=cluster, task=arn, reason="The drill is undone")

    def status() -> str:
        found = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        return str(found[0]["lastStatus"]) if found else "STOPPED"

    # A router that still runs would make the log group again that is deleted next.
    wait_until(status, STOP_TIMEOUT_S, _POLL_S, "the drill's task to stop", done=lambda now: now == "STOPPED")


def _service(lab: Lab, cluster: str, name: str) -> None:
    ecs = lab.client("ecs")
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, serviceName=name)
    arns = [arn for page in pages for arn in page["taskArns"]]
    ecs.delete_service(cluster=cluster, service=name, force=True)
    for arn in arns:
        _task(lab, cluster, arn)


def _task_definition(lab: Lab, family: str) -> None:
    ecs = lab.client("ecs")
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family)
    for arn in [arn for page in pages for arn in page["taskDefinitionArns"]]:
        ecs.deregister_task_definition(taskDefinition=arn)


def _image(lab: Lab, repository: str, tag: str) -> None:
    lab.client("ecr").batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])


def _log_group(lab: Lab, name: str) -> None:
    lab.client("logs").delete_log_group(logGroupName=name)


def _log_streams(lab: Lab, group: str, prefix: str) -> None:
    logs = lab.client("logs")
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=prefix)
    for name in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
        logs.delete_log_stream(logGroupName=group, logStreamName=name)


def _role(lab: Lab, name: str) -> None:
    iam = lab.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)


def _delivery_stream(lab: Lab, name: str) -> None:
    lab.client("firehose").delete_delivery_stream(DeliveryStreamName=name)


def _data_stream(lab: Lab, name: str) -> None:
    lab.client("kinesis").delete_stream(StreamName=name, EnforceConsumerDeletion=True)


def _objects(lab: Lab, bucket: str, prefix: str) -> None:
    s3 = lab.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})


def _file(lab: Lab, name: str, text: str) -> None:
    lab.files.write(name, text)


def _policy(lab: Lab, role: str, policy: str, document: str) -> None:
    lab.client("iam").put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=document)


def _retention(lab: Lab, group: str, days: str) -> None:
    logs = lab.client("logs")
    if days:
        logs.put_retention_policy(logGroupName=group, retentionInDays=int(days))
    else:
        logs.delete_retention_policy(logGroupName=group)


_DELETE: dict[str, Callable[..., Any]] = {
    "task": _task,
    "service": _service,
    "task definition": _task_definition,
    "image": _image,
    "log group": _log_group,
    "log streams": _log_streams,
    "role": _role,
    "delivery stream": _delivery_stream,
    "data stream": _data_stream,
    "objects": _objects,
    "file": _file,
    "policy": _policy,
    "retention": _retention,
}
"""How each kind of thing is undone. The last three bring back what was there before: a file of the working copy, a
role's inline policy, a log group's retention (days; empty: none).
"""
