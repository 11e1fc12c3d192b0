"""Variables of `environmentFiles`: objects of S3, read with the task execution role before a container starts.

Source: "Pass environment variables to a container" in the ECS developer guide (`environment` wins over files, the first
file over the next); agent/taskresource/envFiles of the ECS agent for what a line means (a line with `#` in front,
without `=`, or with nothing on one side of it is left out; quotation marks and spaces belong to the value); the stopped
reason as aws/aws-cdk#12720 and aws/aws-cli#6470 report it.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from lab_helpers.local_aws.ecs.containers.secret_values import SecretError
from lab_helpers.local_aws.ecs.model import Task
from lab_helpers.local_aws.ecs.spec import ContainerSpec
from lab_helpers.local_aws.ecs.world import World

_OPENING = "ResourceInitializationError: failed to download env files: "


class EnvironmentFileError(SecretError):
    """A file could not be read; the text is the task's stoppedReason."""


def variables_of_files(world: World, task: Task, spec: ContainerSpec) -> dict[str, str]:
    """Return the variables of the container's files; raises EnvironmentFileError as AWS words it."""
    role = task.spec.execution_role_arn
    if not spec.environment_files:
        return {}
    if role is None:
        raise EnvironmentFileError(f"{_OPENING}the task has no execution role")
    found: dict[str, str] = {}
    for arn in spec.environment_files:
        bucket, _, key = arn.split(":::", 1)[-1].partition("/")
        client = world.as_role("s3", role, task)
        try:
            content = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as exc:
            told = (
                "file download command: non empty error stream: "
                f"failed to download file {key.rpartition('/')[2]}: failed to write to a temporary file: {_told(exc)}"
            )
            raise EnvironmentFileError(_OPENING + told) from exc
        found = {**variables(content.decode("utf-8", "replace")), **found}
    return found


def variables(text: str) -> dict[str, str]:
    """Return the variables that the lines of a file set."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name and value and not line.startswith("#") and "\0" not in line:
            found[name] = value
    return found


def _told(exc: ClientError | BotoCoreError) -> str:
    if not isinstance(exc, ClientError):
        return str(exc)
    error, answer = exc.response["Error"], exc.response["ResponseMetadata"]
    ids = f"request id: {answer.get('RequestId', '')}, host id: {answer.get('HostId', '')}"
    return f"{error['Code']}: {error['Message']} status code: {answer.get('HTTPStatusCode')}, {ids}"
