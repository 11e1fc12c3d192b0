"""Whose line it is, what is led away, which Match fits nothing."""

from __future__ import annotations

from lab_helpers.firelens.generate import generate
from lab_helpers.firelens.options import ContainerLog
from lab_helpers.trying import configuration
from lab_helpers.trying.configuration import Given

EXTRA = "[FILTER]\n    Name grep\n    Match api-*\n    Exclude log x\n@INCLUDE more.conf\n"
MORE = "[OUTPUT]\n    Name splunk\n    Match *\n    Host splunk.example.com\n    Splunk_Token t\n"
FILES = Given({"extra.conf": EXTRA, "more.conf": MORE}, {"/fluent-bit/etc/own.conf": "extra.conf"})


def lines() -> list[configuration.Line]:
    log = ContainerLog("web", "cloudwatch_logs", output_options={"log_group_name": "${GROUP}"})
    return configuration.authored(generate([log], include_path="/fluent-bit/etc/own.conf"), [log], FILES)


def test_each_line_has_its_author() -> None:
    """The agent, log options, the user's file under its own name, and the file that it includes."""
    authors = {line.text.strip(): line.author for line in lines()}
    assert authors["Name forward"] == configuration.AGENT
    assert authors["Name grep"] == "your file extra.conf"
    assert authors["Name splunk"] == "your file more.conf"
    assert authors["Name cloudwatch_logs"] == "log options of web"


def test_a_match_that_fits_no_tag_is_named_with_its_author() -> None:
    """It takes nothing, and nobody says so."""
    (told,) = configuration.unmatched(configuration.with_authors(lines()), ["web-firelens-1"])
    assert told.startswith("FILTER grep (your file extra.conf): Match api-* fits no tag")


def test_a_tag_of_an_input_of_the_users_own_is_a_tag() -> None:
    """What reads a file, or takes records over HTTP."""
    own = (
        "[INPUT]\n  Name tail\n  Tag app.*\n[FILTER]\n  Name grep\n  Match app.*\n[FILTER]\n  Name lua\n  Match apps\n"
    )
    found = [configuration.Line(text, "your file a.conf") for text in own.splitlines()]
    (told,) = configuration.unmatched(configuration.with_authors(found), ["web-firelens-1"])
    assert told == "FILTER lua (your file a.conf): Match apps fits no tag; the tags are web-firelens-1, app.*"


def test_a_query_may_make_any_tag() -> None:
    """What stream tasks make has tags that stand in another file; and quoted words of a rule are one."""
    streams = "[SERVICE]\n  Streams_File /s.conf\n[OUTPUT]\n  Name stdout\n  Match access-log\n"
    found = [configuration.Line(text, "x") for text in streams.splitlines()]
    assert configuration.unmatched(configuration.with_authors(found), ["web-firelens-1"]) == []
    quoted = (
        '[FILTER]\n  Name rewrite_tag\n  Match web-*\n  Rule $log "\\"level\\": \\"ERROR\\"" errors true\n'
        "[OUTPUT]\n  Name stdout\n  Match errors\n"
    )
    found = [configuration.Line(text, "x") for text in quoted.splitlines()]
    assert configuration.unmatched(configuration.with_authors(found), ["web-firelens-1"]) == []


def test_each_rule_of_a_rewrite_tag_makes_a_tag() -> None:
    """Not only the last one."""
    own = (
        "[FILTER]\n  Name rewrite_tag\n  Match web-*\n  Rule $log ^a a.$TAG false\n  Rule $log ^b b.out false\n"
        "[FILTER]\n  Name rewrite_tag\n  Match web-*\n  Rule $log ^c c.out false\n  Rule $log ^d d.out false\n"
        "[OUTPUT]\n  Name stdout\n  Match c.*\n[OUTPUT]\n  Name stdout\n  Match e.*\n"
    )
    found = [configuration.Line(text, "x") for text in own.replace("a.$TAG", "a.out").splitlines()]
    (told,) = configuration.unmatched(configuration.with_authors(found), ["web-firelens-1"])
    assert told == ("OUTPUT stdout (x): Match e.* fits no tag; the tags are web-firelens-1, a.out, b.out, c.out, d.out")


def test_variables_of_an_option_are_resolved() -> None:
    """As the router does it."""
    found = configuration.outputs(configuration.with_authors(lines()), {"GROUP": "/shop"})
    assert [each.plugin for each in found] == ["splunk", "null", "cloudwatch_logs"]
    assert next(each for each in found if each.plugin == "cloudwatch_logs").values["log_group_name"] == "/shop"


def test_an_output_outside_aws_stays_as_it_is() -> None:
    """The router's stand-in reads its options."""
    assert configuration.led_here(MORE) == MORE.rstrip("\n")


def test_an_aws_output_keeps_no_address_of_its_own() -> None:
    """An endpoint of the team's own would lead off this machine."""
    led = configuration.led_here("[OUTPUT]\n  Name s3\n  Match *\n  endpoint https://s3.example.com")
    assert led == "[OUTPUT]\n  Name s3\n  Match *"


def test_a_role_of_another_account_is_played_in_this_one() -> None:
    """In a file, in YAML, in log options; what is no role's ARN stays."""
    theirs, ours = "arn:aws:iam::222222222222:role/a/b", "arn:aws:iam::123456789012:role/b"
    assert (
        configuration.led_here(f"[OUTPUT]\n  Name s3\n  Role_ARN {theirs}") == f"[OUTPUT]\n  Name s3\n  Role_ARN {ours}"
    )
    text = "pipeline:\n  outputs:\n    - name: s3\n      role_arn: {}\n"
    assert configuration.led_here_yaml(text.format(theirs)) == text.format(f'"{ours}"')
    assert configuration.without_addresses({"role_arn": theirs, "endpoint": "x"}) == {"role_arn": ours}
    assert configuration.role_here("${ROLE}") == "${ROLE}"


def test_an_include_of_a_file_that_was_not_given_is_named() -> None:
    """Files of AWS's image are known."""
    found = [configuration.Line(f"@INCLUDE {path}", "x") for path in ("/a/b.conf", "/fluent-bit/etc/own.conf")]
    assert configuration.missing(found, FILES) == ["/a/b.conf"]
