"""A cell may stand for a part of a file."""

from __future__ import annotations

import pytest

from lab_helpers.base.errors import SettingsError
from lab_helpers.files.parts import part, with_part

TEXT = """Listen 80

# What is logged.
LogFormat "%h" common
CustomLog - common

LogLevel warn
"""


def test_a_paragraph_is_found_by_a_line_of_it() -> None:
    """From blank line to blank line, its comment included."""
    assert part("httpd.conf", TEXT, "CustomLog") == '# What is logged.\nLogFormat "%h" common\nCustomLog - common'


def test_a_paragraph_is_replaced_in_its_place() -> None:
    """What is around it stays; put back, nothing has changed."""
    changed = with_part("httpd.conf", TEXT, "LogFormat", 'LogFormat "%h %D" timed\n')
    assert changed == 'Listen 80\n\nLogFormat "%h %D" timed\n\nLogLevel warn\n'
    assert with_part("httpd.conf", TEXT, "LogFormat", part("httpd.conf", TEXT, "LogFormat")) == TEXT


def test_three_dots_take_the_rest_of_the_file() -> None:
    """From the paragraph of the line to the end; what stands above stays."""
    rest = part("httpd.conf", TEXT, "LogFormat ...")
    assert rest == TEXT[TEXT.index("# What") :].rstrip("\n")
    assert with_part("httpd.conf", TEXT, "LogFormat ...", "LogLevel info") == "Listen 80\n\nLogLevel info\n"
    assert with_part("httpd.conf", TEXT, "LogFormat ...", rest) == TEXT


def test_a_part_of_a_tf_file_is_a_block() -> None:
    """The same two functions, by the file's name."""
    assert part("a.tf", 'resource "x" "y" {\n  a = 1\n}\n', "x.y") == 'resource "x" "y" {\n  a = 1\n}'


def test_what_is_not_there_is_refused() -> None:
    """With what was looked for."""
    with pytest.raises(SettingsError, match="ErrorLog"):
        part("httpd.conf", TEXT, "ErrorLog")
