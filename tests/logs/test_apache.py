from __future__ import annotations

import pytest

from lab_helpers.logs.apache import BROKEN_REQUEST, NOT_ACCESS_LOG, AccessLine, parse_line, parse_time_us

SECOND_US = 1_636_276_442_000_000
"""07/Nov/2021:09:14:02 +0000"""
PREFIX = "10.0.12.144 - - [07/Nov/2021:09:14:02 +0000]"


def test_common_format() -> None:
    """The article's line, field by field."""
    assert parse_line(f'{PREFIX} "GET / HTTP/1.1" 200 45') == AccessLine(
        "10.0.12.144", None, None, SECOND_US, "GET", "/", None, "HTTP/1.1", 200, 45
    )


def test_combined_format_with_escaped_quotes() -> None:
    """Referer and user agent are read, and httpd's escapes undone."""
    line = parse_line(rf'{PREFIX} "GET /a?b=c?d HTTP/1.1" 304 - "http://x/\"y\"" "M\xc3\xb6zilla \\ \"5\""')
    assert (line.path, line.query, line.size) == ("/a", "b=c?d", None)
    assert (line.referer, line.user_agent) == ('http://x/"y"', 'Mözilla \\ "5"')


@pytest.mark.parametrize("host", ["::1", "2001:db8::ff00:42:8329", "host.example"])
def test_hosts(host: str) -> None:
    """IPv6 addresses and names are hosts like any other."""
    assert parse_line(f'{host} - - [07/Nov/2021:09:14:02 +0000] "GET / HTTP/1.1" 200 45').remote_host == host


def test_a_user_may_hold_spaces() -> None:
    """httpd prints the user of Basic authentication as sent, spaces included."""
    assert parse_line(f'{PREFIX.replace("- - ", "- jo doe ")} "GET / HTTP/1.1" 200 45').user == "jo doe"


@pytest.mark.parametrize("request_text", ["-", "", r"\x16\x03\x01", "GET", "GET /a b HTTP/1.1", "GET / HTTP/1.1 x"])
def test_a_broken_request_keeps_the_rest(request_text: str) -> None:
    """A request line that is none is marked; host, time and status stay."""
    line = parse_line(f'{PREFIX} "{request_text}" 400 226')
    assert (line.problem, line.method, line.path) == (BROKEN_REQUEST, None, None)
    assert (line.remote_host, line.request_time_us, line.status, line.size) == ("10.0.12.144", SECOND_US, 400, 226)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "-",
        "[notice] resuming",
        f'{PREFIX} "GET / HTTP/1.1" 200',
        PREFIX,
        f'{PREFIX} "GET / HTTP/1.1" 20 45',
        'h - - [31/Feb/2021:09:14:02 +0000] "GET / HTTP/1.1" 200 45',
        'h - - [x] "GET / HTTP/1.1" 200 45',
    ],
)
def test_other_lines_are_marked(line: str) -> None:
    """What is no access-log line has no fields at all, only the reason."""
    assert parse_line(line) == AccessLine(problem=NOT_ACCESS_LOG)


@pytest.mark.parametrize(
    ("text", "shift_s"),
    [
        ("07/Nov/2021:09:14:02 +0000", 0),
        ("07/Nov/2021:18:14:02 +0900", 0),
        ("07/Nov/2021:04:44:02 -0430", 0),
        ("07/Nov/2021:09:14:60 +0000", 58),
    ],
)
def test_time_zones_become_utc(text: str, shift_s: int) -> None:
    """Offsets are applied; a leap second is the next minute's first."""
    assert parse_time_us(text) == SECOND_US + shift_s * 1_000_000


@pytest.mark.parametrize(
    "text", ["07/nov/2021:09:14:02 +0000", "00/Nov/2021:09:14:02 +0000", "07/Nov/2021:25:14:02 +0000"]
)
def test_impossible_times(text: str) -> None:
    """A time that cannot be is None."""
    assert parse_time_us(text) is None


PLAIN = '10.0.11.5 - - [07/Nov/2021:09:14:02 +0000] "GET /a HTTP/1.1" 200 45'


@pytest.mark.parametrize(
    ("behind", "referer", "agent", "client", "duration_ms"),
    [
        ("", None, None, None, None),
        (" 1234", None, None, None, 1.234),
        (' "http://x/" "curl/8"', "http://x/", "curl/8", None, None),
        (' 1500 "-" "curl/8"', None, "curl/8", None, 1.5),
        (' "-" "curl/8" 1500', None, "curl/8", None, 1.5),
        (' "-" "-" "203.0.113.9, 10.0.0.1" 7', None, None, "203.0.113.9", 0.007),
        (' "-" "a b" 12 "2001:db8::1"', None, "a b", "2001:db8::1", 0.012),
        (' "203.0.113.9"', None, None, "203.0.113.9", None),
        (' "-" "-" "-"', None, None, None, None),
        (' "-" "1.0"', None, "1.0", None, None),
        (' "-" "say \\"hi\\"" -', None, 'say "hi"', None, None),
    ],
)
def test_fields_behind_the_size_are_told_by_their_form(
    behind: str, referer: str | None, agent: str | None, client: str | None, duration_ms: float | None
) -> None:
    """Combined format, %D and X-Forwarded-For, in the orders that people write them."""
    found = parse_line(PLAIN + behind)
    assert found.problem is None
    assert (found.referer, found.user_agent, found.client, found.duration_ms) == (referer, agent, client, duration_ms)
