"""The parser filter, and the parsers it runs."""

from __future__ import annotations

from typing import Any

import pytest

from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.service import Section
from lab_helpers.router.parsing.parser import NoMatchError, Parsed, ParserError, build_parser
from lab_helpers.router.plugin import PluginInitError, PluginKind
from lab_helpers.router.records.batch import Batch
from lab_helpers.router.records.record import Record
from tests.router.plugins.bench import Bench, pairs_of

APACHE = (
    '^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \\[(?<time>[^\\]]*)\\] "(?<method>\\S+) (?<path>[^ ]*)?.*" (?<code>\\d*)$'
)
PARSERS = f"""[PARSER]
    Name apache
    Format regex
    Regex {APACHE}
    Time_Key time
    Time_Format %d/%b/%Y:%H:%M:%S %z
    Types code:integer

[PARSER]
    Name json
    Format json
    Time_Key ts
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z
"""
LINE = '1.2.3.4 - bob [07/Nov/2021:18:14:02 +0900] "GET /x HTTP/1.1" 200'
PARSED = {"host": "1.2.3.4", "user": "bob", "method": "GET", "path": "/x", "code": 200}


def parse(bench: Bench, text: str, settings: str) -> Parsed:
    section = Section("parser", pairs_of("Name p\n" + settings))
    return build_parser(section, ComponentLog(bench.service.sink)).parse(text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", PARSED),
        ("Reserve_Data on", {**PARSED, "source": "stdout", "z": 1}),
        ("Preserve_Key on", {**PARSED, "log": LINE}),
        ("Reserve_Data on\nPreserve_Key on", {**PARSED, "source": "stdout", "log": LINE, "z": 1}),
    ],
)
def test_what_is_kept(bench: Bench, options: str, expected: dict[str, Any]) -> None:
    """Parsed keys come first; Reserve_Data and Preserve_Key say what follows them."""
    bench.add_parsers(PARSERS)
    parser = bench.build(PluginKind.FILTER, "parser", f"Key_Name log\nParser apache\n{options}")
    batch = Batch(records=[Record(5, {"source": "stdout", "log": LINE, "z": 1})])
    parser.filter_batch("t", batch)
    (record,) = batch.records()
    assert list(record.body.items()) == list(expected.items())
    assert record.time_ns == 1_636_276_442_000_000_000


def test_first_parser_that_fits_and_none(bench: Bench) -> None:
    """Parsers are tried in order; a record that none fits, or without a string, stays as it is."""
    bench.add_parsers(PARSERS)
    bodies = [{"log": '{"a":1}'}, {"log": "neither"}, {"log": 5}, {"other": "x"}]
    assert bench.filtered("Name parser\nKey_Name log\nParser apache\nParser json", *bodies) == [{"a": 1}, *bodies[1:]]


def test_record_accessor_key(bench: Bench) -> None:
    """A key given as $key['sub'] is parsed where it is, and Reserve_Data keeps all of the record."""
    bench.add_parsers(PARSERS)
    body = {"k": {"log": '{"a":1}'}, "z": 1}
    lines = "Name parser\nKey_Name $k['log']\nParser json\n"
    assert bench.filtered(lines, body) == [{"a": 1}]
    assert bench.filtered(lines + "Reserve_Data on", body) == [{"a": 1, **body}]


def test_missing_parsers(bench: Bench) -> None:
    """An unknown parser is an error; only when none is left the filter refuses to start."""
    bench.add_parsers(PARSERS)
    assert bench.filtered("Name parser\nKey_Name log\nParser nosuch\nParser json", {"log": '{"a":1}'}) == [{"a": 1}]
    assert bench.log == ["[error] [filter:parser:parser.0] requested parser 'nosuch' not found"]
    with pytest.raises(PluginInitError, match="Invalid 'parser'"):
        bench.filtered("Name parser\nKey_Name log\nParser nosuch")
    with pytest.raises(PluginInitError, match="missing 'key_name'"):
        bench.filtered("Name parser\nParser json")


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('{"a":1} junk', {"a": 1}),
        ('{"e":1e3,"big":12345678901234567890}', {"e": 1000.0, "big": 12345678901234567890}),
        ('{"dup":1,"b":2,"dup":3}', {"b": 2, "dup": 3}),
        ('{"long":123456789012345678901234567890}', {"long": 1.2345678901234568e29}),
        ('{"u":"\\ud83d\\ude00 \\ud83d"}', {"u": "\U0001f600 \ufffd"}),
        ("{}", {}),
    ],
)
def test_json(bench: Bench, text: str, body: dict[str, Any]) -> None:
    """JSON as the real one reads it."""
    parsed = parse(bench, text, "Format json")
    assert list(parsed.body.items()) == list(body.items())
    assert parsed.time_ns is None


@pytest.mark.parametrize("text", ["", "no", "[1]", '{"a":1}{"b":2}', '{"a":NaN}', '{"a":1e999}', '{"a"', "[" * 5000])
def test_json_refuses(bench: Bench, text: str) -> None:
    """Two documents, an array, or no JSON do not fit."""
    with pytest.raises(NoMatchError):
        parse(bench, text, "Format json")


def test_json_time(bench: Bench) -> None:
    """The time key goes when its value is a time; a bad one stays, with an error and a warning."""
    settings = "Format json\nTime_Key ts\nTime_Format %Y-%m-%dT%H:%M:%S.%L%z"
    good = parse(bench, '{"ts":"2021-11-07T09:14:02.123+0900","m":"x"}', settings)
    assert good == Parsed({"m": "x"}, 1_636_244_042_123_000_000)
    assert parse(bench, '{"ts":"bad","m":"y"}', settings) == Parsed({"ts": "bad", "m": "y"}, None)
    assert bench.log == [
        "[error] [parser] cannot parse 'bad'",
        "[ warn] [parser:p] invalid time format %Y-%m-%dT%H:%M:%S.%L%z for 'bad'",
    ]
    kept = parse(bench, '{"ts":"2021-11-07T09:14:02.5Z"}', settings + "\nTime_Keep on")
    assert kept == Parsed({"ts": "2021-11-07T09:14:02.5Z"}, 1_636_276_442_500_000_000)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ('level=info msg="hello world" n=5 flag', {"level": "info", "msg": "hello world", "n": "5", "flag": True}),
        (r'a="say \"hi\"\n" b=""', {"a": 'say "hi"\n', "b": ""}),
        ("a= b=2", {"a": True, "b": "2"}),
        ("a=1\nb=2", {"a": "1"}),
        ('a="open', {"a": "open"}),
    ],
)
def test_logfmt(bench: Bench, text: str, body: dict[str, Any]) -> None:
    """A key without a value is true, quotes keep spaces, the first line counts."""
    assert parse(bench, text, "Format logfmt").body == body


def test_logfmt_settings(bench: Bench) -> None:
    """Types make numbers; bare keys can be refused; a bad time refuses the line."""
    assert parse(bench, "n=5x h=0x1f f=2.5 b=TRUE c", "Format logfmt\nTypes n:integer h:hex f:float b:bool").body == {
        "n": 5, "h": 31, "f": 2.5, "b": True, "c": "",
    }  # fmt: skip
    with pytest.raises(ValueError, match="without a value"):
        parse(bench, "a=1 flag", "Format logfmt\nLogfmt_No_Bare_Keys on")
    with pytest.raises(ValueError, match="soon"):
        parse(bench, "time=soon a=1", "Format logfmt\nTime_Format %Y")


def test_ltsv(bench: Bench) -> None:
    """Labels and fields between tabs; an empty field is an empty string."""
    parsed = parse(bench, "host:127.0.0.1\tcode:200\tempty:\ttime:1636276442", "Format ltsv\nTime_Format %s")
    assert parsed == Parsed({"host": "127.0.0.1", "code": "200", "empty": ""}, 1_636_276_442_000_000_000)


def test_regex_details(bench: Bench) -> None:
    """Empty groups are left out unless told otherwise; a bad bool stays text; a bad time drops its key."""
    pattern = "Format regex\nRegex ^(?<a>x*)(?<b>\\w+)$\nTypes b:bool"
    assert parse(bench, "yes", pattern).body == {"b": "yes"}
    assert "[ warn] [PARSER] key=b cast error. save as string." in bench.log
    assert parse(bench, "true", pattern + "\nSkip_Empty_Values off").body == {"a": "", "b": True}
    timed = "Format regex\nRegex (?<time>\\w+) (?<b>\\w+)\nTime_Format %Y"
    assert parse(bench, "soon b", timed) == Parsed({"b": "b"}, None)
    with pytest.raises(ValueError, match="p"):
        parse(bench, "abc", "Format regex\nRegex (b)")  # no named group: nothing to take


@pytest.mark.parametrize(
    ("rules", "value", "body"),
    [
        ("Decode_Field_As json log", '{"a":1}', {"log": {"a": 1}}),
        ("Decode_Field json log", '{"a":1}', {"log": '{"a":1}', "a": 1}),
        ("Decode_Field_As escaped log", "a\\tb", {"log": "a\tb"}),
        ("Decode_Field_As escaped_utf8 log do_next\nDecode_Field_As json log", '{\\"a\\":1}', {"log": {"a": 1}}),
        ("Decode_Field_As json log try_next\nDecode_Field_As escaped log", "a\\nb", {"log": "a\nb"}),
        ("Decode_Field_As json log\nDecode_Field_As escaped log", "a\\nb", {"log": "a\\nb"}),
        ("Decode_Field_As mysql_quoted log", "'it\\'s'", {"log": "it's"}),
    ],
)
def test_decoders(bench: Bench, rules: str, value: str, body: dict[str, Any]) -> None:
    """Decode_Field_As replaces the value, Decode_Field appends the keys; actions chain the rules."""
    assert parse(bench, value, f"Format regex\nRegex ^(?<log>.*)$\n{rules}").body == body


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("", "no parser 'format' found for 'p'"),
        ("Format xml", r"\[parser:p\] Invalid format xml"),
        ("Format regex", "no parser 'regex' found for 'p'"),
        ("Format regex\nRegex (a", r"\[parser:p\] Invalid regex pattern \(a"),
        ("Format json\nTime_Zone Asia/Tokyo", "time_zone requires time_format"),
        ("Format json\nTime_Format %Y\nTime_Zone No/Where", "invalid or unavailable time_zone 'No/Where'"),
    ],
)
def test_sections_refused(bench: Bench, settings: str, message: str) -> None:
    """What the real one refuses while it reads a parsers file is refused with its words."""
    with pytest.raises(ParserError, match=message):
        build_parser(Section("parser", pairs_of("Name p\n" + settings)), ComponentLog(bench.service.sink))
