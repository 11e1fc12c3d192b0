"""What keeping costs: the part of a call's time that goes into making its change outlive the server.

Goals: at most 5 % of a call's time (seen by boto3); `lab up` on a kept state in 5 s; memory flat while log lines come.
Run: `python -m benchmarks.state` (`--calls` per operation, `--held` of what grows when it is measured again, `--lines`
for the memory).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from lab_helpers.local_aws.server import LocalAws
from lab_helpers.local_aws.state.moto_state import MotoState
from lab_helpers.local_aws.state.rooms import Room
from lab_helpers.local_aws.trail.kept_calls import KeptCalls

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'

ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'

OF_WHAT_GROWS = ("iam:CreateRole", "ec2:CreateNetworkInterface", "ecs:RegisterTaskDefinition")

ALARM = {
    "MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0, "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


class Meter:
    """Adds up the time that keeping takes."""

    def __init__(self) -> None:
        self.kept_s = 0.0
        self.feed_s = 0.0
        self.later_s = 0.0

    @contextmanager
    def fitted(self) -> Iterator[None]:
        """Measure what is kept of moto and of our own services."""
        settle, save, feed, later = MotoState.settle, Room.save, KeptCalls.keep, MotoState.keep_later
        MotoState.settle, Room.save = self._timed(settle), self._timed(save)  # type: ignore[method-assign]
        KeptCalls.keep = self._beside(feed, "feed_s")  # type: ignore[method-assign]
        MotoState.keep_later = self._beside(later, "later_s")  # type: ignore[method-assign]
        try:
            yield
        finally:
            MotoState.settle, Room.save = settle, save  # type: ignore[method-assign]
            KeptCalls.keep, MotoState.keep_later = feed, later  # type: ignore[method-assign]

    def _beside(self, keep: Callable[[Any], None], name: str) -> Callable[[Any], None]:
        def timed(kept: Any) -> None:
            begin = time.thread_time()  # beside the calls, so what counts is the time that it takes from them
            keep(kept)
            setattr(self, name, getattr(self, name) + time.thread_time() - begin)

        return timed

    def _timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            begin = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                self.kept_s += time.perf_counter() - begin

        return timed


def operations(aws: LocalAws) -> dict[str, Callable[[int], Any]]:
    """Return calls that change something, by name; each takes a number that is another one each time."""
    iam, ec2, logs, s3, ecs = (aws.client(name) for name in ("iam", "ec2", "logs", "s3", "ecs"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/18")["Subnet"]["SubnetId"]
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    s3.create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    container = {"name": "a", "image": "httpd", "memory": 64}

    def put_events(_: int) -> Any:
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": "x" * 200}] * 50
        return logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=events)

    return {
        "iam:CreateRole": lambda n: iam.create_role(RoleName=f"r{n}", AssumeRolePolicyDocument=TRUST),
        "iam:PutRolePolicy": lambda n: iam.put_role_policy(RoleName="r0", PolicyName=f"p{n % 5}", PolicyDocument=ALLOW),
        "ec2:CreateNetworkInterface": lambda _: ec2.create_network_interface(SubnetId=subnet),
        "ecs:RegisterTaskDefinition": lambda n: ecs.register_task_definition(
            family=f"f{n % 3}", containerDefinitions=[container]
        ),
        "logs:PutLogEvents (50)": put_events,
        "s3:PutObject (20 kB)": lambda n: s3.put_object(Bucket="bucket", Key=f"{n}", Body=b"x" * 20_000),
    }  # fmt: skip


def of_other_services(aws: LocalAws) -> dict[str, Callable[[int], Any]]:
    """Return calls of services that a set-up of FireLens has beside the article's, as `operations` does."""
    s3, secrets, ssm, alarms = (aws.client(name) for name in ("s3", "secretsmanager", "ssm", "cloudwatch"))
    logs, glue, sns, sqs = (aws.client(name) for name in ("logs", "glue", "sns", "sqs"))
    scaling, rules, kinesis = (aws.client(name) for name in ("application-autoscaling", "events", "kinesis"))
    where = {"LocationConstraint": "ap-northeast-1"}
    s3.create_bucket(Bucket="tagged", CreateBucketConfiguration=where)
    s3.create_bucket(Bucket="bench-0", CreateBucketConfiguration=where)
    logs.create_log_group(logGroupName="/streams")
    glue.create_database(DatabaseInput={"Name": "d"})
    policy = ALLOW.replace('"Allow",', '"Allow","Principal":"*",').replace(
        '"Resource":"*"', '"Resource":"arn:aws:s3:::bench-0/%d"'
    )
    return {
        "s3:CreateBucket": lambda n: s3.create_bucket(Bucket=f"bench-{n + 1}", CreateBucketConfiguration=where),
        "s3:PutBucketPolicy": lambda n: s3.put_bucket_policy(Bucket="bench-0", Policy=policy % n),
        "s3:PutObject (tagged)": lambda n: s3.put_object(Bucket="tagged", Key=f"{n}", Body=b"x", Tagging=f"n={n}"),
        "secretsmanager:CreateSecret": lambda n: secrets.create_secret(Name=f"s{n}", SecretString="x"),
        "ssm:PutParameter": lambda n: ssm.put_parameter(Name=f"/p{n}", Value="x", Type="String"),
        "cloudwatch:PutMetricAlarm": lambda n: alarms.put_metric_alarm(AlarmName=f"a{n}", **ALARM),
        "logs:CreateLogGroup": lambda n: logs.create_log_group(logGroupName=f"/g{n}"),
        "logs:CreateLogStream": lambda n: logs.create_log_stream(logGroupName="/streams", logStreamName=f"s{n}"),
        "logs:PutRetentionPolicy": lambda n: logs.put_retention_policy(logGroupName=f"/g{n}", retentionInDays=7),
        "glue:CreateTable": lambda n: glue.create_table(DatabaseName="d", TableInput={"Name": f"t{n}"}),
        "sns:CreateTopic": lambda n: sns.create_topic(Name=f"t{n}"),
        "sqs:CreateQueue": lambda n: sqs.create_queue(QueueName=f"q{n}"),
        "events:PutRule": lambda n: rules.put_rule(Name=f"r{n}", ScheduleExpression="rate(5 minutes)"),
        "kinesis:CreateStream": lambda n: kinesis.create_stream(StreamName=f"k{n}", ShardCount=1),
        "application-autoscaling:RegisterScalableTarget": lambda n: scaling.register_scalable_target(
            ServiceNamespace="dynamodb", ResourceId=f"table/t{n}", ScalableDimension="dynamodb:table:ReadCapacityUnits",
            MinCapacity=1, MaxCapacity=4,
        ),
    }  # fmt: skip


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--held", type=int, default=500)
    parser.add_argument("--lines", type=int, default=200_000)
    args = parser.parse_args()
    folder, meter = Path(tempfile.mkdtemp()), Meter()
    with meter.fitted():
        with LocalAws(folder, factories=[], keeps_state=True) as aws:
            took_s = 0.0
            known = operations(aws)
            for name, call in known.items():
                call(0)
                took_s += _print_share(name, meter, call, range(1, args.calls + 1))
            calls = len(aws.events())
        _print_beside("feed of calls", meter.feed_s, took_s, calls)  # at its end the last of them are kept, too
        _print_beside("backends written later", meter.later_s, took_s, calls)
    with meter.fitted(), LocalAws(Path(tempfile.mkdtemp()), factories=[], keeps_state=True) as aws:
        _print_held(meter, aws, args.held, args.calls)
    with LocalAws(folder, factories=[], keeps_state=True) as aws:
        _print_memory(aws, args.lines)
    begin = time.perf_counter()
    with LocalAws(folder, factories=[], keeps_state=True) as aws:
        print(f"started again on this state in {time.perf_counter() - begin:.2f} s (imports done)")


def _print_held(meter: Meter, aws: LocalAws, held: int, calls: int) -> None:
    known = {name: call for name, call in operations(aws).items() if name in OF_WHAT_GROWS}
    known |= of_other_services(aws)
    for number in range(held):
        for call in known.values():
            call(number)
    meter.later_s = took_s = 0.0
    for name, call in known.items():
        took_s += _print_share(f"{name}, {held} held", meter, call, range(held, held + calls))
    _print_beside("backends written later", meter.later_s, took_s, calls * len(known))


def _print_share(name: str, meter: Meter, call: Callable[[int], Any], numbers: range) -> float:
    shares, times = [], []
    for number in numbers:
        meter.kept_s, begin = 0.0, time.perf_counter()
        call(number)
        took_s = time.perf_counter() - begin
        times.append(took_s)
        shares.append(meter.kept_s / took_s)
    print(f"{name:<60} {1000 * statistics.median(times):7.2f} ms a call, {100 * statistics.median(shares):5.1f} % kept")
    return sum(times)


def _print_beside(name: str, cpu_s: float, took_s: float, calls: int) -> None:
    print(f"{name}: {1e6 * cpu_s / calls:.0f} µs of CPU a call beside it, {100 * cpu_s / took_s:.1f} % of its time")


def _print_memory(aws: LocalAws, lines: int) -> None:
    logs, process = aws.client("logs"), psutil.Process()
    before = process.memory_info().rss
    for _ in range(lines // 1000):
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": f"{number} " + "x" * 150} for number in range(1000)]
        logs.put_log_events(logGroupName="/g", logStreamName="s", logEvents=events)
    grown = process.memory_info().rss - before
    print(f"{lines:,} log lines: memory grew by {grown / 2**20:.1f} MiB, {grown / lines:.0f} bytes a line")


if __name__ == "__main__":
    main()
