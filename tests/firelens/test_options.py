"""Options of FireLens: read, and refused where the agent refuses them."""

from __future__ import annotations

import pytest

from lab_helpers.firelens import parse_container_log, parse_router_options
from lab_helpers.firelens.options import FirelensOptionError


def test_output_options_need_a_plugin_name() -> None:
    """The agent cannot write an OUTPUT without Name."""
    with pytest.raises(FirelensOptionError, match="missing output key Name"):
        parse_container_log("c", {"region": "x"})


def test_the_buffer_limit_is_not_an_output_option() -> None:
    """`log-driver-buffer-limit` is the log driver's and never reaches the router."""
    log = parse_container_log("c", {"Name": "null", "log-driver-buffer-limit": "100"})
    assert log.output_options == {}


def test_a_file_is_included_from_its_own_place() -> None:
    """`file` names a path in the image; `s3` one where the agent puts what it fetched."""
    given = {"config-file-type": "file", "config-file-value": "/fluent-bit/etc/extra.conf"}
    assert parse_router_options(given).include_path == "/fluent-bit/etc/extra.conf"
    from_s3 = {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::b/k"}
    assert parse_router_options(from_s3).include_path == "/fluent-bit/etc/external.conf"


@pytest.mark.parametrize(
    "options",
    [
        {"config-file-type": "file"},
        {"config-file-value": "/x"},
        {"config-file-type": "ftp", "config-file-value": "/x"},
        {"enable-ecs-log-metadata": "no"},
    ],
)
def test_half_given_and_unknown_values_are_refused(options: dict[str, str]) -> None:
    """A type without a value (and the other way round), another type, another boolean."""
    with pytest.raises(FirelensOptionError):
        parse_router_options(options)


def test_metadata_is_on_unless_switched_off() -> None:
    """`enable-ecs-log-metadata` is true by default."""
    assert parse_router_options({}).metadata
    assert not parse_router_options({"enable-ecs-log-metadata": "false"}).metadata
