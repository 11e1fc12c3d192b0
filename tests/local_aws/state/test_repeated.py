"""Calls that are noted and repeated: the next server has what the killed one answered, with the same names."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC
from importlib import import_module
from pathlib import Path
from typing import Any

import moto
import pytest
from botocore.exceptions import ClientError

from lab_helpers.base.errors import StateDamagedError
from lab_helpers.local_aws.server import LocalAws
from lab_helpers.local_aws.state.changes import Change, is_repeatable
from lab_helpers.local_aws.state.freezing import freeze, thaw
from lab_helpers.local_aws.state.journal import LIST, Journal, Terms
from lab_helpers.local_aws.state.moto_chance import other_random_numbers, under
from lab_helpers.local_aws.state.store import FILE
from lab_helpers.local_aws.state.version import FORMAT, state_version
from tests.local_aws.state.kit import killed_at_the_end, moto_state, noted, until_killed, without_freezing

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "a.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
ALLOW = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
MANAGED = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
KILLS = 4
Clients = Callable[[str], Any]


class Maker:
    """Makes things one by one; `answered` holds what AWS called them."""

    def __init__(self, client: Clients, seed: int) -> None:
        self.iam, self.ec2, self.ecs, self.elbv2 = (client(name) for name in ("iam", "ec2", "ecs", "elbv2"))
        self.answered: set[str] = set()
        self.removed: set[str] = set()
        self._random, self._mark = random.Random(seed), f"m{seed}"
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnets = [
            self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for cidr, zone in (("10.0.0.0/18", "ap-northeast-1a"), ("10.0.64.0/18", "ap-northeast-1c"))
        ]
        self.answered |= {self.vpc, *self.subnets}

    def make(self, number: int) -> None:
        """Make one thing; what is answered is noted when it is."""
        self._random.choice(
            (self._role, self._policy, self._interface, self._definition, self._group, self._security_group, self._gone)
        )(f"{self._mark}-{number}")

    def _role(self, name: str) -> None:
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
        self.answered.add(role["RoleId"])
        if self._random.random() < 0.5:
            self.iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED)  # known to moto past its API
            self.answered.add(f"{name} has {MANAGED}")

    def _policy(self, name: str) -> None:
        policy = self.iam.create_policy(PolicyName=name, PolicyDocument=ALLOW)["Policy"]
        self.answered.add(policy["PolicyId"])

    def _interface(self, name: str) -> None:
        made = self.ec2.create_network_interface(SubnetId=self._random.choice(self.subnets), Description=name)
        told = made["NetworkInterface"]
        self.answered.add(f"{told['NetworkInterfaceId']} {told['PrivateIpAddress']} {told['MacAddress']}")

    def _definition(self, name: str) -> None:
        container = {"name": "a", "image": "httpd", "memory": 64}
        made = self.ecs.register_task_definition(family=name, containerDefinitions=[container])
        self.answered.add(made["taskDefinition"]["taskDefinitionArn"])

    def _group(self, name: str) -> None:
        made = self.elbv2.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=self.vpc, TargetType="ip")
        self.answered.add(made["TargetGroups"][0]["TargetGroupArn"])

    def _security_group(self, name: str) -> None:
        group = self.ec2.create_security_group(GroupName=name, Description="d", VpcId=self.vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="10.0.0.0/8"
        )
        self.answered.add(group)

    def _gone(self, name: str) -> None:
        made = self.ec2.create_network_interface(SubnetId=self.subnets[0], Description=name)["NetworkInterface"]
        self.ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
        self.removed.add(made["NetworkInterfaceId"])


def found(client: Clients) -> tuple[set[str], str]:
    """Return what there is, in a Maker's words, and all that is told of it."""
    iam, ec2, ecs, elbv2 = (client(name) for name in ("iam", "ec2", "ecs", "elbv2"))
    roles = iam.get_paginator("list_roles").paginate().build_full_result()["Roles"]
    policies = iam.get_paginator("list_policies").paginate(Scope="Local").build_full_result()["Policies"]
    vpcs, subnets = ec2.describe_vpcs()["Vpcs"], ec2.describe_subnets()["Subnets"]
    interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
    groups = ec2.describe_security_groups()["SecurityGroups"]
    definitions = ecs.get_paginator("list_task_definitions").paginate().build_full_result()["taskDefinitionArns"]
    targets = elbv2.describe_target_groups()["TargetGroups"]
    attached = {
        f"{role['RoleName']} has {each['PolicyArn']}"
        for role in roles
        for each in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
    }
    names = (
        {each["RoleId"] for each in roles}
        | attached
        | {each["PolicyId"] for each in policies}
        | {each["VpcId"] for each in vpcs}
        | {each["SubnetId"] for each in subnets}
        | {f"{each['NetworkInterfaceId']} {each['PrivateIpAddress']} {each['MacAddress']}" for each in interfaces}
        | {each["GroupId"] for each in groups}
        | set(definitions)
        | {each["TargetGroupArn"] for each in targets}
    )
    told = (roles, policies, vpcs, subnets, interfaces, groups, definitions, targets, sorted(attached))
    return names, json.dumps(told, default=str, sort_keys=True, indent=1)


@pytest.mark.timeout(300)
def test_killed_at_random_moments_nothing_answered_is_lost(tmp_path: Path) -> None:
    """A thread makes and removes things while the server is killed: all that was answered is there, again and again."""
    answered: set[str] = set()
    removed: set[str] = set()
    repeated = 0
    for kill in range(KILLS):
        moments = random.Random(kill)
        with killed_at_the_end(tmp_path) as server:
            names, told = found(server.client)
            assert answered <= names
            assert not removed & set(re.findall(r"eni-\w+", told))
            maker = Maker(server.client, kill)
            worker = threading.Thread(target=until_killed, args=(maker,))
            worker.start()
            worker.join(moments.uniform(0.2, 2.5))  # it does not end by itself: this is the moment
        worker.join()
        answered |= maker.answered
        removed |= maker.removed
        repeated += noted(tmp_path)
    assert len(answered) > 5 * KILLS
    assert repeated > 0
    with killed_at_the_end(tmp_path) as server:
        assert answered <= found(server.client)[0]


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[LocalAws]:
    """A local AWS that keeps its state, and writes no backend of itself while a test looks at it."""
    with without_freezing(tmp_path / "lived", factories=[]) as running:
        yield running


@pytest.mark.timeout(120)
def test_the_repeated_state_is_the_one_that_was(aws: LocalAws, tmp_path: Path) -> None:
    """All that is told of all things, times and random names included, by a server on a copy of the file."""
    maker = Maker(aws.client, 1)
    for number in range(60):
        maker.make(number)
    before = found(aws.client)
    shutil.copytree(tmp_path / "lived", tmp_path / "copy")
    assert noted(tmp_path / "copy") > 0
    aws.stop()
    with LocalAws(tmp_path / "copy", factories=[], keeps_state=True) as again:
        assert found(again.client) == before
        assert again.status()["state"]["not_kept"] == {}
        assert noted(tmp_path / "copy") == 0


def test_calls_are_noted_and_go_when_the_backends_are_written(aws: LocalAws, tmp_path: Path) -> None:
    """A note a call; a call that cannot be repeated and asks for the same backend writes it, and drops the notes."""
    iam = aws.client("iam")
    iam.create_role(RoleName="makes-the-backend", AssumeRolePolicyDocument=TRUST)
    for number in range(3):
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST)
    assert noted(tmp_path / "lived") >= 3
    iam.attach_role_policy(RoleName="r0", PolicyArn=MANAGED)
    assert noted(tmp_path / "lived") == 0
    iam.create_role(RoleName="r3", AssumeRolePolicyDocument=TRUST)
    assert noted(tmp_path / "lived") == 1
    aws._bridge.keep_later()
    assert noted(tmp_path / "lived") == 1


def test_classic_load_balancers_are_written_whole(aws: LocalAws, tmp_path: Path) -> None:
    """moto asks the system for their time; they share a signing name with the others."""
    listener = {"Protocol": "HTTP", "LoadBalancerPort": 80, "InstancePort": 80}
    for name in ("makes-the-backend", "classic"):
        aws.client("elb").create_load_balancer(
            LoadBalancerName=name, Listeners=[listener], AvailabilityZones=["ap-northeast-1a"]
        )
    assert noted(tmp_path / "lived") == 0


def test_a_call_that_could_not_be_noted_lets_the_next_be_written_whole(
    aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: what the failed call changed in memory is under the next one, which must not be repeated alone."""
    iam = aws.client("iam")
    iam.create_role(RoleName="makes-the-backend", AssumeRolePolicyDocument=TRUST)
    with monkeypatch.context() as disk:
        disk.setattr(Journal, "add", full)
        with pytest.raises(ClientError):
            iam.create_role(RoleName="fails", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="fails", PolicyName="p", PolicyDocument=ALLOW)
    shutil.copytree(tmp_path / "lived", tmp_path / "copy")
    aws.stop()
    with LocalAws(tmp_path / "copy", factories=[], keeps_state=True) as again:
        assert again.client("iam").list_role_policies(RoleName="fails")["PolicyNames"] == ["p"]


def full(*_: Any) -> None:
    raise sqlite3.OperationalError("database or disk is full")


def test_numbers_that_another_thread_disturbed_are_told() -> None:
    """A backend that is made beside a call draws from the same source: that call's row cannot be drawn again."""

    def make() -> None:
        with other_random_numbers():
            pass

    with under(Terms.new()) as row:
        make()
        assert not row.is_disturbed
        other = threading.Thread(target=make)
        other.start()
        other.join()
        assert row.is_disturbed


@pytest.mark.parametrize(("place", "value", "says"), [(5, 418, "after 418"), (3, {}, "KeyError")])
def test_a_call_that_ends_otherwise_refuses_the_state(tmp_path: Path, place: int, value: object, says: str) -> None:
    """The server does not start, names the call and the way out, and leaves the file as it was."""
    with LocalAws(tmp_path, factories=[], keeps_state=True) as aws:
        iam = aws.client("iam")
        iam.create_role(RoleName="makes-the-backend", AssumeRolePolicyDocument=TRUST)
        moto_state(aws)._not_before = float("inf")
        iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
        call = list(moto_state(aws)._store.grown(LIST))[-1]
        moto_state(aws)._not_before = 0.0
    row = list(thaw(call))
    row[place] = value
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        db.execute("INSERT INTO grown VALUES (?, 0, ?)", (LIST, freeze(tuple(row))))
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(StateDamagedError, match=rf"iam:CreateRole could not be repeated: .*{says}.*lab up --fresh"):
        LocalAws(tmp_path, factories=[], keeps_state=True).start()
    assert (tmp_path / FILE).read_bytes() == before


def test_a_state_of_the_format_before_is_read(tmp_path: Path) -> None:
    """It has no notes of calls, and all else as it is now; it is of this version from then on."""
    with LocalAws(tmp_path, factories=[], keeps_state=True) as aws:
        made = aws.client("iam").create_user(UserName="u")["User"]
    older = state_version().replace(f"format {FORMAT}", "format 6")
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db, db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'version'", (older,))
    with LocalAws(tmp_path, factories=[], keeps_state=True) as again:
        assert again.client("iam").get_user(UserName="u")["User"]["UserId"] == made["UserId"]
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db:
        assert db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone() == (state_version(),)


ELSEWHERE = "|".join(
    (
        r"\buuid\.uuid", r"\bsecrets\.(choice|rand|token|System)", r"\burandom\(", r"^import random",
        r"\btime\.time\(", r"\bdate\.today\(",
        r"\bdatetime\.(now|utcnow|today)\(", r"\bgenerate_private_key\(", r"PrivateKey\.generate\(",
    )
)  # fmt: skip
ASK_A_CLOCK_OF_OURS = {"secretsmanager": "secretsmanager", "applicationautoscaling": "application-autoscaling"}
"""Rooms of moto, and what boto3 calls the service."""
KNOWN = {
    'athena/models.py: "CreationTime": time.time(),',  # where they are listed
    "athena/models.py: self.end_time = time.time()",  # executions
    "athena/models.py: self.last_modified_time = datetime.now()",  # prepared statements
    "athena/models.py: self.start_time = time.time()",
    'athena/models.py: {"Name": cr.name, "TargetDpus": cr.target_dpus, "CreationTime": time.time()}',
    "cloudwatch/models.py: self.last_modified = datetime.now()",  # dashboards, which get another; policies make alarms
    "ecr/models.py: if image.last_scan and image.last_scan.date() == datetime.today().date():",
    "ecr/models.py: image.last_scan = datetime.today()",
    "ecr/models.py: self.image_pushed_at = int(datetime.now(timezone.utc).timestamp())",
    "kms/models.py: plaintext = os.urandom(plaintext_len)",  # data keys; what follows are new keys, and what they seal
    "kms/models.py: self.private_key = generate_private_key(self.key_spec)",
    "kms/responses.py: entropy = os.urandom(number_of_bytes)",
    "kms/utils.py: def generate_private_key(key_spec: str) -> AbstractPrivateKey:",
    "kms/utils.py: iv = os.urandom(IV_LEN)",
    "kms/utils.py: return os.urandom(number_of_bytes)",
    "kms/utils.py: self.private_key = ec.generate_private_key(curve)",
    "kms/utils.py: self.private_key = rsa.generate_private_key(",
    "iam/models.py: self.qr_code_png = os.urandom(64)  # this would be a generated PNG",
    "ec2/models/reserved_instances.py: import random",
    "ec2/utils.py: private_key = rsa.generate_private_key(",
    "ec2/utils.py: private_key = Ed25519PrivateKey.generate()",
    "elb/models.py: self.created_time = datetime.datetime.now(datetime.timezone.utc)",
    "sns/models.py: return rsa.generate_private_key(public_exponent=65537, key_size=2048)",  # Publish
}
OF_SERVICES = (
    "applicationautoscaling", "athena", "cloudwatch", "dynamodb", "ecr", "iam", "ec2", "ecs", "elb", "elbv2", "events",
    "glue", "kinesis", "kms", "logs", "secretsmanager", "sns", "sqs", "ssm",
)  # fmt: skip


def test_moto_draws_and_asks_the_time_where_it_is_expected_to() -> None:
    """In the services whose calls are repeated: another source of chance or time belongs to what is not repeated."""
    root = Path(moto.__file__).parent
    sources = [path for name in OF_SERVICES for path in (root / name).rglob("*.py")]
    lines = {
        f"{path.relative_to(root)}: {line.strip()}"
        for path in sources
        if path.name != "aws_managed_policies.py"
        for line in path.read_text().splitlines()
        if re.search(ELSEWHERE, line) and not (path.parent.name in ASK_A_CLOCK_OF_OURS and "time.time()" in line)
    }
    assert lines == KNOWN


@pytest.mark.parametrize("service", ASK_A_CLOCK_OF_OURS)
def test_a_module_that_asks_the_system_for_the_time_is_given_a_clock(aws: LocalAws, service: str) -> None:
    """It stands still while a call is answered that can be repeated, and is the system's else."""
    asked = aws.client(ASK_A_CLOCK_OF_OURS[service])
    if service == "secretsmanager":
        asked.list_secrets()
    else:
        asked.describe_scalable_targets(ServiceNamespace="dynamodb")
    models, terms = import_module(f"moto.{service}.models"), Terms.new()
    with under(terms):
        at = models.time.time()
        assert at == terms.at.replace(tzinfo=UTC).timestamp()
        assert models.time.time() == at
    assert models.time.time() > at
    assert models.time.monotonic is time.monotonic


@pytest.mark.parametrize("operation", ["CreateKeyPair", "CreateVirtualMFADevice", "PurchaseReservedInstancesOffering"])
def test_calls_that_draw_elsewhere_are_not_repeated(operation: str) -> None:
    """Each line of KNOWN is behind one of them, or in classic load balancers."""
    assert not any(is_repeatable(Change(operation, service)) for service in ("iam", "ec2"))
