"""The throw-away local AWS of a trial, and what a task definition expects to be there: roles, groups, streams, buckets.

It is a server of its own in a temporary folder; at the end, however it comes, both are gone: also where this process is
killed, or its terminal closed.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from lab_helpers import images
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base import config
from lab_helpers.base.clients import Clients, aws_errors
from lab_helpers.trying.configuration import ACCOUNT, Output

CLUSTER = "try"
REPOSITORY = "lab-try-router"
DELIVERY_BUCKET = "lab-try-delivered"
DELIVERY_ROLE = "lab-try-delivery"
KINESIS = frozenset({"kinesis_streams", "kinesis"})
"""Plugins that write to data streams."""
EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

_FIRST_CALLS = {
    "ecr": "describe_repositories", "ecs": "list_clusters", "firehose": "list_delivery_streams", "iam": "list_roles",
    "logs": "describe_log_groups", "s3": "list_buckets",
}  # fmt: skip
"""By service, what changes nothing: client and server load what they need for it."""


class LocalAws:
    """A local AWS of a trial's own in a temporary folder; `stop` takes both away, and is safe twice."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.home = Path(tempfile.mkdtemp(prefix="lab-try-"))
        settings = replace(config.load(), home=self.home, backend="local", port=0, region=region)
        self.backend = LocalBackend(settings, is_thrown_away=True)
        self._network: dict[str, Any] = {}

    def start(self) -> None:
        """Start it; nothing is left when that fails or is interrupted."""
        try:
            self.backend.start()
        except BaseException:
            self.stop()
            raise

    def warm_up(self) -> None:
        """Do what a trial does first, before it is asked for: each service's first call, network, cluster."""
        with aws_errors("the first calls"):
            for service, operation in _FIRST_CALLS.items():
                getattr(self.backend.client(service), operation)()
        self.network()

    def network(self) -> dict[str, Any]:
        """Return RunTask's networkConfiguration; network and cluster are made at the first call."""
        self._network = self._network or network(self.backend)
        return self._network

    def stop(self) -> None:
        try:
            self.backend.stop()
        finally:
            shutil.rmtree(self.home, ignore_errors=True)


@contextmanager
def local_aws(region: str, *, keep: bool = False) -> Iterator[LocalAws]:
    """Start a local AWS; it goes at the end, unless `keep` and nothing went wrong."""
    made = LocalAws(region)
    made.start()
    kept = False
    try:
        yield made
        kept = keep
        if kept:
            made.backend.let_go()
    finally:
        if not kept:
            made.stop()


class Spare:
    """One local AWS that stands ready for the next trial; each is used once. Owned with `with`.

    A used one is stopped by the next `prepare`, or `drop`: the verdict is told before that.
    """

    def __init__(self) -> None:
        self._ready: LocalAws | None = None
        self._used: LocalAws | None = None

    def __enter__(self) -> Spare:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()

    def prepare(self, region: str) -> None:
        """Have one ready in this Region; a used one is gone before it starts."""
        self._drop_used()
        if self._ready is not None and self._ready.region == region:
            return
        self.drop()
        made = LocalAws(region)
        made.start()
        self._ready = made
        made.warm_up()

    @contextmanager
    def local_aws(self, region: str) -> Iterator[LocalAws]:
        """Hand out the one that is ready, or start one where it is of another Region."""
        self.prepare(region)
        made, self._ready = self._ready, None
        assert made is not None, "prepared above"
        self._used = made
        yield made

    def drop(self) -> None:
        """Take both away, the ready one and the used; safe twice."""
        try:
            self._drop_used()
        finally:
            made, self._ready = self._ready, None
            if made is not None:
                made.stop()

    def _drop_used(self) -> None:
        made, self._used = self._used, None
        if made is not None:
            made.stop()


def make_roles(iam: Any, wanted: Mapping[str, tuple[str, str | None, bool]]) -> list[str]:
    """Make roles: {name: (service that takes it, policy or None, whether it is an execution role)}; return notes."""
    notes = []
    for name, (service, policy, executes) in wanted.items():
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        with aws_errors("CreateRole"):
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
        if executes:
            with aws_errors("AttachRolePolicy"):
                iam.attach_role_policy(RoleName=name, PolicyArn=EXECUTION_POLICY)
        with aws_errors("PutRolePolicy"):
            iam.put_role_policy(RoleName=name, PolicyName="try", PolicyDocument=policy or json.dumps(EVERYTHING))
        if policy is None and service.startswith("ecs"):
            notes.append(f"Permissions of role {name} were not tried: no policy was given, so it may do everything.")
    return notes


def make_assumed_roles(iam: Any, arns: Mapping[str, str]) -> list[str]:
    """Make the roles that outputs assume (`role_arn`): {ARN as it was given: the role's name}; return notes.

    They trust the whole account and may do everything: whose they are, and what they are allowed, is not known here.
    """
    notes = []
    for arn, name in arns.items():
        trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        if _quiet(iam, "create_role", RoleName=name, AssumeRolePolicyDocument=_document(trust)):
            with aws_errors("PutRolePolicy"):
                iam.put_role_policy(RoleName=name, PolicyName="try", PolicyDocument=json.dumps(EVERYTHING))
        notes.append(f"{arn}, which an output assumes (role_arn), was played by a role of the trial's own account: "
                     "neither its rights nor whom it trusts were tried.")  # fmt: skip
    return notes


def make_destinations(backend: LocalBackend, outputs: Sequence[Output], groups: Sequence[str]) -> list[str]:
    """Make what the outputs write to and the groups of awslogs; return what was made in place of the team's own."""
    notes = []
    for group in dict.fromkeys(groups):
        _quiet(backend.client("logs"), "create_log_group", logGroupName=group)
    for output in outputs:
        region = output.values.get("region", "")
        if group := _group(output):
            _quiet(client(backend, "logs", region), "create_log_group", logGroupName=group)
        if output.plugin == "s3" and output.values.get("bucket"):
            _bucket(backend, output.values["bucket"])
        if output.plugin in KINESIS and output.values.get("stream"):
            streams = client(backend, "kinesis", region)
            _quiet(streams, "create_stream", StreamName=output.values["stream"], ShardCount=1)
        name = output.values.get("delivery_stream", "")
        if output.plugin in {"kinesis_firehose", "firehose"} and name and _delivery_stream(backend, name, region):
            notes.append(f"Delivery stream {name}: its buffer interval is 0 s for the trial, its objects are plain.")
    return notes


def put_object(backend: LocalBackend, bucket: str, key: str, text: str) -> None:
    """Put a file of the router's into S3, whose bucket is made for it."""
    _bucket(backend, bucket)
    with aws_errors("PutObject"):
        backend.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())


def publish(backend: LocalBackend, folder: Path) -> str:
    """Build the router's image from a folder with a Dockerfile and push it to the trial's ECR; return its name."""
    ecr = backend.client("ecr")
    with aws_errors("CreateRepository"):
        made = ecr.create_repository(repositoryName=REPOSITORY)["repository"]
    return images.publish(folder, "Dockerfile", made["repositoryUri"], "try", ecr, builder="builtin").uri


def network(backend: LocalBackend) -> dict[str, Any]:
    """Make a network and the cluster; return RunTask's networkConfiguration."""
    ec2 = backend.client("ec2")
    with aws_errors("CreateVpc"):
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        backend.client("ecs").create_cluster(clusterName=CLUSTER)
    return {"awsvpcConfiguration": {"subnets": [subnet], "assignPublicIp": "ENABLED"}}


def client(backend: LocalBackend, service: str, region: str = "") -> Any:
    """Return a client of a service in a Region of its own ("": the trial's)."""
    state = backend.running()
    if state is None or not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
        return backend.client(service)
    return _clients_in(region, state.endpoint_url, state.access_key_id, state.secret_access_key).client(service)


@lru_cache(maxsize=2)
def _clients_in(region: str, endpoint_url: str, access_key_id: str, secret_access_key: str) -> Clients:
    """Return the clients of a Region, made once a trial: each session reads botocore's descriptions anew."""
    return Clients.local(endpoint_url, region, access_key_id, secret_access_key)


def _group(output: Output) -> str:
    """Return the group that has to be there for an output; "" where it makes it, or where the record names it."""
    name = output.values.get("log_group_name", "")
    makes_it = output.values.get("auto_create_group", "").lower() in {"true", "on", "yes"}
    is_ready = output.plugin in {"cloudwatch_logs", "cloudwatch"} and re.fullmatch(r"[\w./#-]+", name) and not makes_it
    return name if is_ready else ""


def _delivery_stream(backend: LocalBackend, name: str, region: str) -> bool:
    _bucket(backend, DELIVERY_BUCKET)
    target = {
        "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/{DELIVERY_ROLE}",
        "BucketARN": f"arn:aws:s3:::{DELIVERY_BUCKET}",
        "Prefix": f"{name}/",
        "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 1},
    }
    return _quiet(
        client(backend, "firehose", region), "create_delivery_stream",
        DeliveryStreamName=name, DeliveryStreamType="DirectPut", ExtendedS3DestinationConfiguration=target,
    )  # fmt: skip


def _bucket(backend: LocalBackend, name: str) -> None:
    s3 = backend.client("s3")
    region = s3.meta.region_name
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    _quiet(s3, "create_bucket", Bucket=name, **place)


def _quiet(service: Any, operation: str, **given: Any) -> bool:
    """Call; return whether it made something (False: it was there)."""
    there = (
        "ResourceAlreadyExistsException",
        "EntityAlreadyExists",
        "ResourceInUseException",
        "BucketAlreadyOwnedByYou",
    )
    try:
        with aws_errors(operation):
            getattr(service, operation)(**given)
    except Exception as exc:
        if any(code in str(exc) for code in there):
            return False
        raise
    return True


def _document(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
