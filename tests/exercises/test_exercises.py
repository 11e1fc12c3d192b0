"""Each exercise: the answer of its solution passes, wrong answers fail with a reason, no answer is not attempted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pandas as pd
import pytest

from lab_helpers import fluentbit
from lab_helpers.base.config import PROJECT
from lab_helpers.base.errors import SettingsError
from lab_helpers.exercises import CATALOGUE, Status, exercise_of
from lab_helpers.exercises.exercise import SOLUTIONS, Exercise
from lab_helpers.exercises.progress import Progress
from tests.exercises.insights import Insights

NAMES = [task.name for task in CATALOGUE]
PLAN = pd.DataFrame(
    [
        ("aws_iam_role", "aws_iam_role.ecs_task"),
        ("aws_iam_role", "aws_iam_role.ecs_task_exec"),
        ("aws_iam_role", "aws_iam_role.firehose"),
        ("aws_iam_role_policy", "aws_iam_role_policy.firehose"),
        ("aws_lb", "aws_lb.httpd"),
    ],
    columns=["type", "resource"],
)
SENT = pd.DataFrame(
    {"id": range(20), "status": [200] * 19 + [404], "sent_at": pd.date_range("2026-11-22 10:58:50Z", periods=20)}
)
DOCKERFILE = fluentbit.dockerfile()
EXTRA_CONF = fluentbit.extra_conf()


PARSE = """[SERVICE]
    Parsers_File /fluent-bit/etc/drill/parsers.conf
[FILTER]
    Name parser
    Match *
    Key_Name log
    Parser drill_json
    Reserve_Data On
"""
DROP = "[FILTER]\n    Name grep\n    Match *\n    Exclude agent ELB-HealthChecker\n"
OUTAGE = """[INPUT]
    Name tcp
    Tag app.events
    Port 5170
    Format none
[OUTPUT]
    Name cloudwatch_logs
    Match *
    region ap-northeast-1
    log_group_name /ecs/shop
    log_stream_prefix from-
    Retry_Limit no_limits
"""
ON_DISK = "[SERVICE]\n    storage.path buffer\n" + OUTAGE.replace(
    "Format none", "Format none\n    storage.type filesystem"
)
GO = """[OUTPUT]
    Name cloudwatch
    Match *
    region ap-northeast-1
    log_group_name $(container_name)
    default_log_group_name /ecs/shop
    log_stream_prefix from-
    auto_create_group true
[OUTPUT]
    Name firehose
    Match *
    region ap-northeast-1
    delivery_stream shop-logs
"""


def _in_c(text: str) -> str:
    """Return a configuration in which only the plugins' names are changed."""
    return text.replace("Name cloudwatch\n", "Name cloudwatch_logs\n").replace("Name firehose", "Name kinesis_firehose")


def _output(match: str) -> str:
    return f"[OUTPUT]\n    Name cloudwatch_logs\n    Match {match}\n    region ap-northeast-1\n"


def _policy(actions: str | list[str], resource: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": resource}}


def _filter(options: str, match: str = "*") -> str:
    return f"{EXTRA_CONF}\n[FILTER]\n    Name grep\n    Match {match}\n    {options}\n"


WRONG: list[tuple[str, Any, str]] = [
    ("drill_1", _output("*"), "job-firelens-"),
    ("drill_1", _output("app.*"), "is not taken"),
    ("drill_1", _output("app*"), "app2-firelens-"),
    ("drill_1", _output("app-firelens-0123456789abcdef0123456789abcdef"), "is not taken"),
    ("drill_1", "[FILTER]\n    Name grep\n", "there is none"),
    ("drill_2", PARSE, "probe"),
    ("drill_2", f"{PARSE}{DROP}".replace("Key_Name log", "Key_Name message"), "probe"),
    ("drill_2", f"{PARSE}{DROP}".replace("    Reserve_Data On\n", ""), "container_name"),
    ("drill_2", DROP.replace("agent", "log"), "`user` is no key"),
    ("drill_2", f"{PARSE}{DROP}".replace("Exclude agent ELB", "Regex agent curl|ELB"), "probe"),
    ("drill_2", f"{PARSE}{DROP}".replace("Exclude agent ELB-HealthChecker", "Regex agent curl"), "is no JSON"),
    ("drill_3", lambda printed, numbers: (printed - len(numbers), 0), "it should be"),
    ("drill_3", lambda printed, numbers: printed - numbers.nunique(), "two numbers"),
    ("drill_3", lambda printed, numbers: (numbers.lost, printed), "raises AttributeError"),
    ("drill_4", _policy("*", "*"), "more than is needed here"),
    ("drill_4", _policy("logs:*", "arn:aws:logs:*:*:log-group:/ecs/shop/*"), "PutRecordBatch"),
    ("drill_4", _policy("logs:PutLogEvents", "*"), "logs:CreateLogGroup on"),
    ("drill_5", OUTAGE, "would be killed"),
    ("drill_5", OUTAGE.replace("Format none", "Format none\n    Mem_Buf_Limit 5MB"), "closes its connection"),
    ("drill_5", ON_DISK.replace("    Retry_Limit no_limits\n", ""), "look at Retry_Limit"),
    ("drill_5", OUTAGE.replace("Name tcp", "Name tcpp"), "Name tcp"),
    ("drill_5", OUTAGE.replace("Format none", "Format none\n    no_such yes"), "does not start"),
    ("drill_5", OUTAGE.partition("[OUTPUT]")[0], "[OUTPUT]"),
    ("faq_1", GO, "in Go"),
    (
        "faq_1",
        _in_c(GO).replace("$(container_name)", "/ecs/shop").replace("    default_log_group_name /ecs/shop\n", ""),
        "go to",
    ),
    ("faq_1", _in_c(GO), "does not start"),
    ("faq_1", _output("*"), "Two outputs"),
    ("faq_2", _policy("*", "*"), "more than is needed here"),
    ("faq_2", _policy(["ecr:*", "logs:CreateLogStream", "logs:PutLogEvents"], "*"), "logs:CreateLogGroup on"),
]


@pytest.fixture
def desk() -> SimpleNamespace:
    """A lab in which twenty requests were sent, one of them for a page that is not there."""
    logs = Insights()
    notes = SimpleNamespace(frame=lambda *_: SENT)
    return SimpleNamespace(
        notes=notes, outputs=SimpleNamespace(httpd_log_group="/ecs/firelens/httpd"), client=lambda _: logs
    )


def _cells() -> dict[str, Any]:
    """What the notebook has by the time of the exercise."""
    return {"plan": PLAN, "fluentbit": fluentbit, "result": SimpleNamespace(requests=SENT), "pd": pd}


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_is_right(name: str, desk: SimpleNamespace, tmp_path: Path) -> None:
    """What `solution()` shows can be put in the cell, and passes."""
    exercise = exercise_of(name, desk, tmp_path)
    cell = _cells()
    exec(exercise.solution().text, cell)
    verdict = exercise.check(cell["answer"])
    assert verdict.status is Status.PASSED, verdict


@pytest.mark.parametrize(("name", "answer", "why"), WRONG)
def test_wrong_answers_fail_and_say_why(
    name: str, answer: Any, why: str, desk: SimpleNamespace, tmp_path: Path
) -> None:
    """A wrong answer is told what it lacks, without an exception."""
    verdict = exercise_of(name, desk, tmp_path).check(answer)
    assert verdict.status is Status.FAILED
    assert why in verdict.why


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_was_tried_wrong(name: str) -> None:
    """No exercise is without a wrong answer in the list above."""
    assert name in {wrong for wrong, _, _ in WRONG}


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_and_answers_of_another_kind(name: str, desk: SimpleNamespace, tmp_path: Path) -> None:
    """`...` is not attempted and not counted; what cannot be an answer is refused by its type."""
    exercise = exercise_of(name, desk, tmp_path)
    assert exercise.check(...).status is Status.NOT_ATTEMPTED
    assert Progress(tmp_path).of(name).attempts == 0
    assert "wanted is" in exercise.check(object()).why


@pytest.mark.parametrize("name", NAMES)
def test_hints_come_one_after_the_other(name: str, desk: SimpleNamespace, tmp_path: Path) -> None:
    """Each call gives the next hint, and the last one again; a new kernel goes on where the last one was."""
    count = len(CATALOGUE[NAMES.index(name)].hints)
    said = [exercise_of(name, desk, tmp_path).hint().text for _ in range(count + 1)]
    assert len(set(said)) == count >= 2
    assert said[-1] == said[-2]


def test_a_copy_without_solutions_says_so(desk: SimpleNamespace, tmp_path: Path) -> None:
    """A student's copy has no solutions: the call says whom to ask."""
    exercise = Exercise(CATALOGUE[0], desk, Progress(tmp_path), solutions=tmp_path / "none")
    assert "trainer" in exercise.solution().text


def test_unknown_exercise(desk: SimpleNamespace, tmp_path: Path) -> None:
    """An exercise that is not there is refused with those that are."""
    with pytest.raises(SettingsError, match="faq_2"):
        exercise_of("99_9", desk, tmp_path)


def test_every_exercise_is_in_its_notebook_and_has_a_solution() -> None:
    """Catalogue, notebooks (01 to 08, drills, FAQ) and solutions are in step; a notebook holds no answer."""
    sources = {}
    for pattern in ("0[1-8]_*.ipynb", "drills/*.ipynb", "faq/*.ipynb"):
        for path in (PROJECT / "notebooks").glob(pattern):
            place = _place(path)
            code = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
            sources[place] = code
    for name in NAMES:
        cells = [source for source in sources[_notebook_of(name)] if f'lab.exercise("{name}")' in source]
        assert len(cells) == 1, name
        assert "answer = ..." in cells[0]
    assert {_notebook_of(name) for name in NAMES} <= set(sources)
    assert sorted(path.stem for path in SOLUTIONS.glob("*.txt")) == sorted(NAMES)


def _place(path: Path) -> str:
    """Return "04" of 04_traffic, "drill_3" of drills/3_lost_or_double, "faq_1" of faq/1_plugins."""
    number = path.stem.partition("_")[0]
    return number if path.parent.name == "notebooks" else f"{path.parent.name.removesuffix('s')}_{number}"


def _notebook_of(name: str) -> str:
    return name[:2] if name[0].isdigit() else name
