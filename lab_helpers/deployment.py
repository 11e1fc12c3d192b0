"""A deployment by the trainee's own hand: build the image from the working copy, push it, and start tasks that pull it.

What a team does with `docker build`, `docker push` and `aws ecs update-service --force-new-deployment`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab_helpers import ecs_service, images
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.messages import say
from lab_helpers.base.wait import Tick, wait_until
from lab_helpers.files.brought_in import by_deployment
from lab_helpers.lab import Lab
from lab_helpers.terraform.blocks import block

TAG = "latest"
TIMEOUT_S = 600.0
"""Bound on a deployment: on an account the old tasks drain for up to five minutes."""
POLL_S = 1.0
SHOWN_DIGEST = 19
"""Characters of a digest that are shown: sha256: and twelve more."""

_BY_ROLLBACK = "Scaling activity initiated by"
"""Begins the stopped reason of a task that is stopped because another deployment takes its place."""

OnTick = Callable[[Tick], None] | None


@dataclass(frozen=True)
class Running:
    """What the service's tasks run: their ids, the digests of their images, their task definitions."""

    tasks: tuple[str, ...]
    digests: tuple[str, ...]
    revisions: tuple[str, ...]


@dataclass(frozen=True)
class Deployed:
    """What a deployment did; `new_digest` is the image that is new.

    `reason`: why the circuit breaker rolled back, in ECS's words."""

    before: Running
    after: Running
    new_digest: str
    was_needed: bool = True
    reason: str = ""

    def sentence(self) -> str:
        """Return what happened, in words."""
        if self.reason:
            text = "The new tasks did not come up, and the circuit breaker went back to the old ones: {reason}"
            return say(text, reason=self.reason)
        if not self.was_needed:
            text = "Nothing to deploy: the tasks run this image ({digest}) and this task definition already."
            return say(text, digest=short(self.new_digest))
        return say("{count} new tasks run {digest}.", count=len(self.after.tasks), digest=short(self.new_digest))


def short(digest: str) -> str:
    """Return the beginning of a digest, enough to tell two apart."""
    return digest[:SHOWN_DIGEST]


def build(lab: Lab) -> tuple[images.PublishedImage, ...]:
    """Build the images of the router and of httpd from the working copy and push them; raises ImageError, naming file
    and line.
    """
    base, ecr = lab.variables().get("fluentbit_base_image") or _default_base(lab), lab.client("ecr")
    builder, out = lab.settings.builder, lab.outputs
    arguments = {"BASE_IMAGE": str(base)} if base else {}
    return (
        images.publish(lab.files.fluentbit, "Dockerfile", out.repository_url, TAG, ecr, builder, arguments),
        images.publish(lab.files.httpd, "Dockerfile", out.httpd_repository_url, TAG, ecr, builder),
    )


def deploy(lab: Lab, *, force: bool = False, on_tick: OnTick = None) -> Deployed:
    """Build, push, start a deployment of the newest task definition, and wait until it is done or rolled back.

    Where image and task definition are what the tasks run, nothing is started unless `force` says so.
    Raises ImageError, WaitTimeoutError after `TIMEOUT_S`.
    """
    ecs, out = lab.client("ecs"), lab.outputs
    before, texts = running(lab), lab.files.fingerprints()
    pushed = [image.digest for image in build(lab)]
    new = next((digest for digest in pushed if digest not in before.digests), pushed[0])
    with aws_errors("DescribeTaskDefinition"):
        newest = ecs.describe_task_definition(taskDefinition=out.task_family)["taskDefinition"]["taskDefinitionArn"]
    if not force and set(before.digests) == set(pushed) and before.revisions == (newest,):
        lab.keep_brought_in(texts, by_deployment)
        return Deployed(before, before, new, was_needed=False)
    with aws_errors("UpdateService"):
        answer = ecs.update_service(
            cluster=out.cluster_name, service=out.service_name, taskDefinition=newest, forceNewDeployment=True
        )
    wanted = next(each["id"] for each in answer["service"]["deployments"] if each["status"] == "PRIMARY")
    failed = _wait(lab, wanted, on_tick)
    reason = _stopped_reason(lab, before) if failed else ""
    if failed:
        ecs_service.wait_until_stable(lab, on_tick=on_tick)
    else:
        lab.keep_brought_in(texts, by_deployment)
    return Deployed(before, running(lab), new, reason=reason)


def running(lab: Lab) -> Running:
    """Return what the service's tasks run now."""
    found = _running(lab)
    parts = [part for task in found for part in task["containers"]]
    return Running(
        tuple(sorted(task["taskArn"].rpartition("/")[2] for task in found)),
        tuple(sorted({part.get("imageDigest", "") for part in parts} - {""})),
        tuple(sorted({task["taskDefinitionArn"] for task in found})),
    )


def _default_base(lab: Lab) -> str:
    """Return the base image that Terraform's variable names, so that a deployment builds what an apply would."""
    text = block(lab.files.read("terraform/variables.tf"), 'variable "fluentbit_base_image"')
    found = re.search(r'(?m)^\s*default\s*=\s*"([^"]*)"', text)
    return found[1] if found else ""


def _running(lab: Lab) -> list[dict[str, Any]]:
    return _of_the_service(lab, ecs_service.describe_tasks(lab.client("ecs"), lab.outputs.cluster_name))


def _of_the_service(lab: Lab, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [task for task in tasks if task.get("group") == f"service:{lab.outputs.service_name}"]


def _wait(lab: Lab, wanted: str, on_tick: OnTick) -> bool:
    """Wait until the deployment `wanted` is done; return whether it failed (and was rolled back)."""

    def look() -> tuple[str, str]:
        service = ecs_service.describe_service(lab.client("ecs"), lab.outputs.cluster_name, lab.outputs.service_name)
        mine = next((each for each in service["deployments"] if each["id"] == wanted), None)
        state = mine["rolloutState"] if mine else "FAILED"
        count = mine["runningCount"] if mine else 0
        told = say("{count} of {wanted} new tasks run", count=count, wanted=service["desiredCount"])
        newest = f"; {service['events'][0]['message']}" if service["events"] and state != "COMPLETED" else ""
        return state, told + newest

    state, _ = wait_until(
        look,
        TIMEOUT_S,
        POLL_S,
        say("the deployment to be done"),
        done=lambda seen: seen[0] in {"COMPLETED", "FAILED"},
        describe=lambda seen: seen[1],
        look_at=say("ecs_service.events, and the stopped reasons of ecs_service.tasks(…, 'STOPPED')"),
        on_tick=on_tick,
    )
    return state == "FAILED"


def _stopped_reason(lab: Lab, before: Running) -> str:
    """Return what ECS says of the new task that failed last: its reason, and its containers'. A task that the rollback
    itself stopped is asked only where there is no other.
    """
    ended = _of_the_service(lab, ecs_service.stopped_tasks(lab.client("ecs"), lab.outputs.cluster_name))
    stopped = [task for task in ended if task["taskArn"].rpartition("/")[2] not in before.tasks]
    if not stopped:
        return say("ECS names no stopped task")
    failed = [task for task in stopped if not str(task.get("stoppedReason", "")).startswith(_BY_ROLLBACK)]
    newest = (failed or stopped)[-1]
    told = str(newest.get("stoppedReason", ""))
    codes = [f"{part['name']}: exit code {part['exitCode']}" for part in newest["containers"] if part.get("exitCode")]
    return told if "exit code" in told else "; ".join([told, *codes])
