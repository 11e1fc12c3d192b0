"""A router of type fluentd: FireLens' configuration is shown, and that nothing ran is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_helpers.base.errors import FluentdNotRunError, TaskDefinitionError
from lab_helpers.cli.main import main
from lab_helpers.trying import trial

OPTIONS = {"@type": "cloudwatch_logs", "log_group_name": "my-log-group", "region": "us-east-1"}


def _definition(log_options: dict[str, str], **router: object) -> dict[str, object]:
    log = {"logDriver": "awsfirelens", "options": log_options, "secretOptions": [{"name": "key", "valueFrom": "arn"}]}
    configuration = {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::bucket/folder/extra.conf"}
    return {
        "family": "shop",
        "containerDefinitions": [
            {
                "name": "log_router",
                "image": "fluentd:v1.4-2",
                "firelensConfiguration": {"type": "fluentd", "options": configuration, **router},
            },
            {"name": "web", "image": "web:7", "logConfiguration": log},
        ],
    }


def test_the_generated_configuration_is_shown_with_its_authors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user's file in its place, a secret's option as the agent writes it; the sentence says what was not tried."""
    (tmp_path / "task.json").write_text(json.dumps(_definition(OPTIONS)))
    (tmp_path / "extra.conf").write_text("<filter web-firelens**>\n  @type parser\n</filter>\n")
    (tmp_path / "web.log").write_text("GET /\n")
    names = [str(tmp_path / name) for name in ("task.json", "extra.conf", "web.log")]
    assert main(["try", names[0], "--files", names[1], "--lines", f"web={names[2]}"]) == 1
    shown = capsys.readouterr()
    assert "the ECS agent        | @include /fluentd/etc/external.conf\n" in shown.out
    assert "your file extra.conf |   @type parser\n" in shown.out
    assert "log options of web   | <match web-firelens**>\n" in shown.out
    assert "log options of web   |     key \"#{ENV['key_1']}\"\n" in shown.out
    assert "log_router is of type fluentd, which AWS takes and this machine does not have" in shown.err


def test_what_the_agent_would_refuse_is_refused_in_its_words() -> None:
    """Options of Fluent Bit beside a router of type fluentd: the commonest mistake of those who change over."""
    with pytest.raises(TaskDefinitionError, match=r"missing output key @type which is required .* of type fluentd"):
        trial.attempt(_definition({"Name": "cloudwatch", "region": "us-east-1"}))


def test_in_a_test_the_configuration_is_the_errors() -> None:
    """Who runs `firelens.run` in CI can compare it."""
    with pytest.raises(FluentdNotRunError) as caught:
        trial.attempt(_definition(OPTIONS, options={"enable-ecs-log-metadata": "false"}))
    assert "ecs_cluster" not in caught.value.configuration
    assert "<match web-firelens**>" in caught.value.configuration
