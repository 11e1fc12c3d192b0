"""The judges of the exercises in the drills' and the FAQ's notebooks; each runs the answer. Empty means right."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.drills.scripts import PARSERS, PARSERS_PATH
from lab_helpers.exercises import outage_trial, policies, router_calls
from lab_helpers.exercises.exercise import Desk
from lab_helpers.exercises.router_trial import filtered, routed
from lab_helpers.firelens.classic import sections

APP_TAGS = ("app-firelens-0123456789abcdef0123456789abcdef", "app-firelens-fedcba9876543210fedcba9876543210")
OTHER_TAGS = ("job-firelens-0123456789abcdef0123456789abcdef", "app2-firelens-0123456789abcdef0123456789abcdef")
JSON_LINE = '{"level":"warn","user":"anna","agent":"curl/8"}'
PROBE_LINE = '{"level":"info","user":"","agent":"ELB-HealthChecker/2.0"}'
PLAIN_LINE = "worker 3 starts"
ROLE_LOGS = "arn:aws:logs:ap-northeast-1:123456789012:log-group"
STREAM = "arn:aws:firehose:ap-northeast-1:123456789012:deliverystream"
REPOSITORY = "arn:aws:ecr:ap-northeast-1:123456789012:repository"


def one_container(answer: str, _: Desk) -> str:
    """drill_1: an output that takes the lines of `app` in every task, and no others."""
    outputs = [section.name for section in sections(answer) if section.kind == "OUTPUT"]
    if outputs != ["cloudwatch_logs"]:
        text = "One [OUTPUT] with Name cloudwatch_logs is wanted; there is {names}."
        return say(text, names=", ".join(outputs) or say("none"))
    lines = [(tag, tag) for tag in (*APP_TAGS, *OTHER_TAGS)]
    taken = routed(answer, lines)
    if missing := [tag for tag in APP_TAGS if tag not in taken]:
        return say("A line with the tag {tag} is not taken.", tag=missing[0])
    if others := [tag for tag in OTHER_TAGS if tag in taken]:
        return say("A line with the tag {tag} is taken, too.", tag=others[0])
    return ""


def fields_without_probes(answer: str, _: Desk) -> str:
    """drill_2: filters that parse JSON lines, keep everything else, and drop probes."""
    found = filtered(answer, (JSON_LINE, PROBE_LINE, PLAIN_LINE), (PARSERS_PATH, PARSERS))
    if any("ELB-HealthChecker" in str(record) for record in found):
        return say("The probe of the load balancer still comes through.")
    if not any(record.get("user") == "anna" for record in found):
        return say("`user` is no key of the record that {line} has become, or the record is gone.", line=JSON_LINE)
    if not all(record.get("container_name") for record in found):
        return say("`container_name` is gone: the parsed fields have replaced the record.")
    if not any(record.get("log") == PLAIN_LINE for record in found):
        return say("The line that is no JSON ({line}) is gone.", line=PLAIN_LINE)
    return ""


def lost_and_double(answer: Callable[[int, pd.Series], Any], _: Desk) -> str:
    """drill_3: a function of lines printed and numbers arrived, that returns how many are lost and how many double."""
    cases: tuple[tuple[int, list[int], tuple[int, int]], ...] = (
        (5, [1, 2, 3, 5], (1, 0)),
        (3, [3, 1, 2, 2, 3, 3], (0, 3)),
        (4, [2, 2], (3, 1)),
        (2, [], (2, 0)),
    )
    for printed, numbers, wanted in cases:
        try:
            found = answer(printed, pd.Series(numbers, dtype="int64"))
        except Exception as exc:  # the trainee's own code
            error = f"{type(exc).__name__}: {exc}"
            text = "With {printed:,} lines printed and {numbers} arrived it raises {error}"
            return say(text, printed=printed, numbers=numbers, error=error)
        is_pair = isinstance(found, tuple) and len(found) == 2
        if not is_pair or not all(isinstance(each, Real) for each in found):
            return say("It returns {found}; wanted are two numbers: return lost, double", found=repr(found))
        if found != wanted:
            text = "With {printed:,} lines printed and {numbers} arrived it says {found}; it should be {wanted}."
            return say(text, printed=printed, numbers=numbers, found=found, wanted=wanted)
    return ""


def task_role_policy(answer: str | dict[str, Any], _: Desk) -> str:
    """drill_4: the least policy of a task role whose router makes its groups and sends to one delivery stream."""
    group, stream = f"{ROLE_LOGS}:/ecs/shop/web:log-stream:", f"{ROLE_LOGS}:/ecs/shop/web:log-stream:from-x"
    needed = [("logs:CreateLogGroup", group), ("logs:PutRetentionPolicy", group), ("logs:CreateLogStream", stream),
              ("logs:PutLogEvents", stream), ("firehose:PutRecordBatch", f"{STREAM}/shop-logs")]  # fmt: skip
    too_much = [("logs:PutLogEvents", f"{ROLE_LOGS}:/ecs/bank/web:log-stream:from-x"), ("logs:DeleteLogGroup", group),
                ("firehose:PutRecordBatch", f"{STREAM}/bank-logs"),
                ("firehose:DeleteDeliveryStream", f"{STREAM}/shop-logs")]  # fmt: skip
    return policies.least(answer, needed, too_much)


def input_for_an_outage(answer: str, _: Desk) -> str:
    """drill_5: a configuration whose input takes a flood while nothing can be sent, within a memory limit."""
    inputs = [section for section in sections(answer) if section.kind == "INPUT"]
    if [section.name for section in inputs] != ["tcp"] or inputs[0].values.get("format", "").lower() != "none":
        return say("One [INPUT] with Name tcp and Format none is wanted.")
    if not any(section.name == "cloudwatch_logs" for section in sections(answer) if section.kind == "OUTPUT"):
        return say("An [OUTPUT] with Name cloudwatch_logs is missing: where do the events go after the outage?")
    seen = outage_trial.flood(answer, outage_trial.FLOOD_MB)
    if seen.taken_mb < outage_trial.FLOOD_MB:
        text = "The input takes {taken} MB and then closes its connection: the sender is stuck with the rest."
        return say(text, taken=seen.taken_mb)
    if seen.peak_mib >= outage_trial.LIMIT_MIB:
        text = "It takes all, but the router has more than {limit} MiB: it would be killed."
        return say(text, limit=outage_trial.LIMIT_MIB)
    if seen.dropped:
        return say("It takes all, but gives chunks up during the outage (cannot be retried): look at Retry_Limit.")
    return ""


def from_go_to_c(answer: str, _: Desk) -> str:
    """faq_1: C outputs that send records to the groups and the stream that the Go outputs sent them to."""
    names = sorted(section.name for section in sections(answer) if section.kind == "OUTPUT")
    if old := sorted({"cloudwatch", "firehose", "kinesis"}.intersection(names)):
        return say("`{name}` is the old plugin, in Go.", name=old[0])
    if names != ["cloudwatch_logs", "kinesis_firehose"]:
        text = "Two outputs are wanted, cloudwatch_logs and kinesis_firehose; there is {names}."
        return say(text, names=", ".join(names) or say("none"))
    records = ({"log": "a", "container_name": "web"}, {"log": "b"})
    calls = router_calls.made(answer, records)
    groups = {body["logGroupName"] for action, body in calls if action == "PutLogEvents"}
    if groups != {"web", "/ecs/shop"}:
        text = "Two records, one from the container web and one without container_name, go to {groups}."
        return say(text, groups=", ".join(sorted(groups)) or say("none"))
    if {body["DeliveryStreamName"] for action, body in calls if action == "PutRecordBatch"} != {"shop-logs"}:
        return say("Nothing goes to the delivery stream shop-logs.")
    return ""


def execution_role_policy(answer: str | dict[str, Any], _: Desk) -> str:
    """faq_2: the least policy of an execution role for one image and one group that the driver makes."""
    group, stream = f"{ROLE_LOGS}:/ecs/shop:log-stream:", f"{ROLE_LOGS}:/ecs/shop:log-stream:web/app/x"
    pull = ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")
    needed = [
        ("ecr:GetAuthorizationToken", "*"),
        *((f"ecr:{action}", f"{REPOSITORY}/shop") for action in pull),
        ("logs:CreateLogGroup", group),
        ("logs:CreateLogStream", stream),
        ("logs:PutLogEvents", stream),
    ]
    too_much = [
        ("ecr:BatchGetImage", f"{REPOSITORY}/bank"),
        ("ecr:PutImage", f"{REPOSITORY}/shop"),
        ("logs:PutLogEvents", f"{ROLE_LOGS}:/ecs/bank:log-stream:web/app/x"),
        ("logs:DeleteLogGroup", group),
    ]
    return policies.least(answer, needed, too_much)
