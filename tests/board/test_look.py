"""One look at the pipeline: its figures, its refusals, its rates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lab_helpers.board.look import Look, of_answer, with_rates
from lab_helpers.terraform import LabOutputs

REGION = "ap-northeast-1"
AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
OUT = LabOutputs(
    **{
        **dict.fromkeys(LabOutputs.__dataclass_fields__, "x"),
        "delivery_stream_name": "lab",
        "httpd_log_group": "/ecs/lab/httpd",
        "service_name": "lab-httpd",
        "target_group_arn": "arn:aws:elasticloadbalancing:ap-northeast-1:1:targetgroup/lab/1",
        "task_role_arn": "role/task",
        "firehose_role_arn": "role/firehose",
    }
)


def _ledger(**changes: Any) -> dict[str, Any]:
    outputs = {"cloudwatch_logs.0": {"held": 3}, "kinesis_firehose.1": {"held": 5}}
    return {"router": "running", "losses": {}, "outputs": outputs, **changes}


def _row(number: int, call: str, who: str, outcome: str = "allowed", resource: str = "*") -> dict[str, Any]:
    return {
        "number": number, "at": f"2026-01-31T09:29:0{number}.000+00:00", "principal": who,
        "action": call, "resource": resource, "outcome": outcome,
        "message": "" if outcome == "allowed" else "User is not authorized", "who": who, "call": call,
    }  # fmt: skip


def answer(latest: list[dict[str, Any]] | None = None, task: dict[str, Any] | None = None) -> dict[str, Any]:
    """An answer of the local AWS, as `LocalAws.board` gives it."""
    totals = {"printed": 105, "handed": 104, "held_by_driver": 1, "dropped_by_driver": 2, "read": 104, "lost": 2}
    stream = {"received": 99, "held": 40, "delivered": 58, "expired": 1, "discarded": 0}
    return {
        "at": AT.isoformat(),
        "services": {
            "alb": {"target_groups": {"lab": {"requests": 100, "targets": {"healthy": 2}}}},
            "ecs": {
                "log_records": {
                    "totals": {name: 3 * count for name, count in totals.items()},
                    "tasks": {"one": task or _ledger(), "other": _ledger(losses={"a drill's": 9})},
                    "groups": {
                        "service:lab-httpd": {"totals": totals, "tasks": ["one"]},
                        "family:drill": {"totals": {}, "tasks": ["other"]},
                    },
                }
            },
            "logs": {"groups": {f"{REGION}//ecs/lab/httpd": 101}},
            "firehose": {"streams": {f"{REGION}/lab": stream}},
        },
        "latest": latest or [],
        "calls": [_row(1, "s3:PutObject", "role/firehose")],
    }


def _hops(look: Look) -> dict[str, tuple[int | None, int | None, int]]:
    return {hop.key: (hop.total, hop.held, hop.lost) for hop in look.hops}


def test_figures_of_a_look_are_those_of_one_answer() -> None:
    """Each hop has what came, what it holds and what is lost; the look has the server's own time.

    Of the tasks those of the lab's own service count: the lines of a drill's are in no other hop.
    """
    look = of_answer(answer(), OUT, REGION)
    assert look.at == AT
    assert _hops(look) == {
        "alb": (100, None, 0), "httpd": (105, 1, 2), "router": (104, 5, 0), "cloudwatch": (101, None, 0),
        "firehose": (99, 40, 1), "s3": (58, None, 0),
    }  # fmt: skip
    assert look.refused == ()


def test_lab_that_has_nothing_yet_is_noughts() -> None:
    """A server that was just started has no stream, group or task; the look says nought and raises nothing."""
    empty = {"at": AT.isoformat(), "services": {}, "latest": [], "calls": []}
    assert {hop.total for hop in of_answer(empty, OUT, REGION).hops} == {0}


@pytest.mark.parametrize(
    ("call", "who", "resource", "hop"),
    [
        ("s3:PutObject", "role/firehose", "arn:aws:s3:::logs/key", "s3"),
        ("firehose:PutRecordBatch", "role/task", "deliverystream/lab", "firehose"),
        ("logs:CreateLogStream", "role/task", "log-group:/ecs/lab/httpd:log-stream:a", "cloudwatch"),
        ("sts:AssumeRole", "firehose.amazonaws.com", "role/firehose", "s3"),
    ],
)
def test_refused_hop_has_iams_sentence_until_it_is_let_in(call: str, who: str, resource: str, hop: str) -> None:
    """The newest call decides: a refusal is shown with its time, and a later success ends it."""
    refused = _row(3, call, who, "AccessDenied", resource)
    look = of_answer(answer([refused]), OUT, REGION)
    assert [(each.key, each.refused, each.refused_at) for each in look.refused] == [
        (hop, "AccessDenied: User is not authorized", "09:29:03")
    ]
    assert of_answer(answer([_row(4, call, who, "allowed", resource)]), OUT, REGION).refused == ()


def test_calls_of_others_do_not_make_a_hop_red() -> None:
    """A drill's role, another group, and a stream that is there already are no refusal of the pipeline."""
    others = [
        _row(3, "s3:PutObject", "role/drill", "AccessDenied"),
        _row(4, "logs:PutLogEvents", "role/task", "AccessDeniedException", "log-group:/other"),
        _row(5, "logs:CreateLogStream", "role/task", "ResourceAlreadyExistsException", "/ecs/lab/httpd"),
    ]
    assert of_answer(answer(others), OUT, REGION).refused == ()


def test_router_that_loses_records_says_where() -> None:
    """The router's own account is its sentence, as long as its task runs."""
    losing = _ledger(losses={"cloudwatch_logs.0: given up by the router": 7})
    (router,) = of_answer(answer(task=losing), OUT, REGION).refused
    assert (router.key, router.refused) == ("router", "lost for good: 7 (cloudwatch_logs.0: given up by the router)")
    assert of_answer(answer(task={**losing, "router": "killed"}), OUT, REGION).refused == ()


def test_events_that_cloudwatch_logs_rejects_are_lost_there() -> None:
    """It takes the batch and leaves them out; the router counts them as sent, so that the hop says it."""
    told = answer()
    told["services"]["logs"]["rejected"] = {f"{REGION}//ecs/lab/httpd": {"older than 14 days": 4}, "other": {"x": 9}}
    look = of_answer(told, OUT, REGION)
    assert _hops(look)["cloudwatch"] == (101, None, 4)
    (hop,) = look.refused
    assert (hop.key, hop.refused) == ("cloudwatch", "rejected events: 4 (older than 14 days)")


def test_load_balancer_without_healthy_targets_is_red() -> None:
    """Nobody is there who could answer: the states say so."""
    told = answer()
    told["services"]["alb"]["target_groups"]["lab"]["targets"] = {"unhealthy": 2}
    (alb,) = of_answer(told, OUT, REGION).refused
    assert (alb.key, alb.refused) == ("alb", "no healthy target: 2 unhealthy")


def test_rate_is_that_of_the_last_seconds() -> None:
    """Counted over the looks of late; unknown at the first look, and where a total has become less."""
    look = of_answer(answer(), OUT, REGION)
    assert {hop.rate for hop in with_rates(look, []).hops} == {None}

    def earlier(seconds: float, alb: int, s3: int) -> Look:
        told = answer()
        told["at"] = (AT - timedelta(seconds=seconds)).isoformat()
        told["services"]["alb"]["target_groups"]["lab"]["requests"] = alb
        told["services"]["firehose"]["streams"][f"{REGION}/lab"]["delivered"] = s3
        return of_answer(told, OUT, REGION)

    rated = with_rates(look, [earlier(60, 0, 0), earlier(4, 60, 99), earlier(2, 80, 99)])
    rates = {hop.key: hop.rate for hop in rated.hops}
    assert (rates["alb"], rates["cloudwatch"], rates["s3"]) == (10.0, 0.0, None)
