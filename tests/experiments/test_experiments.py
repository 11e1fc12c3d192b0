"""The FAQ's experiments: each answers its question on a local AWS, and leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lab_helpers import drills, experiments
from lab_helpers.backends.local import LocalBackend
from lab_helpers.experiments import Experiment
from tests.drills import lab_kit

SIDE_BY_SIDE = 3


@dataclass(frozen=True)
class Seen:
    """What an experiment found; `more` is a second view, where it has one."""

    result: pd.DataFrame
    more: object
    left: list[str]


Done = dict[str, Future[Seen]]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """All experiments, being run side by side on one local AWS."""
    home = tmp_path_factory.mktemp("experiments")
    backend = LocalBackend(lab_kit.settings(home))
    backend.start()
    try:
        lab_kit.build(backend)
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            yield {kind.name: pool.submit(_run, kind, backend, home) for kind in experiments.CATALOGUE}
    finally:
        backend.stop()


def _run(kind: type[Experiment], backend: LocalBackend, home: Path) -> Seen:
    with kind(lab_kit.make_lab(backend, home, kind.name)) as experiment:
        experiment.run()
        seen = experiment.result(), _more(experiment)
    return Seen(*seen, drills.open_drills(experiment.lab))


def _more(experiment: Experiment) -> object:
    if isinstance(experiment, experiments.create_group):
        return dict(experiment.reason().to_numpy())
    return experiment.exit_codes() if isinstance(experiment, experiments.router_killed) else None


def _by_first(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return each row's other columns as a dict, by the value of the first."""
    names = [str(name) for name in frame.columns[1:]]
    rows = frame.itertuples(index=False, name=None)
    return {str(row[0]): dict(zip(names, row[1:], strict=True)) for row in rows}


@pytest.mark.parametrize("kind", experiments.CATALOGUE, ids=lambda kind: kind.name)
def test_an_experiment_answers_and_leaves_nothing(done: Done, kind: type[Experiment]) -> None:
    """There is a result to look at, a question to ask, and nothing written down afterwards."""
    seen = done[kind.name].result()
    assert len(seen.result)
    assert kind.question.endswith("?")
    assert seen.left == []


def test_awslogs_alone_delivers_every_line(done: Done) -> None:
    """E1: one container and plain lines, beside two containers and records."""
    told = _by_first(done[experiments.awslogs_or_firelens.name].result().result)
    assert told["lines in CloudWatch Logs"] == {"awslogs": "100", "firelens": "100"}
    assert told["containers in the task"] == {"awslogs": "1", "firelens": "2"}
    assert told["an event"]["awslogs"] == "line 100"
    assert told["an event"]["firelens"].startswith("JSON: container_id, container_name, ecs_cluster")


def test_a_killed_router_loses_what_it_held(done: Done) -> None:
    """E2: all with the s3 output, nothing with Firehose; both were killed."""
    seen = done[experiments.router_killed.name].result()
    told = _by_first(seen.result)
    assert told["lost"] == {"s3": 500, "firehose": 0}
    assert seen.more == {"s3": 137, "firehose": 137}


def test_the_execution_policy_makes_no_group(done: Done) -> None:
    """E3: without logs:CreateLogGroup the task does not start; with it the group is there."""
    seen = done[experiments.create_group.name].result()
    assert seen.result["stop code"].tolist() == ["TaskFailedToStart", "EssentialContainerExited"]
    assert seen.result["lines"].tolist() == [0, 100]
    assert isinstance(seen.more, dict)
    assert seen.more["may not"] == "logs:CreateLogGroup"


def test_the_go_plugin_sorts_keys_and_the_c_plugin_does_not(done: Done) -> None:
    """E4: one alphabetical order, and several of which each ends with the keys that the filter adds."""
    orders = done["faq_key_order"].result().result
    is_go = orders["plugin"].str.contains("Go")
    (go,) = orders[is_go]["order"].str.split(", ")
    assert go == sorted(go)
    assert len(orders[~is_go]) > 1
    assert orders[~is_go]["order"].str.endswith("ecs_cluster, ecs_task_arn, ecs_task_definition").all()


def test_firehose_makes_no_log_stream(done: Done) -> None:
    """E5: the error is told where the stream was prepared, and nowhere else."""
    told = _by_first(done["faq_firehose_errors"].result().result)
    assert (told["unprepared"]["exists"], told["prepared"]["exists"]) == (False, True)
    assert told["unprepared"]["error_events"] == 0
    assert told["prepared"]["error_code"] == "S3.AccessDenied"


def test_all_destinations_get_every_line(done: Done) -> None:
    """B2, B3: four by the C plugins, three by the Go plugins."""
    found = done[experiments.destinations.name].result().result
    assert found["c_lines"].tolist() == [100, 100, 100, 100]
    assert found["go_lines"].dropna().tolist() == [100, 100, 100]


def test_the_init_image_reads_its_configuration_with_the_task_role(done: Done) -> None:
    """Where the role may read the object, every line arrives; where not, none, and the router ends with 0."""
    told = _by_first(done[experiments.init_image.name].result().result)
    assert {take: row["lines"] for take, row in told.items()} == {"without": 0, "with": 100}
    assert told["without"]["exit code of log_router"] == "0"
