"""Each drill: its symptom, what the right place to look shows, the proof after the fix, and nothing left.

The drills run side by side, each with notes of its own; what they showed is kept, and each test reads its part.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab_helpers import drills
from lab_helpers.backends.local import LocalBackend
from lab_helpers.drills import Drill
from tests.drills.lab_kit import BUCKET, CLUSTER, REPOSITORY, make_lab

SIDE_BY_SIDE = 4
SLOWEST_FIRST = (
    "duplicates",
    "input_paused",
    "router_out_of_memory",
    "last_lines",
    "driver_buffer_full",
    "firehose_throttled",
)


@dataclass(frozen=True)
class Seen:
    """What a drill showed."""

    symptom: pd.DataFrame
    evidence: pd.DataFrame
    proof: pd.DataFrame
    left: list[str]


Played = dict[str, Future[Seen]]


@pytest.fixture(scope="module")
def played(backend: LocalBackend, home: Path) -> Iterator[Played]:
    """All drills, being played; the longest began first."""
    order = sorted(drills.CATALOGUE, key=lambda kind: kind.name not in SLOWEST_FIRST)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield {kind.name: pool.submit(_play, kind, backend, home) for kind in order}


def _play(kind: type[Drill], backend: LocalBackend, home: Path) -> Seen:
    drill = kind(make_lab(backend, home, kind.name))
    try:
        drill.inject()
        symptom, evidence = drill.symptom(), drill.evidence()
        drill.mend()
        proof = drill.proof()
        assert (drill.is_mended(symptom), drill.is_mended(proof)) == (False, True)
    except BaseException as error:
        error.add_note(_what_the_local_aws_says(backend, drill))
        raise
    finally:
        drill.undo()
    return Seen(symptom, evidence, proof, drills.open_drills(drill.lab) + _traces(backend, drill))


def _what_the_local_aws_says(backend: LocalBackend, drill: Drill) -> str:
    """Return why the drill's tasks stopped, and the end of the server's log: an empty table tells nothing."""
    ecs = backend.client("ecs")
    arns = ecs.list_tasks(cluster=CLUSTER, family=drill.stage.family, desiredStatus="STOPPED")["taskArns"]
    tasks = ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
    log = backend.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-60:]
    return "\n".join([*(f"stopped: {task.get('stoppedReason')}" for task in tasks), *log])


def _traces(backend: LocalBackend, drill: Drill) -> list[str]:
    """Return what is still to be found in AWS of a drill's own things."""
    family, slug = drill.stage.family, drill.stage.slug
    ecs, found = backend.client("ecs"), []
    found += [f"task {arn}" for arn in ecs.list_tasks(cluster=CLUSTER, family=family)["taskArns"]]
    found += ecs.list_task_definitions(familyPrefix=family)["taskDefinitionArns"]
    found += [arn for arn in ecs.list_services(cluster=CLUSTER)["serviceArns"] if arn.endswith(f"/{family}")]
    roles = backend.client("iam").list_roles()["Roles"]
    found += [role["RoleName"] for role in roles if role["RoleName"].startswith(family)]
    groups = backend.client("logs").describe_log_groups()["logGroups"]
    found += [group["logGroupName"] for group in groups if f"/drills/{slug}/" in group["logGroupName"]]
    images = backend.client("ecr").list_images(repositoryName=REPOSITORY)["imageIds"]
    found += [str(image) for image in images if image.get("imageTag") == f"drill-{slug}"]
    found += [
        name for name in backend.client("firehose").list_delivery_streams()["DeliveryStreamNames"] if slug in name
    ]
    listing = backend.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"drills/{slug}/")
    return found + [each["Key"] for each in listing.get("Contents", [])]


def _column(frame: pd.DataFrame, value: str) -> dict[str, Any]:
    """Return a frame's column as a dict by its first column."""
    return dict(zip(frame.iloc[:, 0], frame[value], strict=True))


@pytest.mark.parametrize("name", [kind.name for kind in drills.CATALOGUE])
def test_a_drill_shows_something_at_each_step_and_leaves_nothing(played: Played, name: str) -> None:
    """Symptom, evidence and proof are never empty, the proof differs from the symptom, and undo removes everything."""
    seen = played[name].result()
    assert all(len(frame) for frame in (seen.symptom, seen.evidence, seen.proof))
    assert not seen.proof.equals(seen.symptom)
    assert seen.left == []


def test_a_match_that_matches_nothing(played: Played) -> None:
    """No line arrives, and the router has no error; with the right pattern all arrive."""
    seen = played["match_nothing"].result()
    assert _column(seen.symptom, "lines") == {"printed by the app": 100, "CloudWatch Logs": 0}
    assert _column(seen.evidence, "value")["errors in the router's own log"] == 0
    assert seen.proof["lines"].tolist() == [100, 100]


def test_an_unknown_option_stops_the_task(played: Played) -> None:
    """The task stops with the router's exit code, and the router's log names the option."""
    seen = played["unknown_option"].result()
    ended = _column(seen.symptom, "value")
    assert (ended["task"], ended["exit code of log_router"]) == ("STOPPED", 255)
    assert seen.evidence["message"].str.contains("unknown configuration property 'log_retention'").any()
    assert _column(seen.proof, "value")["lines in CloudWatch Logs"] == 100


def test_a_router_that_is_not_essential_dies_alone(played: Played) -> None:
    """The task and the app run on without the router; essential and mended, the lines arrive."""
    seen = played["router_not_essential"].result()
    state = _column(seen.symptom, "state")
    assert (state["task"], state["app"], state["log_router"]) == ("RUNNING", "RUNNING", "STOPPED")
    assert state["lines in CloudWatch Logs"] == 0
    assert _column(seen.proof, "state")["lines in CloudWatch Logs"] == 100


def test_a_pushed_image_reaches_no_running_task(played: Played) -> None:
    """Digests and records differ until a new deployment."""
    seen = played["stale_image"].result()
    assert seen.symptom["edition"].tolist() == ["2", "1"]
    assert seen.evidence["digest"].nunique() == 2
    assert seen.proof["edition"].tolist() == ["2", "2"]


def test_json_stays_a_string_without_a_parser(played: Played) -> None:
    """The app's fields are keys only after the parser, beside those that FireLens added."""
    seen = played["escaped_json"].result()
    before, after = set(seen.symptom["key"]), set(seen.proof["key"])
    assert "log" in before
    assert {"level", "user", "took_ms"} <= after - before
    assert {"container_name", "ecs_cluster"} <= after


def test_a_parser_that_looks_at_the_wrong_key(played: Played) -> None:
    """The line is parsed when Key_Name is the key that the line is under."""
    seen = played["unparsed_lines"].result()
    assert seen.symptom["key"].tolist() == ["log"]
    assert _column(seen.proof, "value") == {
        "client": "10.0.11.7",
        "method": "GET",
        "path": "/",
        "size": 45,
        "status": 200,
    }


def test_a_long_line_is_split_and_joined(played: Played) -> None:
    """Two records, neither of them JSON; one that is, with the multiline filter."""
    seen = played["split_lines"].result()
    assert seen.symptom["characters"].iloc[0] == 16_384
    assert not seen.symptom["is_json"].any()
    assert "partial_id" in set(seen.evidence["key"])
    assert seen.proof["is_json"].tolist() == [True]


def test_health_checks_are_excluded_and_nothing_else(played: Played) -> None:
    """The filter takes all probes and no visitor."""
    seen = played["health_checks"].result()
    assert seen.symptom["lines"].tolist() == [90, 10]
    assert seen.proof["lines"].tolist() == [0, 10]


def test_the_last_line_is_lost_when_the_app_is_killed(played: Played) -> None:
    """With two seconds the app ends with 137 and a line less."""
    seen = played["last_lines"].result()
    assert seen.symptom["line"].tolist() == ["ready", "saving"]
    assert _column(seen.evidence, "exit_code")["app"] == 137
    assert seen.proof["line"].tolist() == ["ready", "saving", "saved"]


def test_a_full_driver_buffer_drops_without_a_word(played: Played) -> None:
    """Lines of the burst are missing, and the router has no error; none are with the default limit."""
    seen = played["driver_buffer_full"].result()
    assert _column(seen.symptom, "lines")["lost"] > 0
    assert _column(seen.evidence, "value")["errors in the router's own log"] == 0
    assert _column(seen.proof, "lines")["lost"] == 0


def test_firehose_throttles_a_burst(played: Played) -> None:
    """Lines are lost and the router says why; compressed, the same burst is within the quota."""
    seen = played["firehose_throttled"].result()
    assert _column(seen.symptom, "lines")["lost"] > 0
    assert seen.evidence["seen"].all()
    assert _column(seen.proof, "lines")["lost"] == 0


def test_a_retried_chunk_arrives_twice(played: Played) -> None:
    """Nothing is lost, something is double, and de-duplicated by number every line is there once."""
    seen = played["duplicates"].result()
    counts = _column(seen.symptom, "lines")
    assert (counts["lost"], counts["duplicates"] > 0) == (0, True)
    after = _column(seen.proof, "lines")
    assert (after["arrived"], after["duplicates"], after["lost"]) == (after["printed"], 0, 0)


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("group_denied", "logs:CreateLogGroup"),
        ("retention_not_set", "logs:PutRetentionPolicy"),
        ("firehose_denied", "firehose:PutRecordBatch"),
        ("pull_denied", "ecr:GetAuthorizationToken"),
    ],
)
def test_a_denial_names_role_and_action(played: Played, name: str, action: str) -> None:
    """The evidence tells whose policy lacks what."""
    told = _column(played[name].result().evidence, "value")
    assert told["may not"] == action
    assert told["because"] == f"no identity-based policy allows the {action} action"


def test_the_group_is_made_when_the_role_may(played: Played) -> None:
    """Without CreateLogGroup no line arrives, with it all do."""
    seen = played["group_denied"].result()
    assert (seen.symptom["lines"].tolist(), seen.proof["lines"].tolist()) == ([100, 0], [100, 100])


def test_retention_is_set_when_the_role_may(played: Played) -> None:
    """Without PutRetentionPolicy the group never expires."""
    seen = played["retention_not_set"].result()
    assert (seen.symptom["days"].tolist(), seen.proof["days"].tolist()) == (["90", "never expire"], ["90", "90"])


def test_one_denied_output_does_not_hinder_the_other(played: Played) -> None:
    """CloudWatch has all lines while Firehose is denied."""
    seen = played["firehose_denied"].result()
    assert (seen.symptom["lines"].tolist(), seen.proof["lines"].tolist()) == ([100, 100, 0], [100, 100, 100])


def test_an_image_that_cannot_be_pulled_leaves_only_a_reason(played: Played) -> None:
    """No container has run, and the reason says what failed."""
    ended = _column(played["pull_denied"].result().symptom, "value")
    assert (ended["exit code of app"], ended["exit code of log_router"]) == ("none", "none")
    assert ended["stopped reason"].startswith("ResourceInitializationError: unable to pull secrets or registry auth")


def test_a_router_without_a_limit_is_killed_for_its_memory(played: Played) -> None:
    """137 at the router and the task ends; with the buffer on the disk it lives, and every event arrives."""
    seen = played["router_out_of_memory"].result()
    ended, told = _column(seen.symptom, "value"), _column(seen.evidence, "value")
    assert (ended["task"], ended["exit code of log_router"]) == ("STOPPED", 137)
    assert ended["in CloudWatch Logs"] == 0
    assert told["reason of log_router"] == "OutOfMemoryError: Container killed due to memory usage"
    assert told["overlimit warnings in its log"] == 0
    after = _column(seen.proof, "value")
    assert (after["exit code of log_router"], after["in CloudWatch Logs"]) == (0, after["events sent by the app"])


def test_a_paused_input_loses_what_was_on_the_way(played: Played) -> None:
    """No chunk is given up, and still there are gaps; with a larger reservation every line arrives once."""
    seen = played["input_paused"].result()
    counts, told = _column(seen.symptom, "lines"), _column(seen.evidence, "count")
    assert 0 < counts["lost"] < 0.2 * counts["printed"]
    assert told["paused (mem buf overlimit)"] >= 1
    assert told["chunks given up"] == 0
    assert told["gaps between the numbers"] >= 1
    after = _column(seen.proof, "lines")
    assert (after["arrived"], after["duplicates"], after["lost"]) == (after["printed"], 0, 0)
