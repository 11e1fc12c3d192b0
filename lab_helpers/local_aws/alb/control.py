"""Between the API and the data plane: nodes, access logs, and the reading of what there is after each change."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from lab_helpers.base.paths import inside
from lab_helpers.local_aws.alb.firewall import parse_security_groups
from lab_helpers.local_aws.alb.inventory import read_balancers, read_groups
from lab_helpers.local_aws.alb.log_delivery import PRINCIPAL as LOG_PRINCIPAL
from lab_helpers.local_aws.alb.log_delivery import AccessLog, seconds_to_delivery
from lab_helpers.local_aws.alb.model import LoadBalancer, Node, TargetKey
from lab_helpers.local_aws.alb.newcomers import check_groups, check_name, check_subnets
from lab_helpers.local_aws.alb.nodes import change_groups, change_subnets, delete_node, find_nodes
from lab_helpers.local_aws.alb.plane import DataPlane, Snapshot
from lab_helpers.local_aws.alb.timers import Timers
from lab_helpers.local_aws.kit.api import AwsError
from lab_helpers.local_aws.kit.service import ServiceContext

_LOG = logging.getLogger(__name__)
PRINCIPAL = "elasticloadbalancing.amazonaws.com"
_KEPT = "plane"
_SSE_S3 = {"SSEAlgorithm": "AES256"}
_LOG_FOLDER = "access-logs"
_FIREWALL_S = 3.0
"""How often security groups are read again: a change holds within this time."""


@dataclass(frozen=True)
class _Before:
    """What an earlier server wrote down."""

    ports: Mapping[tuple[str, int], int] = field(default_factory=dict)
    targets: Mapping[str, list[TargetKey]] = field(default_factory=dict)
    regions: frozenset[str] = frozenset()


class Control:
    """Owns the data plane and the thread of errands (calls to EC2 and S3 that nobody waits for)."""

    def __init__(self, context: ServiceContext, plane: DataPlane) -> None:
        self._context, self._plane = context, plane
        self._errands = Timers(context.clock, "alb-errands")
        self._changing = threading.RLock()  # one change at a time; never taken in the event loop
        self._nodes: dict[str, tuple[Node, ...]] = {}
        self._logs: dict[str, AccessLog] = {}
        self._retired: list[tuple[str, AccessLog]] = []
        self._found_nodes: dict[str, tuple[Node, ...]] = {}

    def start(self) -> None:
        """Start the data plane, with the load balancers and targets of an earlier server, and the errands."""
        before: _Before = self._context.kept.load(_KEPT) or _Before()
        self._plane.wish(before.ports)
        self._plane.start()
        self._errands.start()
        for region in sorted(before.regions):
            self._take_over(region, before)
        self._forget_left_logs()
        self._errands.call_later(_FIREWALL_S, self._read_firewall_again)
        self._errands.call_later(seconds_to_delivery(self._context.clock.now()), self._deliver_logs_again)

    def keep(self) -> None:
        """Write down what the API does not tell: loopback ports, registered targets, regions."""
        if self._context.kept.is_kept:
            ports, targets = self._plane.ports(), self._plane.targets()
            regions = {arn.split(":")[3] for arn in (*targets, *(arn for arn, _ in ports))}
            self._context.kept.save(_KEPT, _Before(ports, targets, frozenset(regions)))

    def _take_over(self, region: str, before: _Before) -> None:
        ec2 = self._context.clients.as_service("ec2", PRINCIPAL, region)
        self._found_nodes |= find_nodes(ec2)
        self.reconcile(region)
        for arn, keys in before.targets.items():
            if self._plane.group(arn) is not None and arn.split(":")[3] == region:
                self._plane.register(arn, keys)
        for nodes in self._found_nodes.values():  # of load balancers that are gone
            for node in nodes:
                delete_node(ec2, node)
        self._found_nodes.clear()

    def _forget_left_logs(self) -> None:
        """Remove the access logs of load balancers that are gone: nobody can tell where they belong."""
        used = {log.folder for log in self._logs.values()}
        for folder in (self._context.data_dir / _LOG_FOLDER).glob("*"):
            if folder not in used:
                shutil.rmtree(folder, ignore_errors=True)

    def stop(self) -> None:
        """End the errands and the data plane, deliver what is left of the access logs; safe before start and twice."""
        self._errands.stop()  # first: they ask the data plane
        self._plane.stop()
        self._retired += self._logs.items()
        self._logs.clear()
        self._end_retired_logs()

    def reconcile(self, region: str) -> None:
        """Read what there is in `region` and make the data plane equal to it."""
        with self._changing:
            elbv2 = self._context.clients.as_service("elbv2", PRINCIPAL, region)
            balancers = read_balancers(elbv2, region)
            for balancer in balancers:
                self._keep_nodes(balancer)
                self._keep_log(balancer)
            self._plane.apply(Snapshot(region, balancers, read_groups(elbv2), self._nodes, self._logs))
            self._forget_others(region, {balancer.arn for balancer in balancers})
            self._end_retired_logs()  # now that nothing is written to them any more
            self.read_firewall()
            self.keep()

    def test_log_bucket(self, arn: str, region: str, bucket: str, prefix: str) -> None:
        """Write the test object of access logs; raises AwsError as ModifyLoadBalancerAttributes does.

        A bucket whose default encryption is not SSE-S3 is refused: "the only option that is supported".
        """
        if "AWSLogs" in prefix:
            raise AwsError("InvalidConfigurationRequest", "The prefix of access logs cannot contain 'AWSLogs'")
        refusal = f"Access Denied for bucket: {bucket}. Please check S3bucket permission"
        if not self._is_encrypted_by_s3(region, bucket):
            raise AwsError("InvalidConfigurationRequest", refusal)
        try:
            self._make_log(arn, region, bucket, prefix).write_test_file(self._s3(arn))
        except ClientError as error:
            _LOG.info("Access logs to %s refused: %s", bucket, error)
            raise AwsError("InvalidConfigurationRequest", refusal) from error

    def _is_encrypted_by_s3(self, region: str, bucket: str) -> bool:
        s3 = self._context.clients.as_service("s3", PRINCIPAL, region)
        try:
            rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        except ClientError:
            return True  # there is no such bucket: the test object will tell
        return all(rule.get("ApplyServerSideEncryptionByDefault", _SSE_S3) == _SSE_S3 for rule in rules)

    def check_new(self, region: str, params: Mapping[str, Any]) -> list[str]:
        """Return the security groups of a load balancer to be created: the VPC's default one where none is given.

        Raises AwsError where AWS refuses a new application load balancer and moto does not.
        """
        elbv2 = self._context.clients.as_service("elbv2", PRINCIPAL, region)
        check_name(params["Name"], elbv2.describe_load_balancers()["LoadBalancers"])
        ec2 = self._context.clients.as_service("ec2", PRINCIPAL, region)
        return check_groups(ec2, params.get("SecurityGroups") or [], check_subnets(ec2, params))

    def set_groups(self, region: str, arn: str, groups: list[str]) -> None:
        """Change a load balancer's security groups, through the API."""
        elbv2 = self._context.clients.as_service("elbv2", PRINCIPAL, region)
        elbv2.set_security_groups(LoadBalancerArn=arn, SecurityGroups=groups)

    def read_firewall(self) -> None:
        """Read the security groups that matter."""
        for region, ids in self._plane.security_groups().items():
            if not ids:
                continue
            ec2 = self._context.clients.as_service("ec2", PRINCIPAL, region)
            answer = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": sorted(ids)}])
            self._plane.firewall.replace(region, parse_security_groups(answer["SecurityGroups"]))

    def _keep_nodes(self, balancer: LoadBalancer) -> None:
        ec2 = self._context.clients.as_service("ec2", PRINCIPAL, balancer.region)
        groups, present = balancer.security_groups, self._nodes.get(balancer.arn, ())
        present = present or self._found_nodes.pop(balancer.resource_id, ())
        nodes = change_subnets(ec2, present, balancer.subnets, groups, balancer.resource_id)
        before = self._plane.balancer(balancer.arn)
        if before is not None and before.security_groups != groups:
            for node in nodes:
                change_groups(ec2, node, groups)
        self._nodes[balancer.arn] = nodes

    def _keep_log(self, balancer: LoadBalancer) -> None:
        attributes, arn = balancer.attributes, balancer.arn
        place = (attributes["access_logs.s3.bucket"], attributes["access_logs.s3.prefix"])
        wanted = attributes["access_logs.s3.enabled"] == "true"
        present = self._logs.get(arn)
        if present is not None and (not wanted or present.place != place):
            self._retired.append((arn, self._logs.pop(arn)))
        if wanted and arn not in self._logs:
            self._logs[arn] = self._make_log(arn, balancer.region, *place)

    def _make_log(self, arn: str, region: str, bucket: str, prefix: str) -> AccessLog:
        resource_id = arn.split(":loadbalancer/")[1]
        name = resource_id.replace("/", ".")
        logs = inside(self._context.data_dir, _LOG_FOLDER)
        used = {log.folder for log in (*self._logs.values(), *(log for _, log in self._retired))}
        left = (each for each in logs.glob(f"{name}.*") if each not in used)
        folder = next(left, None) or inside(logs, f"{name}.{secrets.token_hex(4)}")
        return AccessLog(folder, self._context.clock, bucket, prefix, (self._context.account_id, region, resource_id))

    def _end_retired_logs(self) -> None:
        retired, self._retired = self._retired, []
        for arn, log in retired:
            log.deliver(self._s3(arn))
            log.discard()

    def _s3(self, arn: str) -> Any:
        return self._context.clients.as_service("s3", LOG_PRINCIPAL, arn.split(":")[3])

    def _forget_others(self, region: str, there: set[str]) -> None:
        for arn in [arn for arn in self._nodes if arn.split(":")[3] == region and arn not in there]:
            ec2 = self._context.clients.as_service("ec2", PRINCIPAL, region)
            for node in self._nodes.pop(arn):
                delete_node(ec2, node)
            if arn in self._logs:
                self._retired.append((arn, self._logs.pop(arn)))

    def _read_firewall_again(self) -> None:
        try:
            self.read_firewall()
        finally:
            self._errands.call_later(_FIREWALL_S, self._read_firewall_again)

    def _deliver_logs_again(self) -> None:
        try:
            with self._changing:
                for arn, log in self._logs.items():
                    log.deliver(self._s3(arn))
        finally:
            self._errands.call_later(seconds_to_delivery(self._context.clock.now()), self._deliver_logs_again)
