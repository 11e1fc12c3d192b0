"""All exercises, in the notebooks' order. The question itself stands in the notebook, above the answer's cell."""

from __future__ import annotations

from pathlib import Path
from types import FunctionType

from lab_helpers.base.errors import SettingsError
from lab_helpers.exercises import drill_judges
from lab_helpers.exercises.exercise import Desk, Exercise, Task
from lab_helpers.exercises.progress import Progress

CATALOGUE: tuple[Task, ...] = (
    Task(
        "drill_1",
        "one container of two",
        drill_judges.one_container,
        (
            "Write the tag of a line of `app` down, with a task id in it; then find what is the same in every task.",
            "The tag is <container>-firelens-<task id>. `*` stands for any characters.",
            "Match app-firelens-*",
        ),
    ),
    Task(
        "drill_2",
        "fields, and no probes",
        drill_judges.fields_without_probes,
        (
            "Two filters: one parses, one drops. Begin with the parser filter of part A.",
            "A line that is no JSON passes the parser as it is. Reserve_Data On keeps the other keys.",
            "After the parser `agent` is a key of its own: grep, Exclude agent ELB-HealthChecker.",
        ),
    ),
    Task(
        "drill_3",
        "count what is lost and what is double",
        drill_judges.lost_and_double,
        (
            "How many different numbers have arrived? A Series has .nunique().",
            "Lost is what was printed and is not among them; double is what has arrived beyond them.",
            "return printed - numbers.nunique(), len(numbers) - numbers.nunique()",
        ),
        FunctionType,
    ),
    Task(
        "drill_4",
        "the least policy of a task role",
        drill_judges.task_role_policy,
        (
            "Two statements: one for CloudWatch Logs, one for Firehose. Which actions did the drills miss?",
            "logs: CreateLogGroup, CreateLogStream, PutLogEvents, PutRetentionPolicy; firehose: PutRecordBatch.",
            "Resources: arn:aws:logs:*:*:log-group:/ecs/shop/* (streams are below their group) and "
            "arn:aws:firehose:*:*:deliverystream/shop-logs.",
        ),
        (dict, str),
    ),
    Task(
        "drill_5",
        "an input that outlives an outage",
        drill_judges.input_for_an_outage,
        (
            "A Mem_Buf_Limit would pause the input: the sender is cut off. What else can hold 60 MB?",
            "storage.type filesystem in the [INPUT]. It needs a folder: storage.path in [SERVICE].",
            "[SERVICE] with storage.path buffer and storage.max_chunks_up 2; [INPUT] with storage.type filesystem.",
        ),
    ),
    Task(
        "faq_1",
        "from Go to C",
        drill_judges.from_go_to_c,
        (
            "First the names: look at the table of destinations again.",
            "In Go a key is $(name), and default_log_group_name is for records without it. In C the template has an "
            "option of its own.",
            "log_group_template $container_name, and log_group_name /ecs/shop for records without the key.",
        ),
    ),
    Task(
        "faq_2",
        "the least policy of an execution role",
        drill_judges.execution_role_policy,
        (
            "What does ECS do with this role before the app starts? It fetches the image, and makes group and stream.",
            "ecr: GetAuthorizationToken (on *), BatchCheckLayerAvailability, GetDownloadUrlForLayer, BatchGetImage; "
            "logs: CreateLogGroup, CreateLogStream, PutLogEvents.",
            "Resources: arn:aws:ecr:*:*:repository/shop and arn:aws:logs:*:*:log-group:/ecs/shop:*",
        ),
        (dict, str),
    ),
)


def exercise_of(name: str, desk: Desk, home: Path, owner: str = "") -> Exercise:
    """Return an exercise in the hands of the trainee whose lab is `desk`; raises SettingsError."""
    for task in CATALOGUE:
        if task.name == name:
            return Exercise(task, desk, Progress(home, owner))
    raise SettingsError("exercise", name, f"one of {', '.join(task.name for task in CATALOGUE)}")
