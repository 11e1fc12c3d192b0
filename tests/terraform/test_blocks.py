"""Blocks of `.tf` files, taken out and put in."""

from __future__ import annotations

import pytest

from lab_helpers.base.errors import SettingsError
from lab_helpers.terraform.blocks import block, headers, with_block

TEXT = """# What visitors meet.
resource "aws_lb" "httpd" {
  name = "x{y}" # a brace }
}

resource "aws_lb_target_group" "httpd" {
  port = 80

  # How often ECS asks.
  health_check {
    path = "/"
  }
}
"""


def test_a_block_comes_with_its_comment() -> None:
    """By its header or its address, to the brace that closes it."""
    assert headers(TEXT) == ['resource "aws_lb" "httpd"', 'resource "aws_lb_target_group" "httpd"']
    assert block(TEXT, "aws_lb.httpd") == block(TEXT, 'resource "aws_lb" "httpd"')
    assert block(TEXT, "aws_lb.httpd").startswith("# What visitors meet.\nresource")
    assert block(TEXT, "aws_lb.httpd").endswith("# a brace }\n}")


def test_a_block_inside_a_block() -> None:
    """The inner name follows the outer one; it comes without its indentation."""
    inner = '# How often ECS asks.\nhealth_check {\n  path = "/"\n}'
    assert block(TEXT, "aws_lb_target_group.httpd health_check") == inner


def test_a_block_is_replaced_in_its_place() -> None:
    """Indented as the old one was; put back as it was, nothing has changed."""
    where = "aws_lb_target_group.httpd health_check"
    changed = with_block(TEXT, where, 'health_check {\n  path = "/healthz"\n}\n')
    assert '\n  health_check {\n    path = "/healthz"\n  }\n}\n' in changed
    assert with_block(TEXT, where, block(TEXT, where)) == TEXT
    assert with_block(TEXT, "aws_lb.httpd", block(TEXT, "aws_lb.httpd")) == TEXT


@pytest.mark.parametrize("header", ["aws_lb.other", "aws_lb.httpd health_check", ""])
def test_what_is_not_there_is_named(header: str) -> None:
    """With the blocks that there are."""
    with pytest.raises(SettingsError, match='one of resource "aws_lb" "httpd"'):
        block(TEXT, header)
