"""The drill of a configuration that was changed, built and pushed, and that no running task knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lab_helpers import ecs_service, images
from lab_helpers.base.clients import aws_errors
from lab_helpers.base.errors import LabError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.wait import wait_until
from lab_helpers.display import Shown
from lab_helpers.drills import views
from lab_helpers.drills.drill import Drill, Story
from lab_helpers.drills.scripts import section, to_cloudwatch
from lab_helpers.drills.stage import CONFIG_FOLDER, POLL_S, TASK_TIMEOUT_S, OnTick, Setup
from lab_helpers.lab import Lab

TAKE = "live"
KEY = "edition"
SCRIPT = "while :; do echo tick; sleep 1; done"
DEPLOYMENT_KEYS = ("status", "desiredCount", "runningCount", "rolloutState")
SHOWN_DIGEST = 19
"""Characters of a digest that are shown: sha256: and twelve more."""

Call = Callable[[Any, str, str], object]
"""What a trainee writes: a call of ECS's client, on the cluster and the service of these names."""


class StaleImage(Drill):
    """A service of one task whose image is replaced under the same tag."""

    name = "stale_image"
    mendable = ()
    story = Story(
        title="extra.conf changed, nothing happens",
        symptom="The new extra.conf adds a key to every record. It is pushed; the records do not have it.",
        where_to_look="The digest of the image that the task runs, beside the digest that the tag has in ECR now.",
        cause="A task keeps the image that it was started with. A tag that moves starts no deployment.",
        fix="Force a new deployment (or better: a tag or digest of its own for each build, in the task definition).",
        proof="The new task runs the new digest, and its records have the key.",
        source="aws-for-fluent-bit #1181, #1046",
        right="b",
        reasons={
            "a": "ECR's digest of the tag is the new one: the push worked.",
            "b": "The running task has the old digest. A tag that moves starts no deployment.",
            "c": "New lines arrive every second, and the newest has the old edition, too.",
        },
    )

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._found: pd.DataFrame | None = None

    def inject(self, on_tick: OnTick = None) -> None:
        self.undo()
        self._serve(self._publish("1"))
        self._wait_for_edition("1", on_tick)
        self._publish("2")
        self._found = self._digests()

    def mend(self, call: Call | None = None, on_tick: OnTick = None) -> None:
        """Make the trainee's call (the reference, unless given) and wait for what it does; raises LabError."""
        ecs, cluster, before = self.lab.client("ecs"), self.lab.outputs.cluster_name, self._deployments()
        if call is None:
            ecs_service.redeploy(ecs, cluster, self.stage.family)
        else:
            try:
                call(ecs, cluster, self.stage.family)
            except Exception as exc:  # the trainee's own code
                raise LabError(say("The call raises {error}", error=f"{type(exc).__name__}: {exc}")) from exc
            if self._deployments() == before:
                text = "The service has no new deployment: its task runs on with {digest}."
                raise LabError(say(text, digest=self._running_digest()[:SHOWN_DIGEST]))
        self._wait_for_edition("2", on_tick)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen[KEY].tolist() == ["2", "2"]

    def show(self) -> Shown:
        """Return both editions of extra.conf, and what the service runs."""
        files = {f"extra.conf, edition {edition}": self._conf(edition) for edition in ("1", "2")}
        return views.system(files, self.stage.containers(TAKE, Setup(SCRIPT, "")))

    def describe(self) -> Shown:
        """Return what DescribeServices and DescribeImages answer: the deployments, and the tag's digest."""
        found = [{key: each[key] for key in DEPLOYMENT_KEYS} for each in self._service()["deployments"]]
        tag = {"imageTag": f"drill-{self.stage.slug}", "imageDigest": self._pushed_digest()[:SHOWN_DIGEST]}
        task = {"task": "RUNNING", "imageDigest": self._running_digest()[:SHOWN_DIGEST]}
        return views.answers({"deployments": found, "imageDetails": [tag], "containers": [task]})

    def symptom(self) -> pd.DataFrame:
        return pd.DataFrame(
            {"where": ["extra.conf in ECR", "the newest record"], KEY: [self._pushed_edition(), self._newest_edition()]}
        )

    def proof(self) -> pd.DataFrame:
        return self.symptom()

    def evidence(self) -> pd.DataFrame:
        return self._digests() if self._found is None else self._found

    def _digests(self) -> pd.DataFrame:
        names = ["the tag in ECR", "the running task"]
        digests = [self._pushed_digest(), self._running_digest()]
        return pd.DataFrame({"where": names, "digest": [digest[:SHOWN_DIGEST] for digest in digests]})

    def _publish(self, edition: str) -> str:
        return self.stage.publish({f"{TAKE}.conf": self._conf(edition)})

    def _conf(self, edition: str) -> str:
        return section("FILTER", "Name record_modifier", "Match *", f"Record {KEY} {edition}") + to_cloudwatch()

    def _service(self) -> dict[str, Any]:
        with aws_errors("DescribeServices"):
            found = self.lab.client("ecs").describe_services(
                cluster=self.lab.outputs.cluster_name, services=[self.stage.family]
            )
        return dict(found["services"][0])

    def _deployments(self) -> list[str]:
        """Return the ids of the service's deployments; of tasks that somebody stopped, too, their successors count."""
        return sorted([each["id"] for each in self._service()["deployments"]] + [t["taskArn"] for t in self._tasks()])

    def _serve(self, image: str) -> None:
        self.stage.serve(self.stage.define(TAKE, Setup(SCRIPT, ""), image))

    def _pushed_edition(self) -> str:
        out = self.lab.outputs
        path, tag = f"{CONFIG_FOLDER}{TAKE}.conf", f"drill-{self.stage.slug}"
        text = images.read_file(self.lab.client("ecr"), out.repository_name, tag, path).decode()
        return text.partition(f"Record {KEY} ")[2].split()[0]

    def _newest_edition(self) -> str:
        events = self.stage.events(TAKE)
        newest = json.loads(events.sort_values("event_time", kind="stable")["message"].iloc[-1]) if len(events) else {}
        return str(newest.get(KEY, "none"))

    def _wait_for_edition(self, edition: str, on_tick: OnTick) -> None:
        wait_until(
            lambda: (self._newest_edition(), len(self._tasks())),
            TASK_TIMEOUT_S,
            POLL_S,
            say("one task whose records have {key} {edition}", key=KEY, edition=edition),
            done=lambda seen: seen == (edition, 1),
            describe=lambda seen: say(
                "the newest record has {key} {edition}, {count} tasks run", key=KEY, edition=seen[0], count=seen[1]
            ),
            on_tick=on_tick,
        )

    def _tasks(self) -> list[dict[str, Any]]:
        found = ecs_service.describe_tasks(self.lab.client("ecs"), self.lab.outputs.cluster_name)
        return [task for task in found if task["group"] == f"service:{self.stage.family}"]

    def _running_digest(self) -> str:
        images = [each.get("imageDigest", "") for task in self._tasks() for each in task["containers"]]
        return next((digest for digest in images if digest), "none")

    def _pushed_digest(self) -> str:
        out, tag = self.lab.outputs, f"drill-{self.stage.slug}"
        with aws_errors("DescribeImages"):
            found = self.lab.client("ecr").describe_images(
                repositoryName=out.repository_name, imageIds=[{"imageTag": tag}]
            )
        return str(found["imageDetails"][0]["imageDigest"])
