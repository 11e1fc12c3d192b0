from __future__ import annotations

import numpy as np

from lab_helpers.logs.fast.byte_columns import Buffer, Mask, Positions, Scratch
from lab_helpers.logs.fast.record_templates import Template, owners, template_of
from tests.support.log_samples import HEALTH_CHECK, TASKS, ndjson, record


class SharedBuffer(Buffer):
    """While its lines are compared for the first time, another thread adds a template."""

    def share(self, templates: list[Template], other: Template) -> None:
        self._templates, self._others = templates, [other]

    def begin_with(self, starts: Positions, text: bytes) -> Mask:
        self._templates += [self._others.pop()] if self._others else []
        return super().begin_with(starts, text)


def test_each_line_belongs_to_the_template_that_it_was_made_from() -> None:
    """Templates are learnt from the lines, and told apart by what stands behind the log."""
    templates: list[Template] = []
    buffer = Buffer([_lines(TASKS[0], TASKS[1], TASKS[0])], Scratch())
    assert owners(buffer, *buffer.lines(), templates).tolist() == [0, 1, 0]
    assert templates == [_template(TASKS[0]), _template(TASKS[1])]


def test_a_template_that_another_thread_adds_meanwhile_is_tried() -> None:
    """Its lines would be left to the slow reader, one by one: the same rows, for many times the time."""
    templates = [_template(TASKS[0])]
    buffer = SharedBuffer([_lines(*[TASKS[0], TASKS[1]] * 50)], Scratch())
    buffer.share(templates, _template(TASKS[1]))
    assert np.array_equal(owners(buffer, *buffer.lines(), templates), [0, 1] * 50)
    assert len(templates) == 2


def _lines(*tasks: str) -> bytes:
    return ndjson(*(record(HEALTH_CHECK, task) for task in tasks))


def _template(task: str) -> Template:
    found = template_of(_lines(task).rstrip())
    assert found is not None
    return found
