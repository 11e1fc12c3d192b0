"""httpd.conf as the built-in server reads it: what it refuses, and what a request gets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lab_helpers.base.config import PROJECT
from lab_helpers.httpd import config, log_format
from lab_helpers.httpd.config import Asked, ConfigError
from lab_helpers.httpd.log_format import Served

SERVED = Served(
    "10.0.11.5", b'GET /a"b?x=1 HTTP/1.1', "GET", '/a"b', "x=1", "HTTP/1.1", 200, 45,
    datetime(2021, 11, 7, 9, 14, 2, tzinfo=UTC), 1500,
    headers={"user-agent": 'say "hi"', "x-forwarded-for": "203.0.113.9"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (log_format.COMMON, '10.0.11.5 - - [07/Nov/2021:09:14:02 +0000] "GET /a\\"b?x=1 HTTP/1.1" 200 45'),
        ('\\"%{Referer}i\\" \\"%{User-Agent}i\\" %D', '"-" "say \\"hi\\"" 1500'),
        ("%{X-Forwarded-For}i %m %U%q %H %s %B %T %{ms}T %%", '203.0.113.9 GET /a\\"b?x=1 HTTP/1.1 200 45 0 1 %'),
        ("%{none}e %{sec}t", "- 1636276442"),
    ],
)
def test_formats_are_written(text: str, line: str) -> None:
    """The usual directives, with Apache's escaping."""
    assert log_format.compile_format(text)(SERVED) == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\nLogFormatt x\n", "line 2 of .*\nInvalid command 'LogFormatt', perhaps misspelled"),
        ('LogFormat "%h %y" x', "Unrecognized LogFormat directive %y"),
        ("CustomLog /proc/self/fd/1", "CustomLog takes two or three arguments"),
        ("<Location />\n", "line 1 of .*\n<Location> was not closed."),
        ("</Location>", "</Location> without matching <Location> section"),
        ("<Location />\n</Directory>", "Expected </Location> but saw </Directory>"),
        ("SetEnvIf User-Agent ( x", r"Regex could not be compiled: \("),
        ("CustomLog /proc/self/fd/1 common nonsense", "error in condition clause"),
    ],
)
def test_refusals_are_apaches(text: str, words: str) -> None:
    """With the number of the line."""
    with pytest.raises(ConfigError, match=words):
        config.parse(text)


def test_the_projects_file_is_taken() -> None:
    """Its slow search and its failed payment, and nothing for any other page."""
    found = config.parse((PROJECT / "terraform/httpd/httpd.conf").read_text())
    slow, plain, failed = (
        Asked("GET", "/search/", "q=a&sort=price"), Asked("GET", "/search/", "q=a"),
        Asked("POST", "/checkout/thanks.html", "card=declined"),
    )  # fmt: skip
    assert [found.rate(each, found.env(each)) for each in (slow, plain)] == [10, 0]
    assert [found.status(each) for each in (slow, failed)] == [None, 500]
    assert len(found.lines(SERVED)) == 1


def test_a_condition_decides_what_is_logged() -> None:
    """env=!name leaves out, env=name takes alone; a log that goes elsewhere is none of ours."""
    text = (
        'SetEnvIf User-Agent "^ELB" healthcheck\nCustomLog /proc/self/fd/1 "%s" env=!healthcheck\n'
        'CustomLog /proc/self/fd/1 "check" env=healthcheck\nCustomLog logs/other "%h"\n'
    )
    found = config.parse(text)
    check = Asked("GET", "/", "", headers={"user-agent": "ELB-HealthChecker/2.0"})
    assert [log.wants(found.env(check)) for log in found.logs] == [False, True]
    assert [log.wants({}) for log in found.logs] == [True, False]
