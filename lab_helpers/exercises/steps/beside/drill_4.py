"""The steps of the drills' notebook 4."""

from __future__ import annotations

from lab_helpers.drills.permissions import FirehoseDenied, GroupDenied, PullDenied, RetentionNotSet
from lab_helpers.exercises.steps.beside.puzzles import cause, mend
from lab_helpers.exercises.steps.step import Step, Wrong

EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
TOO_MUCH = Wrong(EVERYTHING, "more than this task needs")
NOT_YET = "it is not mended yet"

STEPS: tuple[Step, ...] = (
    cause("drill_4a_cause", GroupDenied),
    mend(
        "drill_4a_mend",
        GroupDenied,
        TOO_MUCH,
        Wrong(lambda text: text.replace("logs:CreateLogGroup", "logs:CreateGroup"), NOT_YET),
    ),
    cause("drill_4b_cause", RetentionNotSet),
    mend(
        "drill_4b_mend",
        RetentionNotSet,
        TOO_MUCH,
        Wrong(lambda text: text.replace("logs:PutRetentionPolicy", "logs:PutRetention"), "never expire"),
    ),
    cause("drill_4c_cause", FirehoseDenied),
    mend(
        "drill_4c_mend",
        FirehoseDenied,
        TOO_MUCH,
        Wrong(lambda text: text.replace("firehose:PutRecordBatch", "firehose:PutRecord"), "S3: 0"),
    ),
    cause("drill_4d_cause", PullDenied),
    mend(
        "drill_4d_mend",
        PullDenied,
        TOO_MUCH,
        Wrong(lambda text: text.replace("ecr:BatchGetImage", "ecr:DescribeImages"), NOT_YET),
    ),
)
