"""AWS's image as a user meets it: its parsers and configurations, its init image, its names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab_helpers.firelens import stock
from tests.local_aws.ecs.kit import ROUTER, Stand, eventually, shell

BUCKET = "lab-config-test"
LINES = """echo '{"level":"info","n":1}'; sleep 3"""


def _app(**options: str) -> dict[str, Any]:
    return {**shell(LINES, "app"), "logConfiguration": {"logDriver": "awsfirelens", "options": options}}


def _router(image: str = stock.BASE_IMAGE, config: str = "", **environment: str) -> dict[str, Any]:
    options = {"config-file-type": "file", "config-file-value": config} if config else {}
    return {
        **ROUTER,
        "image": image,
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "firelensConfiguration": {"type": "fluentbit", "options": options},
    }


def _to(group: str, **options: str) -> dict[str, str]:
    return {
        "Name": "cloudwatch_logs", "region": "ap-northeast-1", "log_group_name": group, "auto_create_group": "true",
        "log_stream_prefix": "p-", **options,
    }  # fmt: skip


def _messages(stand: Stand, group: str, stream: str) -> list[dict[str, Any]]:
    eventually(lambda: stream in _streams(stand, group), lambda: _streams(stand, group))
    return [json.loads(text) for text in stand.messages(group, stream)]


def _streams(stand: Stand, group: str) -> list[str]:
    if not stand.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    return [each["logStreamName"] for each in stand.logs.describe_log_streams(logGroupName=group)["logStreams"]]


@pytest.fixture(scope="module")
def bucket(stand: Stand) -> str:
    s3 = stand.aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    filters = "[FILTER]\n    Name parser\n    Match *\n    Key_Name log\n    Parser mine\n    Reserve_Data On\n"
    s3.put_object(Bucket=BUCKET, Key="a/filter.conf", Body=filters)
    s3.put_object(Bucket=BUCKET, Key="d/..", Body=filters)
    s3.put_object(Bucket=BUCKET, Key="parser.conf", Body="[PARSER]\n    Name mine\n    Format json\n")
    return BUCKET


@pytest.mark.parametrize("image", [stock.BASE_IMAGE, "amazon/aws-for-fluent-bit:stable"])
def test_a_configuration_that_the_image_brings(stand: Stand, image: str) -> None:
    """No build at all: parse-json.conf and the parsers that it names are in the image."""
    group = f"/image/{image[:6]}"
    router = _router(image, "/fluent-bit/configs/parse-json.conf")
    task = stand.stopped(stand.run(stand.define(_app(**_to(group)), router)))
    (record,) = _messages(stand, group, f"p-app-firelens-{task['taskArn'].rsplit('/', 1)[-1]}")
    assert (record["level"], record["n"], record["container_name"]) == ("info", 1, "app")


def test_the_router_greets_as_awss_image_does(stand: Stand) -> None:
    """The first line of its log is the image's version."""
    task = stand.stopped(stand.run(stand.define(_app(**_to("/image/greeting")), _router())))
    found = stand.messages("/test", f"p/log_router/{task['taskArn'].rsplit('/', 1)[-1]}")
    assert f"AWS for Fluent Bit Container Image Version {stock.IMAGE_VERSION}" in found


def test_the_init_image_fetches_configurations(stand: Stand, bucket: str) -> None:
    """Filters and parsers from S3 with the task role, files of the image, and ECS_* variables in the outputs."""
    options = _to("/init/${ECS_CLUSTER}", region="${AWS_REGION}", log_stream_name="${ECS_TASK_ID}")
    del options["log_stream_prefix"]
    environment = {
        "aws_fluent_bit_init_s3_1": f"arn:aws:s3:::{bucket}/a/filter.conf",
        "aws_fluent_bit_init_s3_2": f"arn:aws:s3:::{bucket}/parser.conf",
        "aws_fluent_bit_init_file_1": "/fluent-bit/configs/minimize-log-loss.conf",
    }
    router = _router("public.ecr.aws/aws-observability/aws-for-fluent-bit:init-latest", **environment)
    task = stand.stopped(stand.run(stand.define(_app(**options), router)))
    (record,) = _messages(stand, "/init/lab", task["taskArn"].rsplit("/", 1)[-1])
    assert (record["level"], record["n"]) == ("info", 1)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("file_1", "arn:aws:s3:::b/x.conf", "Cannot open file: arn:aws:s3:::b/x.conf\\n"),
        ("s3_1", "arn:aws:s3:::b", "Could not parse arn: arn:aws:s3:::b\\n"),
        ("s3_1", f"arn:aws:s3:::{BUCKET}/d/missing.conf", "Cannot download [d missing.conf] from s3\\n"),
        ("s3_1", f"arn:aws:s3:::{BUCKET}/d/..", "Cannot create the file: /init/fluent-bit-init-s3-files/..\\n"),
        ("s3_1", "arn:aws:s3:::no-such-bucket-here/x", "Cannot get bucket region of no-such-bucket-here + x, "),
    ],
)
def test_the_init_image_says_what_it_cannot_have(stand: Stand, bucket: str, key: str, value: str, said: str) -> None:
    """In the words of AWS's program; nothing is left to start, so the container ends with 0."""
    assert bucket
    router = _router("aws-for-fluent-bit:init-3.5.10", **{f"aws_fluent_bit_init_{key}": value})
    task = stand.stopped(stand.run(stand.define(_app(**_to("/init/refused")), router)))
    found = stand.messages("/test", f"p/log_router/{task['taskArn'].rsplit('/', 1)[-1]}")
    assert any(f'level=fatal msg="[FluentBit Init Process] {said}' in line for line in found), found
    assert next(each["exitCode"] for each in task["containers"] if each["name"] == "log_router") == 0


def test_the_images_public_parameters(stand: Stand) -> None:
    """`/aws/service/aws-for-fluent-bit/…` name the image in AWS's registry; others are answered as ever."""
    ssm = stand.aws.client("ssm")
    stable = f"{stock.REGISTRY_ACCOUNT}.dkr.ecr.ap-northeast-1.amazonaws.com/aws-for-fluent-bit:stable"
    name = "/aws/service/aws-for-fluent-bit/stable"
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == stable
    several = ssm.get_parameters(Names=[name, "/no/such"])
    assert [each["Value"] for each in several["Parameters"]] == [stable]
    assert several["InvalidParameters"] == ["/no/such"]
    path = ssm.get_parameters_by_path(Path="/aws/service/aws-for-fluent-bit")["Parameters"]
    assert name in [each["Name"] for each in path]
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="/aws/service/aws-for-fluent-bit/0.0.1")
