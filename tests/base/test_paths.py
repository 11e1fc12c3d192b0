"""Names from outside become paths inside of a folder, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_helpers.base.errors import PathOutsideError
from lab_helpers.base.paths import below, entry_below, inside, is_plain

_NAMES = st.text(st.sampled_from("ab./\\~ \0\n%é"), max_size=12)


@pytest.mark.parametrize("name", ["", ".", "..", "/etc", "a/../b", "../x", "a//b", "a/", "/", "a\0b", "./a"])
def test_names_that_do_not_stay_what_they_are_are_refused(name: str, tmp_path: Path) -> None:
    """Absolute, climbing, empty and NUL."""
    with pytest.raises(PathOutsideError, match="does not name anything inside of"):
        inside(tmp_path, name)


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    """A folder that is a link to another place is another place."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    with pytest.raises(PathOutsideError):
        inside(tmp_path / "in", "link", "x")
    assert inside(tmp_path / "in", "a", "b/c") == tmp_path / "in/a/b/c"


@given(_NAMES)
def test_whatever_is_accepted_is_inside(name: str) -> None:
    """For any name: refused, or below the folder and not the folder itself."""
    folder = Path("/nowhere/at/all")
    if is_plain(name):
        assert inside(folder, name).is_relative_to(folder)
        assert inside(folder, name) != folder
    else:
        with pytest.raises(PathOutsideError):
            inside(folder, name)


def test_links_are_followed_as_in_the_container(tmp_path: Path) -> None:
    """An absolute link starts at the container's root, and `..` at the root stays there."""
    root = tmp_path / "root"
    (root / "usr").mkdir(parents=True)
    (root / "lib").symlink_to("/usr")
    (root / "up").symlink_to("../../../usr")
    assert below(root, "/lib/x") == root / "usr/x"
    assert below(root, "up") == root / "usr"
    assert entry_below(root, "up") == root / "up"
    assert below(root, "../../etc/passwd") == root / "etc/passwd"


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    """As the kernel's ELOOP."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(PathOutsideError):
        below(tmp_path, "a/x")
