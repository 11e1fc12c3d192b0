"""S3 in the state: a row a bucket and a row a key, with their tags; objects' bytes are files that nobody touches."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from lab_helpers.local_aws.server import REGION, LocalAws
from lab_helpers.local_aws.state import moto_hooks
from lab_helpers.local_aws.state.changes import Change
from lab_helpers.local_aws.state.freezing import freeze
from lab_helpers.local_aws.state.moto_state import MotoState
from lab_helpers.local_aws.state.object_rows import BUCKETS_ROOM, FILES_ROOM, S3, ObjectRows
from lab_helpers.local_aws.state.store import FILE, StateStore
from lab_helpers.local_aws.state.version import FORMAT, state_version
from tests.local_aws.state.kit import killed_at_the_end, moto_state, noted, until_killed, without_freezing

PLACE = {"LocationConstraint": REGION}
KILLS = 4
GETTERS = (
    "get_bucket_location", "get_bucket_policy", "get_bucket_versioning", "get_bucket_tagging", "get_bucket_cors",
    "get_bucket_lifecycle_configuration", "get_bucket_encryption", "get_public_access_block", "get_bucket_website",
    "get_bucket_notification_configuration", "get_bucket_ownership_controls", "get_bucket_request_payment",
    "get_bucket_logging", "list_bucket_metrics_configurations", "get_bucket_acl",
)  # fmt: skip
Clients = Callable[[str], Any]


def policy(bucket: str, sid: str) -> str:
    resource = f"arn:aws:s3:::{bucket}/*"
    root = {"AWS": "arn:aws:iam::123456789012:root"}  # everybody is blocked
    allowed = {"Sid": sid, "Effect": "Allow", "Principal": root, "Action": "s3:GetObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


class Maker:
    """Makes buckets, sets them up, fills and empties them; `answered` is what AWS said is so, by what it is about."""

    def __init__(self, client: Clients, seed: int) -> None:
        self.s3, self._random, self._mark = client("s3"), random.Random(seed), f"m{seed}"
        self.answered: dict[str, str] = {}
        self.doubtful: set[str] = set()
        self._buckets: list[str] = []

    def make(self, number: int) -> None:
        """Do one thing."""
        acts = (self._bucket, self._policy, self._tags, self._settings, self._tagged, self._retagged, self._upload)
        act = self._random.choice((*acts, self._untagged, self._gone)) if self._buckets else self._bucket
        act(f"{self._mark}-{number}", self._random.choice(self._buckets) if self._buckets else "")

    def _told(self, about: str, what: str, call: Callable[..., Any], **given: Any) -> None:
        self.doubtful.add(about)  # until it is answered: a kill may come before or after
        call(**given)
        self.answered[about] = what
        self.doubtful.discard(about)

    def _bucket(self, name: str, _: str) -> None:
        self._told(f"bucket {name}", "there", self.s3.create_bucket, Bucket=name, CreateBucketConfiguration=PLACE)
        self._buckets.append(name)

    def _policy(self, name: str, bucket: str) -> None:
        sid = name.replace("-", "")
        self._told(f"policy {bucket}", sid, self.s3.put_bucket_policy, Bucket=bucket, Policy=policy(bucket, sid))

    def _tags(self, name: str, bucket: str) -> None:
        tags = {"TagSet": [{"Key": "k", "Value": name}]}
        self._told(f"tags {bucket}", name, self.s3.put_bucket_tagging, Bucket=bucket, Tagging=tags)

    def _settings(self, name: str, bucket: str) -> None:
        rule = {"ID": name, "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 3}}
        self.s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": [f"https://{name}"]}]}
        self.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
        if self._random.random() < 0.5:
            self.s3.delete_bucket_cors(Bucket=bucket)
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        about = {"Id": name, "Filter": {"Prefix": "a/"}}
        self.s3.put_bucket_metrics_configuration(Bucket=bucket, Id=name, MetricsConfiguration=about)
        blocked = {"BlockPublicAcls": True, "IgnorePublicAcls": self._random.random() < 0.5}
        self.s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocked)

    def _tagged(self, name: str, bucket: str) -> str:
        key = f"o{self._random.randrange(3)}"
        self._told(
            f"object {bucket} {key}", f"{name} n={name}", self.s3.put_object,
            Bucket=bucket, Key=key, Body=name.encode(), Tagging=f"n={name}",
        )  # fmt: skip
        return key

    def _retagged(self, name: str, bucket: str) -> None:
        key, tags = self._tagged(name, bucket), {"TagSet": [{"Key": "n", "Value": f"{name}-again"}]}
        self._told(
            f"object {bucket} {key}", f"{name} n={name}-again", self.s3.put_object_tagging,
            Bucket=bucket, Key=key, Tagging=tags,
        )  # fmt: skip

    def _untagged(self, name: str, bucket: str) -> None:
        key = f"o{self._random.randrange(3)}"
        self._told(f"object {bucket} {key}", f"{name} ", self.s3.put_object, Bucket=bucket, Key=key, Body=name.encode())

    def _upload(self, name: str, bucket: str) -> None:
        upload = self.s3.create_multipart_upload(Bucket=bucket, Key=f"u-{name}", Tagging="of=parts")["UploadId"]
        part = self.s3.upload_part(Bucket=bucket, Key=f"u-{name}", UploadId=upload, PartNumber=1, Body=name.encode())
        if self._random.random() < 0.5:
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            self._told(
                f"object {bucket} u-{name}", f"{name} of=parts", self.s3.complete_multipart_upload,
                Bucket=bucket, Key=f"u-{name}", UploadId=upload, MultipartUpload=parts,
            )  # fmt: skip
        else:
            self.answered[f"upload {bucket} {upload}"] = name

    def _gone(self, name: str, _: str) -> None:
        self.s3.create_bucket(Bucket=f"gone-{name}", CreateBucketConfiguration=PLACE)
        self.s3.put_object(Bucket=f"gone-{name}", Key="k", Body=b"x", Tagging="a=b")
        self.s3.delete_object(Bucket=f"gone-{name}", Key="k")
        self._told(f"bucket gone-{name}", "", self.s3.delete_bucket, Bucket=f"gone-{name}")


def found(client: Clients) -> tuple[dict[str, str], str]:
    """Return what there is, in a Maker's words, and all that is told of it."""
    s3 = client("s3")
    words: dict[str, str] = {}
    told: list[Any] = []
    for made in s3.list_buckets()["Buckets"]:
        bucket = made["Name"]
        words[f"bucket {bucket}"] = "there"
        settings = [answered(getattr(s3, name), Bucket=bucket) for name in GETTERS]
        if "Policy" in settings[1]:
            words[f"policy {bucket}"] = json.loads(settings[1]["Policy"])["Statement"][0]["Sid"]
        if "TagSet" in settings[3]:
            words[f"tags {bucket}"] = settings[3]["TagSet"][0]["Value"]
        versions = answered(s3.list_object_versions, Bucket=bucket)
        uploads = answered(s3.list_multipart_uploads, Bucket=bucket).get("Uploads", [])
        told.append((made, settings, versions))
        for each in versions.get("Versions", ()):
            which = {"Bucket": bucket, "Key": each["Key"], "VersionId": each["VersionId"]}
            body = s3.get_object(**which)["Body"].read().decode()
            tags = " ".join(f"{tag['Key']}={tag['Value']}" for tag in s3.get_object_tagging(**which)["TagSet"])
            told.append((which, body, tags))
            if each["IsLatest"]:
                words[f"object {bucket} {each['Key']}"] = f"{body} {tags}"
        for each in uploads:
            parts = answered(s3.list_parts, Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])
            told.append((each, parts))
            words[f"upload {bucket} {each['UploadId']}"] = each["Key"].removeprefix("u-")
    return words, json.dumps(told, default=str, indent=1, sort_keys=True)


def answered(call: Callable[..., Any], **given: Any) -> dict[str, Any]:
    """What is answered, a refusal's code too, without what differs from answer to answer."""
    try:
        answer: dict[str, Any] = call(**given)
    except ClientError as exc:
        return {"Code": exc.response["Error"]["Code"]}
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A local AWS that keeps its state, and writes nothing later while a test looks at it."""
    with without_freezing(tmp_path / "lived", factories=[]) as running:
        yield running


def again(tmp_path: Path) -> LocalAws:
    """A server on a copy of the folder as it is on the disk now: as after kill -9."""
    shutil.copytree(tmp_path / "lived", tmp_path / "copy")
    return LocalAws(tmp_path / "copy", factories=[], keeps_state=True)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_state_that_is_read_is_the_one_that_was(aws: LocalAws, tmp_path: Path, seed: int) -> None:
    """Settings, tags, versions, bodies, uploads and their parts, of all buckets and of none that went."""
    maker = Maker(aws.client, seed)
    for number in range(80):
        maker.make(number)
    before = found(aws.client)
    assert {name: what for name, what in maker.answered.items() if what} == before[0]
    follower = again(tmp_path)
    aws.stop()
    with follower as copy:
        assert found(copy.client) == before
        assert copy.status()["state"]["not_kept"] == {}
        upload = next(name for name in before[0] if name.startswith("upload "))
        _, bucket, upload_id = upload.split()
        which = {"Bucket": bucket, "Key": f"u-{before[0][upload]}", "UploadId": upload_id}
        (part,) = copy.client("s3").list_parts(**which)["Parts"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        copy.client("s3").complete_multipart_upload(**which, MultipartUpload=parts)
        body = copy.client("s3").get_object(Bucket=bucket, Key=which["Key"])["Body"].read()
        assert body.decode() == before[0][upload]


@pytest.mark.timeout(300)
def test_killed_at_random_moments_nothing_answered_is_lost(tmp_path: Path) -> None:
    """What was answered last of each thing is so after kill -9; of the one call under way either is right."""
    sure: dict[str, str] = {}
    for kill in range(KILLS):
        with killed_at_the_end(tmp_path) as server:
            maker = Maker(server.client, kill)
            worker = threading.Thread(target=until_killed, args=(maker,))
            worker.start()
            worker.join(random.Random(kill).uniform(1.0, 3.0))  # it does not end by itself: this is the moment
        worker.join()
        sure |= {name: what for name, what in maker.answered.items() if name not in maker.doubtful}
    assert len(sure) > 5 * KILLS
    with killed_at_the_end(tmp_path) as server:
        there = found(server.client)[0]
    assert {name: there.get(name, "") for name in sure} == sure


def test_an_object_that_is_put_without_tags_has_none_after_a_kill(aws: LocalAws, tmp_path: Path) -> None:
    """The tags of the one before went with it: those of objects were written with the whole of S3, a call too late."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=PLACE)
    s3.put_object(Bucket="bucket", Key="k", Body=b"1", Tagging="a=b")
    s3.put_object(Bucket="bucket", Key="k", Body=b"2")
    follower = again(tmp_path)
    aws.stop()
    with follower as copy:
        assert copy.client("s3").get_object_tagging(Bucket="bucket", Key="k")["TagSet"] == []


def test_a_change_of_a_bucket_writes_no_other(aws: LocalAws) -> None:
    """The rows of the others stay as they are, whatever is in them."""
    s3 = aws.client("s3")
    for name in ("one", "two", "three"):
        s3.create_bucket(Bucket=f"bucket-{name}", CreateBucketConfiguration=PLACE)
    store = moto_state(aws)._store
    store.put(BUCKETS_ROOM, f"{S3}/123456789012/aws/bucket-two", b"untouched")
    s3.put_bucket_policy(Bucket="bucket-one", Policy=policy("bucket-one", "a"))
    s3.put_object(Bucket="bucket-one", Key="k", Body=b"1", Tagging="a=b")
    s3.delete_bucket(Bucket="bucket-three")
    names = [name.rpartition("/")[2] for name in store.names(BUCKETS_ROOM)]
    assert names == ["bucket-one", "bucket-two"]
    assert store.get(BUCKETS_ROOM, f"{S3}/123456789012/aws/bucket-two") == b"untouched"
    assert b"s3:GetObject" in store.get(BUCKETS_ROOM, f"{S3}/123456789012/aws/bucket-one")


def test_a_configuration_is_written_without_a_look_at_the_keys(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket may have many, and none of them changes."""
    s3, looked = aws.client("s3"), list[str]()
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=PLACE)
    keep = ObjectRows.keep_keys

    def told(rows: ObjectRows, change: Change) -> None:
        keep(rows, change)
        looked.append(change.operation)

    monkeypatch.setattr(ObjectRows, "keep_keys", told)
    s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    s3.delete_public_access_block(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"1")
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "k"}]})
    s3.delete_bucket(Bucket="bucket")
    assert looked == ["PutObject", "DeleteObjects"]


def test_a_call_is_written_once_and_before_it_is_answered(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto's part of a call and what is added to it are one change."""
    written, keep = list[str](), MotoState.settle

    def told(state: MotoState, change: Change | None, *rest: Any) -> None:
        keep(state, change, *rest)
        written.extend([change.operation] if change is not None else [])

    monkeypatch.setattr(MotoState, "settle", told)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=PLACE)
    assert written == ["CreateBucket"]
    s3.put_object(Bucket="bucket", Key="k", Body=b"1", Tagging="a=b")
    s3.put_bucket_policy(Bucket="bucket", Policy=policy("bucket", "a"))
    with pytest.raises(ClientError, match="NoSuchBucket"):
        s3.put_object(Bucket="another", Key="k", Body=b"1")
    assert written == ["CreateBucket", "PutObject", "PutBucketPolicy", "PutObject"]


def test_calls_of_others_that_look_into_s3_are_not_noted(aws: LocalAws, tmp_path: Path) -> None:
    """The bucket that they saw may be one whose own call is not complete, and not on the disk."""
    s3, ec2 = aws.client("s3"), aws.client("ec2")
    s3.create_bucket(Bucket="flows", CreateBucketConfiguration=PLACE)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    assert noted(tmp_path / "lived") == 1
    made = ec2.create_flow_logs(
        ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3",
        LogDestination="arn:aws:s3:::flows",
    )  # fmt: skip
    assert not made["Unsuccessful"]
    assert noted(tmp_path / "lived") == 0
    follower = again(tmp_path)
    aws.stop()
    with follower as copy:
        (told,) = copy.client("ec2").describe_flow_logs()["FlowLogs"]
    assert told["FlowLogId"] == made["FlowLogIds"][0]


def test_what_could_not_be_written_is_written_with_the_next_change(
    aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: the files of an open upload stay, and what is in memory is written once there is room."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration=PLACE)
    upload = s3.create_multipart_upload(Bucket="bucket", Key="k")["UploadId"]
    with monkeypatch.context() as disk:
        disk.setattr(StateStore, "put", full)
        with pytest.raises(ClientError):
            s3.upload_part(Bucket="bucket", Key="k", UploadId=upload, PartNumber=1, Body=b"part")
        with pytest.raises(ClientError):
            s3.put_bucket_policy(Bucket="bucket", Policy=policy("bucket", "kept"))
    s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    before = found(aws.client)
    assert before[0]["policy bucket"] == "kept"
    follower = again(tmp_path)
    aws.stop()
    with follower as copy:
        assert found(copy.client) == before
        (part,) = copy.client("s3").list_parts(Bucket="bucket", Key="k", UploadId=upload)["Parts"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        copy.client("s3").complete_multipart_upload(Bucket="bucket", Key="k", UploadId=upload, MultipartUpload=parts)
        assert copy.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"part"


def full(*_: Any) -> None:
    raise sqlite3.OperationalError("database or disk is full")


@pytest.mark.timeout(180)
def test_a_state_of_before_is_taken_apart_when_it_is_read(aws: LocalAws, tmp_path: Path) -> None:
    """It has all buckets and tags in one piece, keys without tags, and one list of files; twice read it is the same."""
    maker = Maker(aws.client, 3)
    for number in range(60):
        maker.make(number)
    before = found(aws.client)
    as_it_was(aws)
    older = state_version().replace(f"format {FORMAT}", "format 10")
    shutil.copytree(tmp_path / "lived", tmp_path / "copy")
    with contextlib.closing(sqlite3.connect(tmp_path / "copy" / FILE)) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'version'", (older,))
    aws.stop()
    for name in ("copy", "second"):
        with LocalAws(tmp_path / name, factories=[], keeps_state=True) as follower:
            assert found(follower.client) == before
            store = moto_state(follower)._store
            assert len(store.names(BUCKETS_ROOM)) == len([each for each in before[0] if each.startswith("bucket ")])
            assert f"{S3}/123456789012/aws" not in store.names(FILES_ROOM)
            if name == "copy":
                shutil.copytree(tmp_path / "copy", tmp_path / "second")


def as_it_was(aws: LocalAws) -> None:
    """Write S3 as a lab of format 10 did."""
    state = moto_state(aws)
    store, (backend,) = state._store, [each for each in moto_hooks.loaded() if moto_hooks.key_of(each)[0] == S3]
    name = "/".join(moto_hooks.key_of(backend))
    data, files = moto_hooks.with_files(lambda: freeze(dict(backend.__dict__), moto_hooks.reducers()))
    with store.change() as db:
        db.execute("DELETE FROM kept WHERE room IN (?, ?)", (BUCKETS_ROOM, FILES_ROOM))
        store.put("moto", name, data)
        store.put(FILES_ROOM, name, files.encode())
        for bucket in backend.buckets.values():
            for key in dict.keys(bucket.keys):
                plain = freeze(list(bucket.keys.getlist(key)), moto_hooks.reducers())
                db.execute("UPDATE objects SET data = ? WHERE bucket = ? AND key = ?", (plain, bucket.name, key))


def test_what_a_form_puts_over_an_object_is_there_again(aws: LocalAws, tmp_path: Path) -> None:
    """A browser's form names the key in its body: bytes and tags are the new object's after kill -9, too."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_object(Bucket="bucket", Key="k", Body=b"before", Tagging="a=b")
    form = s3.generate_presigned_post("bucket", "k")
    answered = urllib3.request("POST", form["url"], fields={**form["fields"], "file": ("k.txt", b"after")})
    assert answered.status == 204
    follower = again(tmp_path)
    aws.stop()
    with follower as copy:
        assert copy.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"after"
        assert copy.client("s3").get_object_tagging(Bucket="bucket", Key="k")["TagSet"] == []
