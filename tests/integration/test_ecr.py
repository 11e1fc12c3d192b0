"""ECR: what was pushed is what tasks run; tags move, digests stay."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lab_helpers import images
from tests.integration.stack import CONTEXT, EXTRA_CONF, Stack

pytestmark = pytest.mark.account


def test_tasks_name_the_digest_that_was_pushed(stack: Stack) -> None:
    """imageDigest of the router is the manifest's digest."""
    routers = [each for task in stack.tasks("httpd") for each in task["containers"] if each["name"] == "log_router"]
    assert [each["imageDigest"] for each in routers] == [stack.digest, stack.digest]


def test_extra_conf_can_be_read_out_of_the_image(stack: Stack) -> None:
    """The image holds the file of the working tree at the time of the build."""
    found = images.read_file(stack.target.client("ecr"), stack.prefix, "latest", EXTRA_CONF)
    assert found == (CONTEXT / "extra.conf").read_bytes()


def test_a_tag_moves_and_the_old_image_stays_by_its_digest(stack: Stack, tmp_path: Path) -> None:
    """Pushed again under one tag: the first image has no tag any more, but is still there."""
    context = shutil.copytree(CONTEXT, tmp_path / "fluentbit")
    first = stack.publish(context, "moving").digest
    with (context / "extra.conf").open("a") as conf:
        conf.write("\n# another one\n")
    second = stack.publish(context, "moving").digest
    with (context / "extra.conf").open("a") as conf:
        conf.write("\n# and another one\n")
    third = stack.publish(context, "moving").digest
    assert len({first, second, third}) == 3
    ecr = stack.target.client("ecr")
    found = {each["imageDigest"]: each.get("imageTags", []) for each in _described(stack)}
    assert (found[second], found[third]) == ([], ["moving"])
    kept = ecr.batch_get_image(repositoryName=stack.prefix, imageIds=[{"imageDigest": second}])["images"][0]
    assert json.loads(kept["imageManifest"])["schemaVersion"] == 2
    stack.target.client("ecr").batch_delete_image(
        repositoryName=stack.prefix, imageIds=[{"imageDigest": second}, {"imageDigest": third}]
    )


def _described(stack: Stack) -> list[dict[str, object]]:
    return list(stack.target.client("ecr").describe_images(repositoryName=stack.prefix)["imageDetails"])


def test_scan_on_push_is_answered(stack: Stack) -> None:
    """The scan's state is a state of AWS's."""
    ecr = stack.target.client("ecr")
    found = ecr.describe_image_scan_findings(repositoryName=stack.prefix, imageId={"imageDigest": stack.digest})
    assert found["imageScanStatus"]["status"] in {"COMPLETE", "IN_PROGRESS", "PENDING", "FAILED", "UNSUPPORTED_IMAGE"}


def test_what_is_not_there(stack: Stack) -> None:
    """ECR's own exceptions; a missing image is a failure in the answer."""
    ecr = stack.target.client("ecr")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_images(repositoryName=f"{stack.prefix}-not")
    with pytest.raises(ecr.exceptions.ImageNotFoundException):
        ecr.describe_images(repositoryName=stack.prefix, imageIds=[{"imageTag": "not"}])
    answer = ecr.batch_get_image(repositoryName=stack.prefix, imageIds=[{"imageTag": "not"}])
    assert [each["failureCode"] for each in answer["failures"]] == ["ImageNotFound"]
