"""Interrupt Terraform at each resource, and take it up again: what AWS has is never in the way of the next run.

    python -m tests.soak.interruptions [--how int|kill|lid] [--at ADDRESS,ADDRESS] [--delay-s 0.3]

One walk: each apply is broken off at the first resource that has not been broken off at yet; the last one ends by
itself. Then a plan has nothing to do, there is one VPC, and the same is done with the destroy. 38 resources take the
better part of an hour; `make test` has two of them.
"""

from __future__ import annotations

import argparse
import signal
import tempfile
import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from lab_helpers.account import inventory
from lab_helpers.account.inventory import LabNames
from lab_helpers.backends.local import LocalBackend
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import TerraformError
from lab_helpers.lab import Lab, attach
from lab_helpers.terraform import OnEvent, Terraform
from lab_helpers.terraform.events import Event, ResourceStarted

HOWS = ("int", "kill", "lid")
LID_S = 20.0
RUNS_BEYOND = 3
"""A resource may be replaced before it is made, so a few more runs than resources."""


@dataclass
class Breaker:
    """A display that breaks a run off when work on one of `left` begins, `delay_s` later, once a run.

    `broken` has what was begun in a run that was broken off: where this process was late to read an event, more than
    one. For a kill, Terraform stands still from the event on, while its provider works on: nothing else is begun.
    """

    how: str
    left: set[str]
    action: str = "create"
    delay_s: float = 0.3
    broken: list[str] = field(default_factory=list)
    _armed: bool = False

    def display(self, label: str) -> AbstractContextManager[OnEvent]:
        """Follow one of Terraform's runs: a display."""
        self._armed = label in {"terraform apply", "terraform destroy"}
        return nullcontext(self.take)

    def take(self, event: Event) -> None:
        """Look at an event; raises KeyboardInterrupt."""
        if not (isinstance(event, ResourceStarted) and event.action == self.action and event.address in self.left):
            return
        self.left.discard(event.address)
        self.broken.append(event.address)
        if self._armed:
            self._armed = self.how == "lid"
            self._break()

    def _break(self) -> None:
        running = [each for each in psutil.Process().children(recursive=True) if _is_terraform(each)]
        if self.how == "kill":
            _send(signal.SIGSTOP, [each for each in running if _is_terraform(each, "terraform")])
        threading.Event().wait(self.delay_s)
        if self.how == "int":
            raise KeyboardInterrupt
        _send(signal.SIGSTOP if self.how == "lid" else signal.SIGKILL, running)
        if self.how == "lid":
            threading.Event().wait(LID_S)
            _send(signal.SIGCONT, running)


def walk(terraform: Terraform, command: str, how: str, at: Iterable[str], delay_s: float = 0.3) -> list[str]:
    """Run a command until it ends well, broken off at each of `at` once; return where it was."""
    breaker = Breaker(how, set(at), "create" if command == "apply" else "delete", delay_s)
    broken_runs = replace(terraform, display=breaker.display)
    for _ in range(len(breaker.left) + RUNS_BEYOND):
        before = len(breaker.broken)
        try:
            getattr(broken_runs, command)()
        except KeyboardInterrupt:
            continue
        except TerraformError:
            if len(breaker.broken) == before or how != "kill":
                raise  # of its own accord: that is the fault that is looked for
            continue
        if how == "kill" and len(breaker.broken) > before:
            raise TerraformError(command, "had ended before it could be broken off", ", ".join(breaker.broken))
        return breaker.broken
    raise TerraformError(command, "did not come to its end", ", ".join(breaker.broken))


def _send(what: signal.Signals, processes: Iterable[psutil.Process]) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(what)


def vpcs(lab: Lab) -> int:
    """Return how many VPCs of the lab there are."""
    return len(inventory.vpcs(lab.client, LabNames.asked(lab.client, lab.settings.prefix)))


def _is_terraform(process: psutil.Process, name: str = "") -> bool:
    """Whether it is Terraform, its provider or what starts them; with `name` only what is called exactly so."""
    with suppress(psutil.Error):
        if name:
            return process.name() == name
        return "terraform" in process.name() or "terraform/launcher.py" in " ".join(process.cmdline())
    return False


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.interruptions", description="break Terraform off")
    parser.add_argument("--how", choices=HOWS, default="int")
    parser.add_argument("--at", default="", help="addresses, with commas; default: every resource")
    parser.add_argument("--delay-s", type=float, default=0.3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), buffer_s=10)
        try:
            lab = attach(settings)
            at = args.at.split(",") if args.at else lab.terraform.plan()["resource"].tolist()
            made = walk(lab.terraform, "apply", args.how, at, args.delay_s)
            print(f"apply broken off at {len(made)}: {', '.join(made)}", flush=True)
            left, count = lab.terraform.plan(), vpcs(lab)
            print(f"then: {len(left)} changes planned, {count} VPC", flush=True)
            gone = walk(lab.terraform, "destroy", args.how, at, args.delay_s)
            print(f"destroy broken off at {len(gone)}; {len(lab.terraform.resources())} left in the state", flush=True)
            return 0 if left.empty and count == 1 and not lab.terraform.resources() and not vpcs(lab) else 1
        finally:
            LocalBackend(settings).stop()


if __name__ == "__main__":
    raise SystemExit(main())
