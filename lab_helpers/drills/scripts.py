"""What drills' apps print, and the configurations that their routers get."""

from __future__ import annotations

PARSERS_PATH = "/fluent-bit/etc/drill/parsers.conf"
PARSERS = r"""[PARSER]
    Name   drill_json
    Format json

[PARSER]
    Name        drill_access
    Format      regex
    Regex ^(?<client>\S+) \S+ \S+ \[(?<time>[^\]]+)\] "(?<method>\S+) (?<path>\S+) \S+" (?<status>\d+) (?<size>\S+)$
    Time_Key    time
    Time_Format %d/%b/%Y:%H:%M:%S %z
    Types       status:integer size:integer
"""


def numbered(lines: int, then: str = "sleep 1") -> str:
    """Return a shell script that prints numbered lines and then does something else (default: lingers a second)."""
    return f'i=1; while [ $i -le {lines} ]; do echo "line $i"; i=$((i+1)); done; {then}'


def big_lines(lines: int, characters: int, linger_s: int) -> str:
    """Return a shell script that prints long numbered lines in one go, then lingers."""
    return (
        f"pad=$(printf '%0{characters}d' 0); i=1; while [ $i -le {lines} ]; do "
        f'echo "$i $pad"; i=$((i+1)); done; sleep {linger_s}'
    )


def section(kind: str, *options: str) -> str:
    """Return one section of a configuration, with an empty line behind it."""
    return f"[{kind}]\n" + "".join(f"    {option}\n" for option in options) + "\n"


def with_parsers(conf: str) -> str:
    """Return a configuration that knows the parsers of `PARSERS`, a file in the image."""
    return section("SERVICE", f"Parsers_File {PARSERS_PATH}") + conf


def to_cloudwatch(match: str = "*", more: str = "") -> str:
    """Return an output to the take's log group; `more` is one option of it."""
    return section(
        "OUTPUT",
        "Name cloudwatch_logs",
        f"Match {match}",
        "region ${AWS_REGION}",
        "log_group_name ${LOG_GROUP}",
        "log_stream_prefix from-",
        "auto_create_group true",
        *([more] if more else []),
    )


def to_firehose(*more: str) -> str:
    """Return an output to the drill's delivery stream; `more` are options of it."""
    return section(
        "OUTPUT",
        "Name kinesis_firehose",
        "Match *",
        "region ${AWS_REGION}",
        "delivery_stream ${DELIVERY_STREAM}",
        *more,
    )
