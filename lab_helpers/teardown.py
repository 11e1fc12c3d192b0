"""Delete everything the lab made, also what Terraform does not know, and prove it by listing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab_helpers.account import deletion as removal
from lab_helpers.account.deletion import Step
from lab_helpers.account.guards import ACCEPTED
from lab_helpers.account.inventory import LabNames
from lab_helpers.base.errors import LabError, TerraformError
from lab_helpers.base.lazy import pd
from lab_helpers.base.wait import Tick
from lab_helpers.faults import HEALED, NOTE
from lab_helpers.lab import EXPIRES, Lab
from lab_helpers.opened import open_drills, undo_all
from lab_helpers.terraform import Terraform

__all__ = ["Step", "leftovers", "tear_down"]


def tear_down(
    lab: Lab, *, timeout_s: float = removal.TIMEOUT_S, on_tick: Callable[[Tick], None] | None = None
) -> list[Step]:
    """Destroy what Terraform's state knows, then all else that is found of this lab; return the steps.

    Idempotent: with nothing there, every step succeeds. Goes on after a failure, and works without a state (a run that
    died, another machine): what Terraform could not destroy is found by its names and tags, and deleted in rounds until
    nothing is found or `timeout_s` has passed.
    """
    # First: a drill's running task would hold the cluster, and the destroy would wait for it in vain.
    steps = undo_drills(lab)
    steps.append(_attempt("terraform destroy", lambda: _destroy(lab)))
    try:
        steps += removal.remove(lab.client, _names(lab), timeout_s=timeout_s, on_tick=on_tick)
    except LabError as exc:
        steps.append(Step("look for what is left", str(exc)))
    for note in ("applied", NOTE, HEALED, ACCEPTED, EXPIRES):
        lab.notes.drop(note)
    return steps


def undo_drills(lab: Lab) -> list[Step]:
    """Undo the drills and experiments that are open, also those of an earlier kernel; no step when none is."""
    names = ", ".join(open_drills(lab))
    return [_attempt(f"undo {names}", lambda: undo_all(lab))] if names else []


def leftovers(lab: Lab) -> pd.DataFrame:
    """Return what is still there of this lab, found by listing AWS, not by Terraform's state: service, name."""
    return pd.DataFrame(removal.found(lab.client, _names(lab)), columns=["service", "name"])


def _names(lab: Lab) -> LabNames:
    return LabNames.asked(lab.client, lab.settings.prefix)


def _destroy(lab: Lab) -> None:
    """Destroy with the trainee's files, or, where Terraform cannot read those any more, with the project's."""
    terraform = lab.terraform
    try:
        _destroy_with(terraform)
    except TerraformError:
        if terraform.remote_state or not lab.files.changed():
            raise
        _destroy_with(replace(terraform, source_dir=lab.files.source / "terraform"))


def _destroy_with(terraform: Terraform) -> None:
    if terraform.resources():
        terraform.destroy()


def _attempt(what: str, action: Callable[[], object]) -> Step:
    try:
        action()
    except LabError as exc:
        return Step(what, str(exc))
    return Step(what)
