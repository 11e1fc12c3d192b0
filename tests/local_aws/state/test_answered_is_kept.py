"""What is ours in a backend of moto's is written when its call is answered, and not by a later call's luck."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.local_aws.server import REGION, LocalAws
from lab_helpers.local_aws.state.store import FILE

BUCKET = "kept-configurations"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS that keeps its state, with a bucket."""
    with LocalAws(tmp_path_factory.mktemp("kept"), factories=[], keeps_state=True) as running:
        running.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield running


def metrics(aws: LocalAws, mark: str) -> None:
    about = {"Id": mark, "Filter": {"Prefix": "a/"}}
    aws.client("s3").put_bucket_metrics_configuration(Bucket=BUCKET, Id=mark, MetricsConfiguration=about)


def lifecycle(aws: LocalAws, mark: str) -> None:
    rule = {"ID": mark, "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}
    aws.client("s3").put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]})


def tags(aws: LocalAws, mark: str) -> None:
    table = {"ServiceNamespace": "dynamodb", "ResourceId": "table/t"}
    scaling = aws.client("application-autoscaling")
    arn = scaling.register_scalable_target(
        **table, ScalableDimension="dynamodb:table:ReadCapacityUnits", MinCapacity=1, MaxCapacity=2
    )["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"kind": mark})


@pytest.mark.parametrize("call", [metrics, lifecycle, tags])
def test_it_is_written_when_it_is_answered(aws: LocalAws, call: Callable[[LocalAws, str], Any]) -> None:
    """Read from the file itself, as the next server would after a kill."""
    mark = f"mark-{call.__name__}"
    call(aws, mark)
    assert any(mark.encode() in data for data in kept(aws.data_dir))


def kept(data_dir: Path) -> list[bytes]:
    """What the file of the state holds of moto's backends."""
    with sqlite3.connect(data_dir / FILE) as db:
        return [bytes(data) for (data,) in db.execute("SELECT data FROM kept")]
