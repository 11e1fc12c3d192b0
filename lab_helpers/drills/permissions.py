"""Drills in which a role may not do what its task needs: task role, execution role."""

from __future__ import annotations

from lab_helpers.base.clients import aws_errors
from lab_helpers.base.lazy import pd
from lab_helpers.drills import streams
from lab_helpers.drills.case import EXECUTION_ROLE, TASK_ROLE, Files
from lab_helpers.drills.drill import BROKEN, FIXED, Story, TaskDrill
from lab_helpers.drills.looks import arrived, denial, ending
from lab_helpers.drills.rights import make_role
from lab_helpers.drills.scripts import numbered, to_cloudwatch, to_firehose
from lab_helpers.drills.stage import OnTick, Setup

LINES = 100
RETENTION_DAYS = 90


class GroupDenied(TaskDrill):
    """A task role that may write, but not make the log group."""

    name = "group_denied"
    mendable = (TASK_ROLE,)
    story = Story(
        title="CreateLogGroup denied",
        symptom="Nothing arrives, and there is no log group; the task itself is fine.",
        where_to_look="The router's own log: AccessDeniedException, with the role and the action in it.",
        cause="The task role lacks logs:CreateLogGroup. (Most people look at the execution role first: that one "
        "writes the router's own log.)",
        fix="logs:CreateLogGroup for the task role; or make the group beforehand and leave auto_create_group out.",
        proof="The group is made and all lines are in it.",
        source="aws-for-fluent-bit #155, #177",
        right="b",
        reasons={
            "a": "The execution role pulls the image and writes the router's own log: that log is there.",
            "b": "The router calls CreateLogGroup with the task role, whose policy lacks the action.",
            "c": "Firehose is no part of this task's way.",
        },
    )

    def setup(self, files: Files) -> Setup:
        role = make_role(self.stage, "task", document=files[TASK_ROLE])
        return Setup(numbered(LINES), to_cloudwatch(), task_role=role)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [LINES, LINES]

    def view(self, take: str) -> pd.DataFrame:
        return arrived(LINES, len(self.stage.events(take)))

    def evidence(self) -> pd.DataFrame:
        return denial(super().evidence()["message"])


class RetentionNotSet(TaskDrill):
    """A log group that keeps everything for ever."""

    name = "retention_not_set"
    mendable = (TASK_ROLE,)
    story = Story(
        title="the log group never expires",
        symptom="extra.conf says log_retention_days 90; the group's setting says: never expire.",
        where_to_look="The group's retention (DescribeLogGroups), then the router's own log.",
        cause="The task role lacks logs:PutRetentionPolicy. The group is made, the setting is refused.",
        fix="logs:PutRetentionPolicy for the task role; a group that exists already needs it set by hand or Terraform.",
        proof="A group that is made now has 90 days.",
        source="aws-for-fluent-bit #700, fluent-bit #7940",
        right="c",
        reasons={
            "a": "The router knows the option: with an unknown one it would not have started.",
            "b": "The group was made by this task, so it was new.",
            "c": "The router made the group; then PutRetentionPolicy was denied, and it went on.",
        },
    )

    def setup(self, files: Files) -> Setup:
        role = make_role(self.stage, "task", document=files[TASK_ROLE])
        return Setup(numbered(LINES), to_cloudwatch(more=f"log_retention_days {RETENTION_DAYS}"), task_role=role)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["days"].tolist() == [str(RETENTION_DAYS)] * 2

    def view(self, take: str) -> pd.DataFrame:
        names = ["in extra.conf", "of the log group"]
        return pd.DataFrame({"retention": names, "days": [str(RETENTION_DAYS), self._retention(take)]})

    def evidence(self) -> pd.DataFrame:
        return denial(super().evidence()["message"])

    def _retention(self, take: str) -> str:
        name = self.stage.log_group(take)
        with aws_errors("DescribeLogGroups"):
            found = self.lab.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return str(found[0].get("retentionInDays", "never expire")) if found else "no group"


class FirehoseDenied(TaskDrill):
    """Two outputs, one of which may not send."""

    name = "firehose_denied"
    mendable = (TASK_ROLE,)
    story = Story(
        title="PutRecordBatch denied",
        symptom="CloudWatch Logs has every line, S3 gets nothing. Firehose has no error to show: it was never reached.",
        where_to_look="The router's own log. (When Firehose cannot deliver, look into its error log instead.)",
        cause="The task role may not firehose:PutRecordBatch on this delivery stream.",
        fix="Allow it, on the ARN of the stream that extra.conf names.",
        proof="All lines are in both places.",
        source="aws-for-fluent-bit #772",
        right="a",
        reasons={
            "a": "The router calls PutRecordBatch with the task role, which may not; the other output goes on.",
            "b": "Firehose was never reached: there is nothing that it could have failed to deliver.",
            "c": "Nobody tried to write into the bucket: no record reached Firehose.",
        },
    )

    def inject(self, on_tick: OnTick = None) -> None:
        self._begin_anew()
        streams.make_delivery_stream(self.stage, on_tick=on_tick)
        self._play(BROKEN, self.broken_files(), on_tick)

    def _mend(self, files: Files, on_tick: OnTick) -> None:
        self.stage.opened.close_kind("objects")
        super()._mend(files, on_tick)
        if not denial(self.stage.complaints(self.task_arn(FIXED))["message"]).size:
            streams.wait_for_lines(self.stage, LINES, on_tick)

    def setup(self, files: Files) -> Setup:
        role = make_role(self.stage, "task", document=files[TASK_ROLE])
        variables = {"DELIVERY_STREAM": self.stage.family}
        return Setup(numbered(LINES), to_cloudwatch() + to_firehose(), task_role=role, variables=variables)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return seen["lines"].tolist() == [LINES] * 3

    def view(self, take: str) -> pd.DataFrame:
        counts = {"CloudWatch Logs": len(self.stage.events(take)), "S3": len(streams.delivered(self.stage))}
        return pd.DataFrame({"where": ["printed by the app", *counts], "lines": [LINES, *counts.values()]})

    def evidence(self) -> pd.DataFrame:
        return denial(super().evidence()["message"])


class PullDenied(TaskDrill):
    """An execution role that may not pull from ECR."""

    name = "pull_denied"
    mendable = (EXECUTION_ROLE,)
    story = Story(
        title="the image cannot be pulled",
        symptom="The task never starts; no container has an exit code, and there is no log at all.",
        where_to_look="The task's stopped reason. There is nothing else: no container ever ran.",
        cause="The execution role lacks what AmazonECSTaskExecutionRolePolicy allows: ECS fetches "
        "images from ECR with it.",
        fix="Attach that policy to the execution role, or allow its four ECR actions. (The task role has nothing to do "
        "with it.)",
        proof="The task runs to its end.",
        source="Amazon ECS developer guide, CannotPullContainer task errors",
        right="c",
        reasons={
            "a": "For an image that is not there ECS says `not found`; here a call was denied.",
            "b": "The task role works for the containers, and none has run.",
            "c": "ECS fetches the image with the execution role, which lacks ecr:GetAuthorizationToken.",
        },
    )

    def setup(self, files: Files) -> Setup:
        role = make_role(self.stage, "exec", document=files[EXECUTION_ROLE])
        return Setup(numbered(LINES), to_cloudwatch(), execution_role=role)

    def is_mended(self, seen: pd.DataFrame) -> bool:
        return bool(seen["value"].iloc[-1] == LINES)

    def view(self, take: str) -> pd.DataFrame:
        return ending(self.task(take), len(self.stage.events(take)))

    def evidence(self) -> pd.DataFrame:
        return denial([self.task(BROKEN).get("stoppedReason", "")])
