"""docs/local-aws.md, made from what the modules of the local AWS say that they do not model: `make docs`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "local-aws.md"
ROOMS = ("local_aws", "iam", "firelens")
SERVICES = {
    "alb": "Elastic Load Balancing",
    "athena": "Athena",
    "ecr": "ECR",
    "ecs": "ECS on Fargate",
    "firehose": "Firehose",
    "front": "Calls and answers",
    "identity": "Credentials and STS",
    "logs": "CloudWatch Logs",
    "cloudwatch": "CloudWatch metrics and alarms",
    "vpc": "VPC",
    "kit": "Shared ground",
    "iam": "IAM",
    "firelens": "FireLens",
    "": "The server and moto",
}
_SAID = re.compile(r"^Not modelled(?:, and refused)?: (.*?)(?=\n\n|\n[A-Z][\w ,]*:|\Z)", re.M | re.S)
HEAD = """# The local AWS: what it does not model

Made from the docstrings of the code by `make docs`; a test keeps it in step. Whatever an operation does not name here
is either modelled or answered by moto; what is *refused* says so in its answer.
"""


def page() -> str:
    """Return the page as the code has it now: a section a service, an entry a module."""
    sections: dict[str, list[str]] = {}
    for module, said in sorted(_found()):
        sections.setdefault(_service(module), []).append(f"- `{module}`: {said}")
    order = sorted(sections, key=lambda title: title.lower())
    return HEAD + "".join(f"\n## {title}\n\n" + "\n".join(sections[title]) + "\n" for title in order)


def _found() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for path in sorted((PROJECT / "lab_helpers" / room).rglob("*.py")):
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            for said in re.findall(
                r"^Not modelled(?:, and refused)?: (.*?)(?=\n\n|\n[A-Z][\w ,]*:|\Z)", text, re.M | re.S
            ):
                yield str(path.relative_to(PROJECT / "lab_helpers").with_suffix("")), " ".join(said.split())


def _service(module: str) -> str:
    first, _, rest = module.partition("/")
    key = first if first != "local_aws" else rest.partition("/")[0] if "/" in rest else ""
    return SERVICES.get(key, key)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
