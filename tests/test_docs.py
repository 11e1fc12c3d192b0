"""Pages that are made from the code are the code's."""

from __future__ import annotations

from tests.support.not_modelled import PAGE, page


def test_what_is_not_modelled_is_written_down() -> None:
    """docs/local-aws.md is what `make docs` would write now."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_service_says_something() -> None:
    """The reader of docstrings finds the services that are known to have gaps."""
    assert all(
        f"## {title}\n" in page() for title in ("Athena", "CloudWatch Logs", "ECS on Fargate", "Firehose", "IAM")
    )
