"""What this service promises about its logs; each run is a task on a local AWS of its own, gone afterwards."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES = ["GET / 200", "GET /health 200", "GET /cart 500"]


@pytest.fixture(scope="module")
def seen(firelens):
    """One trial for all tests of this file."""
    policy = (ROOT / "task-policy.json").read_text()
    return firelens.run(ROOT / "task-definition.json", ROOT / "fluentbit" / "extra.conf", LINES, task_policy=policy)


def test_requests_arrive_and_health_checks_do_not(seen):
    """In order, in the service's own group."""
    assert [each.record["log"] for each in seen.cloudwatch] == ["GET / 200", "GET /cart 500"]
    assert {each.destination for each in seen.cloudwatch} == {"/shop/web"}


def test_the_roles_have_what_the_router_needs(seen):
    """No call was refused, and no line was lost for good."""
    assert not seen.refused
    assert not seen.dropped


def test_every_filter_and_output_matches_a_tag(seen):
    """A Match that fits nothing is a rule that nobody obeys."""
    assert not seen.unmatched


def test_the_generated_configuration_is_the_one_that_was_reviewed(firelens, seen):
    """A change of it is seen in the pull request: `pytest --firelens-update` writes the file anew."""
    firelens.check_config(seen, ROOT / "tests" / "generated.conf")
