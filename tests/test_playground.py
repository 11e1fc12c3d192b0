"""The playground: samples go through the lab's own router, and what comes out is known again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab_helpers import display
from lab_helpers.base.config import PROJECT, inherited
from lab_helpers.files import WorkingCopy
from lab_helpers.files.router_check import RouterCheck
from lab_helpers.firelens.classic import Section, sections, without_sections
from lab_helpers.playground import TAG, Played, play, samples_of

ROUTER = RouterCheck(
    [sys.executable, "-m", "lab_helpers.router"],
    {**inherited(), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "ap-northeast-1"},
)
CONF = """[FILTER]
    Name    grep
    Match   httpd*
    Exclude log missing
[FILTER]
    Name   record_modifier
    Match  *
    Record team blue
[OUTPUT]
    Name   cloudwatch_logs
    Match  httpd*
    region ap-northeast-1
    log_group_name a
    log_stream_prefix b
[OUTPUT]
    Name  kinesis_firehose
    Match app*
    region ap-northeast-1
    delivery_stream c
"""


@pytest.fixture(scope="module")
def found() -> Played:
    """Three samples under two tags: one is dropped, one goes to each output."""
    return play(CONF, [*samples_of(["GET /", "GET /missing"]), *samples_of([{"level": "warn"}], "app-1")], ROUTER)


def test_each_sample_is_known_again_where_it_arrives(found: Played) -> None:
    """By the time that it was given: filters change keys, not that."""
    record = {"source": "stdout", "log": "GET /", "container_name": "httpd", "team": "blue"}
    assert [(each.output, each.tag, each.record) for each in found.of(0)] == [("OUTPUT cloudwatch_logs", TAG, record)]
    assert found.of(1) == []
    assert [(each.output, each.record) for each in found.of(2)] == [
        ("OUTPUT kinesis_firehose", {"level": "warn", "team": "blue"})
    ]


def test_it_is_shown_with_what_matched_it(found: Played) -> None:
    """Before and after, in the text as in the HTML; nothing in it becomes a tag of the page."""
    shown = display.played(found)
    assert "FILTER grep (Match httpd*), FILTER record_modifier (Match *), OUTPUT cloudwatch_logs" in shown.text
    assert "nothing comes out" in shown.text
    assert "background" in shown.html
    evil = play("", samples_of(["<script>alert(1)</script>"]), ROUTER)
    assert "<script>" not in display.played(evil).html


def test_a_configuration_that_is_refused_says_so_in_the_routers_words() -> None:
    """With its time, as it is printed; an unknown option of an output counts too."""
    found = play(CONF.replace("delivery_stream", "delivery_steam"), samples_of(["x"]), ROUTER)
    assert found.refused
    assert "unknown configuration property 'delivery_steam'" in found.log
    assert found.log.startswith("[20")


def test_records_that_a_filter_holds_back_are_waited_for(tmp_path: Path) -> None:
    """A stack trace of three lines becomes one record; its parser is a file of the working copy."""
    copy = WorkingCopy(tmp_path / "work", PROJECT)
    copy.freshen()
    copy.write(
        "fluentbit/parsers.conf",
        "[MULTILINE_PARSER]\n    name trace\n    type regex\n    flush_timeout 500\n"
        '    rule "start_state" "/^Error/" "cont"\n    rule "cont" "/^  at /" "cont"\n',
    )
    conf = "[SERVICE]\n    Parsers_File /fluent-bit/etc/parsers.conf\n[FILTER]\n    Name multiline\n    Match *\n"
    conf += "    multiline.key_content log\n    multiline.parser trace\n"
    found = play(conf, samples_of(["Error: a", "  at b", "  at c"]), ROUTER, copy)
    assert [str(each.record["log"]).splitlines() for each in found.arrived] == [["Error: a", "  at b", "  at c"]]


def test_included_files_are_opened(tmp_path: Path) -> None:
    """AWS's parse-json.conf finds its parsers, a file of the working copy its own; an output in it sends nothing."""
    copy = WorkingCopy(tmp_path / "work", PROJECT)
    copy.freshen()
    copy.write("fluentbit/more.conf", "[OUTPUT]\n    Name http\n    Match *\n    Host logs.example.com\n")
    conf = "@INCLUDE /fluent-bit/configs/parse-json.conf\n@INCLUDE more.conf\n"
    found = play(conf, samples_of(["GET /", '{"log": "{\\"level\\": \\"warn\\"}"}']), ROUTER, copy)
    assert not found.refused, found.log
    assert [each.label for each in (*found.filters, *found.outputs)] == ["FILTER parser", "OUTPUT http"]
    assert [each.record for each in found.of(1)] == [{"level": "warn"}]
    assert "logs.example.com" not in found.log


def test_an_included_file_that_is_wrong_is_refused(tmp_path: Path) -> None:
    """Files that include each other, too: in the router's words."""
    copy = WorkingCopy(tmp_path / "work", PROJECT)
    copy.freshen()
    copy.write("fluentbit/more.conf", "@INCLUDE /fluent-bit/configs/parse-json.conf\n[FILTER]\n    Name nothing\n")
    found = play("@INCLUDE /fluent-bit/etc/more.conf\n", samples_of(["x"]), ROUTER, copy)
    assert found.refused
    assert "'nothing'" in found.log


def test_sections_are_read_and_left_out() -> None:
    """Keys in lower case, comments not among them; a kind can be taken out of the text."""
    service, *rest = sections("# a\n[SERVICE]\n    Flush 1\n    # b\n" + CONF)
    assert (service.kind, service.values, len(rest)) == ("SERVICE", {"flush": "1"}, 4)
    assert "OUTPUT" not in without_sections(CONF, "OUTPUT")
    assert "record_modifier" in without_sections(CONF, "OUTPUT")


@pytest.mark.parametrize(
    ("values", "tag", "takes"),
    [
        ({"match": "*"}, "a", True),
        ({"match": "app.*"}, "app.x", True),
        ({"match": "app.*"}, "appx", False),
        ({"match": "*-firelens-*"}, "httpd-firelens-1", True),
        ({"match_regex": "^a|b$"}, "xb", True),
        ({"match_regex": "("}, "x", False),
        ({}, "x", False),
    ],
)
def test_what_a_match_takes(values: dict[str, str], tag: str, takes: bool) -> None:
    """`*` stands for any characters; everything else for itself."""
    assert Section("FILTER", values).takes(tag) is takes
