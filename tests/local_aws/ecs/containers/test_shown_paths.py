"""What a container prints names its own files, not those of this machine."""

from __future__ import annotations

import pytest

from lab_helpers.local_aws.ecs.containers.shown_paths import ShownPaths

NAMES = {"/home/x/rootfs": "", "/home/x/a.conf": "/etc/a.conf", "/home/x": "/own", "/home/x/volumes/logs": "/logs"}


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("error in /home/x/rootfs/etc/a.yaml:4", "error in /etc/a.yaml:4"),
        ("cannot read /home/x/a.conf.", "cannot read /etc/a.conf."),
        ("/home/x/a.conf.bak, /home/x/rootfs-b", "/own/a.conf.bak, /own/rootfs-b"),
        ("cd /home/x/rootfs", "cd /"),
        ("'/home/x/volumes/logs/1' \"/home/x/volumes/logs\"", "'/logs/1' \"/logs\""),
        ("/home/xy/rootfs/a", "/home/xy/rootfs/a"),
    ],
)
def test_the_longest_place_gives_the_name(printed: str, shown: str) -> None:
    """A file's own name comes before that of its folder; what only begins like a place is another."""
    assert ShownPaths(NAMES)(printed.encode()).decode() == shown


def test_bytes_that_are_no_text_stay() -> None:
    """A program may print anything."""
    assert ShownPaths(NAMES)(b"\xff /home/x/a.conf \x00") == b"\xff /etc/a.conf \x00"


def test_without_places_there_is_nothing_to_do() -> None:
    """An access log goes by unread."""
    assert not ShownPaths({})
