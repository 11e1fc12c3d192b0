"""The service through its API: a whole local AWS in this process, moto included, asked with boto3."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_helpers.local_aws.alb import AlbService
from lab_helpers.local_aws.kit.clock import ManualClock
from lab_helpers.local_aws.kit.network import Socket
from lab_helpers.local_aws.kit.service import ServiceContext
from lab_helpers.local_aws.server import LocalAws
from tests.local_aws.alb.kit import Client, backend, wait_until

pytestmark = pytest.mark.usefixtures("answers_as_described")
OPEN = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}


@dataclass
class Lab:
    """A running local AWS with a VPC of two subnets and a security group."""

    aws: LocalAws
    clock: ManualClock
    context: ServiceContext
    service: AlbService
    vpc: str
    subnets: list[str]
    group: str

    @property
    def elb(self) -> Any:
        return self.aws.client("elbv2")

    @property
    def ec2(self) -> Any:
        return self.aws.client("ec2")

    def balancer(self, name: str = "demo") -> tuple[str, str, int]:
        """Create load balancer, target group and listener; returns two ARNs and the port."""
        made = self.elb.create_load_balancer(Name=name, Subnets=self.subnets, SecurityGroups=[self.group])
        arn = made["LoadBalancers"][0]["LoadBalancerArn"]
        group_arn = self.target_group(f"{name}-tg")
        forward = [{"Type": "forward", "TargetGroupArn": group_arn}]
        self.elb.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=forward)
        return arn, group_arn, int(made["LoadBalancers"][0]["DNSName"].partition(":")[2])

    def target_group(self, name: str) -> str:
        made = self.elb.create_target_group(
            Name=name,
            Protocol="HTTP",
            Port=80,
            VpcId=self.vpc,
            TargetType="ip",
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def interfaces(self) -> list[dict[str, Any]]:
        """The network interfaces in this VPC: other tests of this process leave theirs in moto."""
        found = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        return list(found["NetworkInterfaces"])

    def advance_until(self, condition: Callable[[], bool]) -> None:
        """Move the clock on until `condition` holds."""

        def holds() -> bool:
            self.clock.advance(0.5)
            return condition()

        wait_until(holds)

    def health(self, group_arn: str, *targets: dict[str, Any]) -> list[tuple[str, str | None]]:
        named = {"Targets": list(targets)} if targets else {}
        answer = self.elb.describe_target_health(TargetGroupArn=group_arn, **named)
        told = [each["TargetHealth"] for each in answer["TargetHealthDescriptions"]]
        return [(each["State"], each.get("Reason")) for each in told]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made: dict[str, Any] = {}

    def factory(context: ServiceContext) -> AlbService:
        made["context"], made["service"] = context, AlbService(context)
        return made["service"]  # type: ignore[no-any-return]

    clock = ManualClock()
    with LocalAws(tmp_path_factory.mktemp("aws"), factories=[factory], clock=clock) as aws:
        ec2 = aws.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        zones = {"10.0.11.0/24": "ap-northeast-1a", "10.0.12.0/24": "ap-northeast-1c"}
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for cidr, zone in zones.items()
        ]
        group = ec2.create_security_group(GroupName="alb", Description="alb", VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0"
        )
        yield Lab(aws, clock, made["context"], made["service"], vpc, subnets, group)


@pytest.fixture(autouse=True)
def clean(lab: Lab) -> Iterator[None]:
    yield
    for shape in lab.elb.describe_load_balancers()["LoadBalancers"]:
        attributes = [{"Key": "deletion_protection.enabled", "Value": "false"}]
        lab.elb.modify_load_balancer_attributes(LoadBalancerArn=shape["LoadBalancerArn"], Attributes=attributes)
        lab.elb.delete_load_balancer(LoadBalancerArn=shape["LoadBalancerArn"])
    for shape in lab.elb.describe_target_groups()["TargetGroups"]:
        lab.elb.delete_target_group(TargetGroupArn=shape["TargetGroupArn"])


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_from_create_to_traffic_to_delete(lab: Lab) -> None:
    """The DNS name answers, targets become healthy, interfaces are there and go with the load balancer."""
    arn, group_arn, port = lab.balancer()
    described = lab.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    assert described["DNSName"] == f"127.0.0.1:{port}"
    assert described["State"] == {"Code": "active"}
    assert described["Scheme"] == "internet-facing"
    with backend() as web:
        lab.context.network.attach("10.0.11.100", 80, web.socket)
        target = {"Id": "10.0.11.100", "Port": 80}
        lab.elb.register_targets(TargetGroupArn=group_arn, Targets=[target])
        lab.advance_until(lambda: lab.health(group_arn) == [("healthy", None)])
        with Client(port) as client:
            assert client.get()[0] == 200
        interfaces = lab.interfaces()
        assert {each["SubnetId"] for each in interfaces} == set(lab.subnets)
        assert {each["Description"] for each in interfaces} == {f"ELB {arn.split(':loadbalancer/')[1]}"}
        assert {seen.proxy.split(" ")[2] for seen in web.checks()} == {each["PrivateIpAddress"] for each in interfaces}
        lab.elb.deregister_targets(TargetGroupArn=group_arn, Targets=[target])
        assert lab.health(group_arn) == [("draining", "Target.DeregistrationInProgress")]
        lab.elb.deregister_targets(TargetGroupArn=group_arn, Targets=[target])
    lab.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert lab.interfaces() == []
    assert lab.elb.describe_load_balancers()["LoadBalancers"] == []
    with pytest.raises(ConnectionRefusedError):
        Client(port)


def test_health_of_targets_named(lab: Lab) -> None:
    """A target that is not registered is unused; one of a group without a load balancer too, for another reason."""
    lone = lab.target_group("lone")
    lab.elb.register_targets(TargetGroupArn=lone, Targets=[{"Id": "10.0.11.7"}])
    assert lab.health(lone) == [("unused", "Target.NotInUse")]
    assert lab.health(lone, {"Id": "10.0.11.7", "Port": 81}) == [("unused", "Target.NotRegistered")]
    code, _ = refused(lab.elb.describe_target_health, TargetGroupArn=lone.replace("lone", "none"))
    assert code == "TargetGroupNotFound"


def test_target_groups_name_the_load_balancers_that_use_them(lab: Lab) -> None:
    """A listener that is changed to another group changes both groups' LoadBalancerArns."""
    arn, first, _ = lab.balancer()
    second = lab.target_group("second")
    listener = lab.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"][0]["ListenerArn"]
    lab.elb.modify_listener(ListenerArn=listener, DefaultActions=[{"Type": "forward", "TargetGroupArn": second}])
    used = {g["TargetGroupArn"]: g["LoadBalancerArns"] for g in lab.elb.describe_target_groups()["TargetGroups"]}
    assert used == {first: [], second: [arn]}


def test_rules_take_effect_with_the_call(lab: Lab) -> None:
    """Create, modify, re-prioritise and delete a rule: the next request obeys."""
    arn, _, port = lab.balancer()
    listener = lab.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"][0]["ListenerArn"]

    def fixed(code: str) -> list[dict[str, Any]]:
        return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": code, "ContentType": "text/plain"}}]

    condition = [{"Field": "path-pattern", "Values": ["/x*"]}]
    made = lab.elb.create_rule(ListenerArn=listener, Priority=10, Conditions=condition, Actions=fixed("200"))
    rule = made["Rules"][0]["RuleArn"]
    with Client(port) as client:
        assert (client.get("/x")[0], client.get("/y")[0]) == (200, 503)
        lab.elb.modify_rule(RuleArn=rule, Actions=fixed("404"))
        assert client.get("/x")[0] == 404
        lab.elb.create_rule(ListenerArn=listener, Priority=5, Conditions=condition, Actions=fixed("410"))
        assert client.get("/x")[0] == 410
        lab.elb.set_rule_priorities(RulePriorities=[{"RuleArn": rule, "Priority": 1}])
        assert client.get("/x")[0] == 404
        lab.elb.delete_rule(RuleArn=rule)
        assert client.get("/x")[0] == 410


def test_what_aws_refuses(lab: Lab) -> None:
    """One subnet only, a name that is taken, and deletion under protection."""
    one = refused(lab.elb.create_load_balancer, Name="one", Subnets=lab.subnets[:1])
    assert one == ("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    twice = [
        lab.subnets[0],
        lab.ec2.create_subnet(VpcId=lab.vpc, CidrBlock="10.0.21.0/24", AvailabilityZone="ap-northeast-1a")["Subnet"][
            "SubnetId"
        ],
    ]
    assert refused(lab.elb.create_load_balancer, Name="one", Subnets=twice) == (
        "InvalidConfigurationRequest",
        "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
    )
    assert refused(lab.elb.create_load_balancer, Name="o_o", Subnets=lab.subnets)[0] == "ValidationError"
    assert refused(lab.elb.create_load_balancer, Name="o" * 33, Subnets=lab.subnets)[0] == "ValidationError"
    assert refused(lab.elb.create_load_balancer, Name="one", Subnets=["subnet-1", "subnet-2"])[0] == "SubnetNotFound"
    invalid = refused(lab.elb.create_load_balancer, Name="one", Subnets=lab.subnets, SecurityGroups=["sg-1"])
    assert invalid[0] == "InvalidConfigurationRequest"
    assert lab.elb.describe_load_balancers()["LoadBalancers"] == []
    arn, _, _ = lab.balancer("taken")
    assert refused(lab.elb.create_load_balancer, Name="taken", Subnets=lab.subnets)[0] == "DuplicateLoadBalancerName"
    protection = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    lab.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protection)
    code, message = refused(lab.elb.delete_load_balancer, LoadBalancerArn=arn)
    assert code == "OperationNotPermitted"
    assert "deletion protection is enabled" in message


def test_the_default_security_group_is_taken_where_none_is_given(lab: Lab) -> None:
    """As on AWS, the VPC's default group."""
    made = lab.elb.create_load_balancer(Name="plain", Subnets=lab.subnets)["LoadBalancers"][0]
    filters = [{"Name": "vpc-id", "Values": [lab.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    groups = lab.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    assert made["SecurityGroups"] == [groups[0]["GroupId"]]


def test_attributes_have_awss_defaults(lab: Lab) -> None:
    """Attributes that nobody set are told too, and changes are kept."""
    arn, _, _ = lab.balancer()
    changed = lab.elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "120"}]
    )
    told = {
        each["Key"]: each["Value"]
        for each in lab.elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    }
    assert told == {each["Key"]: each["Value"] for each in changed["Attributes"]}
    assert told["idle_timeout.timeout_seconds"] == "120"
    assert told["access_logs.s3.enabled"] == "false"
    assert told["routing.http2.enabled"] == "true"


def _log_delivery(bucket: str) -> str:
    """The bucket policy that log delivery needs: it has no role."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_new_load_balancer_is_provisioning_and_then_active(lab: Lab) -> None:
    """Source: CreateLoadBalancer, "the initial state of the load balancer is provisioning"."""
    made = lab.elb.create_load_balancer(Name="new", Subnets=lab.subnets)["LoadBalancers"][0]
    assert made["State"] == {"Code": "provisioning"}
    described = lab.elb.describe_load_balancers(Names=["new"])["LoadBalancers"][0]
    assert described["State"] == {"Code": "active"}
    lab.elb.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])


def test_listeners_and_rules_tell_what_they_have(lab: Lab) -> None:
    """SslPolicy is of HTTPS and TLS, AlpnPolicy of TLS alone (API reference: Listener); no secret of a client's."""
    arn, group_arn, _ = lab.balancer()
    (listener,) = lab.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert not {"SslPolicy", "AlpnPolicy"} & set(listener)
    changed = lab.elb.modify_listener(ListenerArn=listener["ListenerArn"], Port=81)["Listeners"][0]
    assert not {"SslPolicy", "AlpnPolicy"} & set(changed)
    site = {"Issuer": "https://i", "AuthorizationEndpoint": "https://a", "TokenEndpoint": "https://t"}
    oidc = {**site, "UserInfoEndpoint": "https://u", "ClientId": "client", "ClientSecret": "secret"}
    actions = [
        {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": oidc},
        {"Type": "forward", "Order": 2, "TargetGroupArn": group_arn},
    ]
    where = [{"Field": "path-pattern", "Values": ["/private"]}]
    made = lab.elb.create_rule(ListenerArn=listener["ListenerArn"], Priority=1, Conditions=where, Actions=actions)
    described = lab.elb.describe_rules(RuleArns=[made["Rules"][0]["RuleArn"]])
    for answer in (made, described):
        told = next(each for each in answer["Rules"][0]["Actions"] if each["Type"] == "authenticate-oidc")
        assert (told["AuthenticateOidcConfig"]["ClientId"], "ClientSecret" in told["AuthenticateOidcConfig"]) == (
            "client", False,
        )  # fmt: skip


def test_access_logs_are_refused_where_aws_refuses_them(lab: Lab) -> None:
    """A bucket must encrypt by SSE-S3; the prefix has no AWSLogs in it; the region's older account may still write."""
    arn, _, _ = lab.balancer()
    s3, bucket = lab.aws.client("s3"), "older-alblog"

    def switch(prefix: str) -> None:
        attributes = {"enabled": "true", "bucket": bucket, "prefix": prefix}
        pairs = [{"Key": f"access_logs.s3.{name}", "Value": value} for name, value in attributes.items()]
        lab.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=pairs)

    def let_in(account: str) -> None:
        policy = json.loads(_log_delivery(bucket))
        policy["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{account}:root"}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))

    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    let_in("127311923021")  # us-east-1's
    with pytest.raises(ClientError, match=f"Access Denied for bucket: {bucket}"):
        switch("lb")
    let_in("582318560864")
    with pytest.raises(ClientError, match="cannot contain 'AWSLogs'"):
        switch("AWSLogs")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    with pytest.raises(ClientError, match=f"Access Denied for bucket: {bucket}"):
        switch("lb")
    s3.delete_bucket_encryption(Bucket=bucket)
    switch("lb")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [
        "lb/AWSLogs/123456789012/ELBAccessLogTestFile"
    ]


def test_access_logs_to_s3(lab: Lab) -> None:
    """Switched on: a test object at once; another bucket, or the end: what was logged is delivered, by node."""
    arn, _, port = lab.balancer()
    s3 = lab.aws.client("s3")

    def switch(state: str, bucket: str) -> None:
        attributes = {"enabled": state, "bucket": bucket, "prefix": "lb"}
        pairs = [{"Key": f"access_logs.s3.{name}", "Value": value} for name, value in attributes.items()]
        lab.elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=pairs)

    with pytest.raises(ClientError, match=r"Access Denied for bucket: nowhere\. Please check S3bucket permission"):
        switch("true", "nowhere")
    s3.create_bucket(Bucket="alblog", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    with pytest.raises(ClientError, match="Access Denied for bucket: alblog"):
        switch("true", "alblog")
    s3.put_bucket_policy(Bucket="alblog", Policy=_log_delivery("alblog"))
    switch("true", "alblog")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket="alblog")["Contents"]]
    assert keys == ["lb/AWSLogs/123456789012/ELBAccessLogTestFile"]
    for _ in range(4):
        with Client(port) as client:
            assert client.get("/logged")[0] == 503
    s3.create_bucket(Bucket="second", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    s3.put_bucket_policy(Bucket="second", Policy=_log_delivery("second"))
    lab.service.status()  # answered by the loop's thread once it is through with the requests
    switch("true", "second")
    objects = [each["Key"] for each in s3.list_objects_v2(Bucket="alblog")["Contents"] if each["Key"].endswith(".gz")]
    assert len(objects) == 2
    lines = b"".join(gzip.decompress(s3.get_object(Bucket="alblog", Key=key)["Body"].read()) for key in objects)
    assert lines.count(b'"GET http://demo.example:80/logged HTTP/1.1"') == 4
    with Client(port) as client:
        client.get("/second")
    lab.elb.delete_load_balancer(LoadBalancerArn=arn)
    assert len(s3.list_objects_v2(Bucket="second")["Contents"]) == 2
    assert list((lab.context.data_dir / "access-logs").glob("*")) == []


def test_security_groups_of_tasks_are_respected(lab: Lab) -> None:
    """A target whose group does not let the load balancer in times out; the repaired rule takes effect by itself."""
    _, group_arn, _ = lab.balancer()
    task_group = lab.ec2.create_security_group(GroupName="task", Description="task", VpcId=lab.vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": lab.group}]}
    with backend(proxy_protocol=False) as web:
        socket = Socket("127.0.0.1", web.port, False, frozenset({task_group}))
        lab.context.network.attach("10.0.11.101", 80, socket)
        lab.elb.register_targets(TargetGroupArn=group_arn, Targets=[{"Id": "10.0.11.101"}])
        lab.advance_until(lambda: lab.health(group_arn) == [("unhealthy", "Target.Timeout")])
        lab.ec2.authorize_security_group_ingress(GroupId=task_group, IpPermissions=[rule])
        lab.advance_until(lambda: len(web.checks()) > 0)


def test_clients_are_kept_out_without_an_ingress_rule(lab: Lab) -> None:
    """Port 80 closed in the load balancer's own group: a client hears nothing; it does once the rule is back."""
    closed = lab.ec2.create_security_group(GroupName="closed", Description="closed", VpcId=lab.vpc)["GroupId"]
    arn, _, port = lab.balancer()
    lab.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[closed])
    with Client(port) as client:
        client.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.get()
    lab.ec2.authorize_security_group_ingress(GroupId=closed, **OPEN)

    def answers() -> bool:
        with Client(port) as client:
            client.socket.settimeout(0.1)
            try:
                return client.get()[0] == 503
            except TimeoutError:
                return False

    lab.advance_until(answers)


def test_subnets_and_security_groups_change_the_nodes(lab: Lab) -> None:
    """A new subnet brings a node of its own; new groups are those of every interface."""
    arn, _, _ = lab.balancer()
    third = lab.ec2.create_subnet(VpcId=lab.vpc, CidrBlock="10.0.13.0/24", AvailabilityZone="ap-northeast-1d")
    subnets = [lab.subnets[0], third["Subnet"]["SubnetId"]]
    lab.elb.set_subnets(LoadBalancerArn=arn, Subnets=subnets)
    other = lab.ec2.create_security_group(GroupName="other", Description="other", VpcId=lab.vpc)["GroupId"]
    lab.elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[other])
    interfaces = lab.interfaces()
    assert {each["SubnetId"] for each in interfaces} == set(subnets)
    assert {group["GroupId"] for each in interfaces for group in each["Groups"]} == {other}


def test_a_group_of_instances_is_motos(lab: Lab) -> None:
    """Target groups that are not of type ip are not served here, but their API works."""
    made = lab.elb.create_target_group(Name="classic", Protocol="HTTP", Port=80, VpcId=lab.vpc, TargetType="instance")
    answer = lab.elb.describe_target_health(TargetGroupArn=made["TargetGroups"][0]["TargetGroupArn"])
    assert answer["TargetHealthDescriptions"] == []


def test_status_and_stop(lab: Lab, tmp_path: Path) -> None:
    """Figures name ports and nodes; a service that was never started can be stopped, twice."""
    arn, _, port = lab.balancer()
    figures = lab.service.status()["load_balancers"][arn.split(":loadbalancer/")[1]]
    assert figures["listeners"] == {"80": port}
    assert len(figures["nodes"]) == 2
    fresh = AlbService(ServiceContext(**{**vars(lab.context), "data_dir": tmp_path}))
    fresh.stop()
    fresh.stop()
    assert fresh.status() == {}
