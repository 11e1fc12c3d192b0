"""A team's set-up on a throw-away local AWS."""

from __future__ import annotations

import json
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from lab_helpers.base.errors import AwsCallError, TaskDefinitionError
from lab_helpers.cli import main
from lab_helpers.firelens import stock
from lab_helpers.trying import report
from lab_helpers.trying.configuration import Line
from lab_helpers.trying.pytest_plugin import Firelens
from lab_helpers.trying.seen import Trial
from tests.trying import kit

EXTRA = """
[FILTER]
    Name grep
    Match web-*
    Exclude log health
[OUTPUT]
    Name kinesis_firehose
    Match web-*
    region eu-west-1
    delivery_stream shop
[OUTPUT]
    Name datadog
    Match *
    Host http-intake.logs.example.com
    apikey secret
    dd_service shop
[OUTPUT]
    Name http
    Match *
    Host 127.0.0.1
    Port PORT
[OUTPUT]
    Name kinesis_streams
    Match web-*
    region eu-west-1
    stream shop-stream
[OUTPUT]
    Name cloudwatch_logs
    Match api-*
    region eu-west-1
    log_group_name /shop/api
    log_stream_prefix x-
"""
LISTING_ONLY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}}
LINES = ["hello", "health ok", '{"a": 1}']


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where trials put their folders: nothing is to be left in it."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_records_arrive_where_the_configuration_says(firelens: Firelens, tmp_path: Path, temporary: Path) -> None:
    """Firehose and what stands for datadog have what the filter lets pass; the rest is told, and nothing is left.

    Nobody connects to the address that the http output names.
    """
    definition = kit.definition({}, kit.including("/fluent-bit/etc/extra.conf"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (tmp_path / "extra.conf").write_text(EXTRA.replace("PORT", str(listener.getsockname()[1])))
        trial = firelens.run(definition, tmp_path / "extra.conf", LINES)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert [each.record["log"] for each in trial.firehose] == ["hello", '{"a": 1}']
    assert [each.record["log"] for each in trial.kinesis] == ["hello", '{"a": 1}']
    assert all(each.place.startswith("shop/") for each in trial.firehose)
    assert [each.record["log"] for each in trial.of("datadog")] == ["hello", '{"a": 1}']
    datadog, http = trial.outside
    address = "http://http-intake.logs.example.com:80/api/v2/logs"
    assert datadog.told == f"would have sent 2 records to datadog at {address}, in 1 request"
    assert datadog.author == "your file extra.conf"
    assert '"service":"shop"' in datadog.bodies[0]
    assert http.records == 2
    assert trial.calls["shop-task"]["firehose:PutRecordBatch"] >= 1
    assert trial.balance["removed"] == 1
    assert not trial.dropped
    assert "Match api-*" in trial.unmatched[0]
    assert "Exclude log health" in trial.generated_config
    with pytest.raises(AssertionError, match="--firelens-update"):
        firelens.check_config(trial, tmp_path / "kept" / "web.conf")
    Firelens(updates=True).check_config(trial, tmp_path / "kept" / "web.conf")
    firelens.check_config(trial, tmp_path / "kept" / "web.conf")
    with pytest.raises(AssertionError, match=r"-    Name http\n\+    Name https"):
        firelens.check_config(replace(trial, configuration=_changed(trial)), tmp_path / "kept" / "web.conf")
    told = report.text(trial)
    assert "1 record removed by filters" in told
    assert "would have sent 2 records to datadog" in told
    assert "interval is 0 s" in told
    assert not list(temporary.iterdir())


def _changed(trial: Trial) -> tuple[Line, ...]:
    """Return its configuration with another output."""
    return tuple(
        replace(line, text=line.text + "s") if line.text.strip() == "Name http" else line
        for line in trial.configuration
    )


def test_a_right_that_is_missing_is_told_with_its_role(
    tmp_path: Path, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line, as JSON: the refused call and the records that were lost with it."""
    (tmp_path / "task.json").write_text(json.dumps(kit.definition({**kit.TO_CLOUDWATCH, "retry_limit": "1"})))
    (tmp_path / "policy.json").write_text(json.dumps(LISTING_ONLY))
    (tmp_path / "lines").write_text("hello\n")
    argv = ["try", f"{tmp_path}/task.json", "--lines", f"web={tmp_path}/lines", "--json"]
    assert main.main([*argv, "--task-policy", f"{tmp_path}/policy.json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert "shop-task" in seen["refused"][0]["principal"]
    assert seen["refused"][0]["action"].startswith("logs:")
    assert sum(seen["dropped"].values()) == 1
    assert not [each for each in seen["arrived"] if each["kind"] == "cloudwatch"]
    assert not list(temporary.iterdir())


def test_what_the_router_prints_is_seen_where_no_role_is_named(firelens: Firelens) -> None:
    """Records of an output `stdout`, and the router's own words: its log is kept in any case."""
    given = kit.definition({"Name": "stdout", "Format": "json_lines"})
    given["taskDefinition"].pop("executionRoleArn")
    given["taskDefinition"]["containerDefinitions"][1]["image"] = "httpd"
    trial = firelens.run(given, (), LINES)
    assert [each.record["log"] for each in trial.of("stdout")] == LINES
    assert any("keep the router's log" in note for note in trial.notes)


def test_an_option_that_the_destination_does_not_know_ends_the_router(firelens: Firelens, temporary: Path) -> None:
    """In Fluent Bit's words, in the task's reason; a secret option is there."""
    definition = kit.definition({"Name": "datadog", "dd_tag": "a"})
    web = definition["taskDefinition"]["containerDefinitions"][1]
    web["logConfiguration"]["secretOptions"] = [{"name": "apikey", "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/k"}]
    trial = firelens.run(definition, (), LINES)
    assert "datadog: unknown configuration property 'dd_tag'" in trial.stopped
    assert trial.exit_codes["log_router"] == 255
    assert not trial.arrived
    assert not list(temporary.iterdir())


def test_ecs_refuses_in_its_own_words(firelens: Firelens, temporary: Path) -> None:
    """And nothing of the trial is left."""
    with pytest.raises(AwsCallError, match="No Fargate configuration exists"):
        firelens.run(kit.definition(kit.TO_CLOUDWATCH, memory="513"), (), LINES)
    assert not list(temporary.iterdir())


def test_an_image_whose_files_are_unknown_is_refused(firelens: Firelens) -> None:
    """It cannot be tried what nobody has seen."""
    with pytest.raises(TaskDefinitionError, match="is not known"):
        firelens.run(kit.definition({}, kit.including("/fluent-bit/etc/extra.conf")), (), LINES)


def test_a_byte_order_mark_is_refused(firelens: Firelens, tmp_path: Path) -> None:
    """Fluent Bit would read another word than the person who wrote it."""
    (tmp_path / "extra.conf").write_bytes(b"\xef\xbb\xbf[OUTPUT]\n")
    with pytest.raises(TaskDefinitionError, match="byte order mark"):
        firelens.run(kit.definition({}, kit.including("/etc/extra.conf")), tmp_path / "extra.conf", LINES)


def test_lines_for_no_container_are_refused(firelens: Firelens) -> None:
    """Before anything is started."""
    with pytest.raises(TaskDefinitionError, match="no app container"):
        firelens.run(kit.definition(kit.TO_CLOUDWATCH), (), {"wev": LINES})


PARSING = """
[SERVICE]
    Parsers_File /opt/parsers/times.conf
[FILTER]
    Name parser
    Match *
    Key_Name log
    Parser day
[OUTPUT]
    Name cloudwatch_logs
    Match *
    region eu-west-1
    log_group_name /shop/web
    log_stream_prefix web-
"""
TIMES = """
[PARSER]
    Name day
    Format regex
    Regex ^(?<time>[^ ]+) (?<word>.*)$
    Time_Key time
    Time_Format %Y-%m-%d
"""


def test_files_are_given_one_by_one_and_lie_where_they_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each `--files` counts; an event of two years ago, which CloudWatch Logs leaves out without an error, is told."""
    (tmp_path / "extra.conf").write_text(PARSING)
    (tmp_path / "times.conf").write_text(TIMES)
    (tmp_path / "lines").write_text("2024-01-02 old\nplain\n")
    definition = kit.definition({}, kit.including("/fluent-bit/etc/extra.conf"))
    (tmp_path / "task.json").write_text(json.dumps(definition))
    files = [f"--files={tmp_path}/{name}" for name in ("extra.conf", "times.conf")]
    assert main.main(["try", f"{tmp_path}/task.json", *files, f"--lines=web={tmp_path}/lines"]) == 0
    told = capsys.readouterr().out
    assert "times.conf lies at /opt/parsers/times.conf in the image" in told
    assert "1 lost: CloudWatch Logs, /shop/web: older than 14 days" in told
    assert "/shop/web web-web-firelens-" in told
    assert '"log": "plain"' in told


def test_one_line_is_followed_to_where_it_was_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The filter is named with its file, and so is the output that does not match."""
    (tmp_path / "extra.conf").write_text(EXTRA)
    definition = kit.definition({}, kit.including("/fluent-bit/etc/extra.conf"))
    (tmp_path / "task.json").write_text(json.dumps(definition))
    argv = ["try", f"{tmp_path}/task.json", "--files", f"{tmp_path}/extra.conf", "--explain", "health ok"]
    assert main.main(argv) == 0
    told = capsys.readouterr().out
    assert "FILTER record_modifier (the ECS agent): adds ecs_cluster, " in told
    assert "FILTER grep (your file extra.conf): drops it" in told
    assert told.endswith("dropped by a filter: FILTER grep (your file extra.conf)\n")
    assert "OUTPUT" not in told


def test_awss_own_file_is_shown_and_what_its_filter_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commonest configuration of all: lines that are JSON become keys, by a filter that stands in the image."""
    router = {**kit.including("/fluent-bit/configs/parse-json.conf"), "image": stock.BASE_IMAGE}
    (tmp_path / "task.json").write_text(json.dumps(kit.definition({}, router)))
    assert main.main(["try", f"{tmp_path}/task.json", "--explain", '{"level": "warn"}']) == 0
    told = capsys.readouterr().out
    (tmp_path / "lines").write_text("plain\n")
    assert """FILTER parser (AWS's image parse-json.conf): changes it: {"level": "warn"}""" in told
    assert main.main(["try", f"{tmp_path}/task.json", "--lines", f"web={tmp_path}/lines", "--json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert {"text": "    Parser json", "author": "AWS's image parse-json.conf"} in seen["configuration"]
    assert [step["filter"] for step in seen["steps"]] == [0, 1]


FILTERS = """[FILTER]
    Name grep
    Match web-*
    Exclude log nothing
[FILTER]
    Name rewrite_tag
    Match web-*
    Rule $log ^PAY paid.$TAG false
[FILTER]
    Name modify
    Match paid.*
    Rename log payment
[FILTER]
    Name grep
    Match *
    Exclude payment refused
[OUTPUT]
    Name cloudwatch_logs
    Match paid.*
    region ap-northeast-1
    log_group_name /paid
    log_stream_prefix from-
    auto_create_group true
"""


@pytest.mark.parametrize(
    ("line", "end"),
    [
        ("PAY 1", [
            "FILTER grep (your file extra.conf): takes it, and changes nothing",
            "FILTER rewrite_tag (your file extra.conf): takes it out of its way, and may put it in again",
            "put in again, tag: paid.web-firelens-TASK-ID",
            'FILTER modify (your file extra.conf): changes it: {"payment": "PAY 1"}',
            'changed: {"payment": "PAY 1"} (by FILTER modify (your file extra.conf))',
        ]),
        ("PAY refused", ['changes it: {"payment": "PAY refused"}', "grep (your file extra.conf): drops it",
                         "dropped by a filter: FILTER grep (your file extra.conf)"]),
        ("GET /", ["FILTER rewrite_tag (your file extra.conf): takes it, and changes nothing",
                   "FILTER modify (your file extra.conf): does not match its tag",
                   "OUTPUT cloudwatch_logs (your file extra.conf): does not match its tag",
                   "not matched: no output takes its tag"]),
    ],
)  # fmt: skip
def test_the_one_filter_that_did_it_is_named(
    line: str, end: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several filters that could, the one that changed, dropped or put in again the line says so."""
    (tmp_path / "extra.conf").write_text(FILTERS)
    definition = kit.definition({}, kit.including("/fluent-bit/etc/extra.conf"))
    (tmp_path / "task.json").write_text(json.dumps(definition))
    argv = ["try", f"{tmp_path}/task.json", "--files", f"{tmp_path}/extra.conf", "--explain", line]
    assert main.main(argv) == 0
    told = capsys.readouterr().out
    places = [told.find(each) for each in end]
    assert -1 not in places, told
    assert places == sorted(places), told


YAML = """service:
  flush: 1
includes:
  - filters.yaml
pipeline:
  inputs:
    - name: forward
      unix_path: /var/run/fluent.sock
  outputs:
    - name: cloudwatch_logs
      match: web-*
      region: eu-west-1
      log_group_name: /shop/web
      log_stream_prefix: web-
      endpoint: logs.example.com
"""
YAML_FILTERS = "pipeline:\n  filters:\n    - name: modify\n      match: '*'\n      add:\n        - stage test\n"


def test_a_router_that_is_started_on_yaml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command names it: the line is followed through its filters and outputs, with their files."""
    (tmp_path / "fluent-bit.yaml").write_text(YAML)
    (tmp_path / "filters.yaml").write_text(YAML_FILTERS)
    command = [stock.PROGRAM, "-c", "/fluent-bit/etc/fluent-bit.yaml"]
    definition = kit.definition(kit.TO_CLOUDWATCH, {"image": "shop/router:1", "command": command})
    (tmp_path / "task.json").write_text(json.dumps(definition))
    files = [f"{tmp_path}/fluent-bit.yaml", f"{tmp_path}/filters.yaml"]
    assert main.main(["try", f"{tmp_path}/task.json", "--files", *files, "--explain", "hello"]) == 0
    told = capsys.readouterr().out
    assert 'FILTER modify (your file filters.yaml): changes it: {"log": "hello", "stage": "test"}' in told
    assert "OUTPUT cloudwatch_logs (your file fluent-bit.yaml): takes it" in told
    assert "arrived in cloudwatch /shop/web web-web-firelens-" in told
    assert told.endswith('changed: {"log": "hello", "stage": "test"} (by FILTER modify (your file filters.yaml))\n')
