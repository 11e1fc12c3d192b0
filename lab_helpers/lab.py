"""One lab: settings, backend, Terraform, and the notes that notebooks leave for each other.

What a notebook makes for a later one is written to the state folder, so each can be run again by itself, and one that
comes too early says which notebook it needs.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lab_helpers.account import adoption, guards
from lab_helpers.account.inventory import LabNames
from lab_helpers.backends.backend import Backend, Tell, silent
from lab_helpers.backends.faults import FaultInForce, injected
from lab_helpers.backends.local import backend_of
from lab_helpers.base import config
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import LostError, NotYetError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.paths import inside
from lab_helpers.files import Readers, WorkingCopy, brought_in
from lab_helpers.files.readers import with_change
from lab_helpers.files.router_check import RouterCheck
from lab_helpers.firelens import running
from lab_helpers.terraform import Display, LabOutputs, ProgressPrinter, Terraform
from lab_helpers.terraform.remote_state import S3State, with_s3_backend

BUFFER = "buffer_s"
"""Note of the buffer interval that was applied: a later notebook's apply is not to set it back."""
APPLIED = "applied"
"""Note that the infrastructure is there."""
BROUGHT_IN = "brought_in"
"""Note of what the files said that an apply or a deployment took last: {name: fingerprint}."""
EXPIRES = "expires_on"
"""Note of the day after which the lab may be swept away: a tag that changed daily would be a change of everything."""

_MAKING_FILES = threading.Lock()
"""The working copy is made once, also where two threads ask for it at the same moment."""


@dataclass
class Lab:
    """What everything that works on a lab is given; make it with `attach`, in a notebook with `session.open_lab`."""

    settings: Settings
    backend: Backend
    notes: Notes
    display: Display = ProgressPrinter
    _outputs: LabOutputs | None = field(default=None, repr=False)
    _files: WorkingCopy | None = field(default=None, repr=False)
    _applying: dict[str, str] = field(default_factory=dict, repr=False)
    """The files' fingerprints at the beginning of the apply that runs: they may be edited meanwhile."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service ("logs", "s3", "ecs", …) in the lab's region."""
        return self.backend.client(service)

    def fault(self, **members: Any) -> AbstractContextManager[FaultInForce]:
        """Have the local AWS make a fault inside a `with` block: `service`, `operation`, `role` (patterns with *),
        `kind` (throttle, 500, drop-before, drop-after, silence, slow), `share`, `seconds`, `delay_s`, `seed`.

        It is undone at the block's end, whatever happens. Raises SettingsError, LabError on an account.
        """
        return injected(self.backend, **members)

    @property
    def terraform(self) -> Terraform:
        """Terraform over the lab's configuration, with this backend's state.

        Its methods raise ForeignStateError when that state was made against another instance of the local AWS. On an
        account nothing is applied before `guards` have passed and somebody has said yes.
        """
        remote, source_dir = self._remote_state, self.files.terraform
        data_dir = self.settings.state / ("terraform-s3" if remote else "terraform")
        return Terraform(
            source_dir=with_s3_backend(source_dir, data_dir) if remote else source_dir,
            data_dir=data_dir,
            env=self.backend.environment(),
            variables=self.variables(),
            binary_setting=self.settings.terraform or None,
            mirror_setting=self.settings.terraform_mirror or None,
            cli_config_setting=config.terraform_cli_config() or None,
            instance=None if remote else self.backend.identity(),
            remote_state=remote.backend_config() if remote else {},
            before_apply=self._before_apply,
            after_apply=lambda: self.keep_brought_in(self._applying, brought_in.by_apply),
            existing=self._existing,
            on_taken_up=_say_taken_up,
            display=self.display,
        )

    def _existing(self) -> dict[str, str]:
        return adoption.found(self.client, LabNames.asked(self.client, self.settings.prefix))

    @property
    def files(self) -> WorkingCopy:
        """The trainee's working copy of terraform/ and fluentbit/, made when it is first asked for."""
        with _MAKING_FILES:
            if self._files is None:
                self._files = WorkingCopy(self.settings.state / "work")
                for name in self._files.freshen():
                    print(
                        say("{name} is newer in the project; yours is kept. lab.reset({name!r}) takes it.", name=name)
                    )
        return self._files

    @property
    def working_copy(self) -> Path:
        """The folder that `apply`, the image build and the deployments use; edit it with any editor."""
        return self.files.folder

    @property
    def router_check(self) -> RouterCheck:
        """How to ask the lab's log router about a configuration, with the variables that the container has."""
        variables = {"HTTPD_LOG_GROUP": self.settings.log_group, "DELIVERY_STREAM": self.settings.prefix}
        keys = {"AWS_ACCESS_KEY_ID": "check", "AWS_SECRET_ACCESS_KEY": "check", "AWS_REGION": self.settings.region}
        return RouterCheck(running.command(self.settings.router), {**config.inherited(), **keys, **variables})

    @property
    def readers(self) -> Readers:
        """Who checks a file of the working copy before it is kept: the router, Terraform, IAM, the image builder."""
        router = self.router_check

        def terraform(name: str, text: str) -> str:
            tool, files = self.terraform, self.files.fingerprint({name: text})
            if tool.has_taken(files):
                return ""
            inside = name.removeprefix("terraform/")
            said = with_change(self.files, name, text, lambda folder: tool.complaints(folder / "terraform", inside))
            if not said:
                tool.remember(files)
            return said

        return Readers(
            lambda name, text: with_change(self.files, name, text, lambda folder: router.words(folder, name)), terraform
        )

    @property
    def _remote_state(self) -> S3State | None:
        settings = self.settings
        if not settings.state_bucket:
            return None
        return S3State(settings.state_bucket, settings.prefix, settings.region, settings.can.has_own_endpoint)

    def _before_apply(self) -> None:
        self.allow_creating()
        self.notes.take(BUFFER, self.settings.buffer_s)
        self._applying = self.files.fingerprints()

    def keep_brought_in(self, taken: Mapping[str, str], which: Callable[[str], bool]) -> None:
        """Write down that files of a kind (`brought_in.by_apply`, `by_deployment`) run as they were `taken`."""
        self.notes.take(BROUGHT_IN, brought_in.with_taken(self._brought_in(), taken, which))

    def waiting(self, names: Iterable[str]) -> list[str]:
        """Return those of the files that wait for an apply or a deployment: they say something else than what runs."""
        return brought_in.waiting(self.files, self._brought_in(), names)

    def _brought_in(self) -> dict[str, str]:
        return dict(self.notes.read(BROUGHT_IN, "The infrastructure", "02")) if self.notes.has(BROUGHT_IN) else {}

    def allow_creating(self) -> None:
        """On an account: review what would be made and get consent, once a lab; raises GuardError."""
        if self.notes.has(guards.ACCEPTED):
            return
        found = self.review()
        if found is not None:
            guards.confirm(found, self.settings)
            self.notes.take(guards.ACCEPTED, datetime.now(UTC).isoformat())

    def review(self) -> guards.Review | None:
        """Return what a run would make on an account and what speaks against it; None where nothing is guarded."""
        if not self.backend.needs_review:
            return None
        return guards.review(
            self.settings,
            self.backend,
            is_known=lambda: bool(self.terraform.resources()),
            expires_on=self.expires_on(),
        )

    def expires_on(self) -> str:
        """Return the day after which the lab may be swept away (YYYY-MM-DD); it is set when it is first asked for."""
        if not self.notes.has(EXPIRES):
            day = datetime.now(UTC).date() + timedelta(days=self.settings.lifetime_days)
            self.notes.take(EXPIRES, day.isoformat())
        return str(self.notes.read(EXPIRES, "The day of expiry", "02"))

    @property
    def outputs(self) -> LabOutputs:
        """What `terraform apply` put out; raises NotYetError before notebook 02."""
        if self._outputs is None:
            if self._remote_state is None:  # another machine may have applied what is in a shared state
                self.notes.read(APPLIED, "The infrastructure", "02")
            self._outputs = self.terraform.outputs()
        return self._outputs

    def variables(self, **changes: Any) -> dict[str, Any]:
        """Return the variables of the Terraform configuration for these settings, with `changes`."""
        settings = self.settings
        image = settings.base_image or self.backend.base_image
        return {
            "prefix": settings.prefix,
            "region": settings.region,
            "log_group": settings.log_group,
            "owner": settings.owner,
            "expires_on": self.expires_on(),
            **({"fluentbit_base_image": image} if image else {}),
            "firehose_buffer_seconds": settings.buffer_s,
            **changes,
        }

    def __repr__(self) -> str:
        s = self.settings
        return say(
            "backend {backend} · region {region} · prefix {prefix}", backend=s.backend, region=s.region, prefix=s.prefix
        )


def _say_taken_up(addresses: list[str]) -> None:
    print(
        say(
            "An interrupted run had made these and could not write them down; they are taken into Terraform's state: "
            "{addresses}",
            addresses=", ".join(addresses),
        )
    )


class Notes:
    """What notebooks tell each other, in one JSON file and parquet files beside it.

    The notes belong to one instance of the local AWS or one account: with another one they start empty.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._file, self._folder = folder / "notes.json", folder
        self.identity = identity

    @property
    def _content(self) -> dict[str, Any]:
        """The notes as they are now: two notebooks may be open at once."""
        found: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return found if found.get("identity") == self.identity else {"identity": self.identity}

    def has(self, name: str) -> bool:
        """Return whether a note of this name was taken."""
        return name in self._content

    def take(self, name: str, value: Any = True) -> None:
        """Write a JSON-ready value down under `name`, at once and whole."""
        self._write({**self._content, name: value})

    def drop(self, name: str) -> None:
        """Forget a note, if there is one."""
        if name in self._content:
            self._write({key: value for key, value in self._content.items() if key != name})

    def _write(self, content: dict[str, Any]) -> None:
        config.private_folder(self._folder)
        config.write_private(self._file, json.dumps(content, indent=1))

    def read(self, name: str, what: str, notebook: str) -> Any:
        """Return a note; raises NotYetError that names `what` is missing and the notebook that makes it."""
        content = self._content
        if name not in content:
            raise (LostError(what, notebook) if self._was_there(name) else NotYetError(what, notebook))
        return content[name]

    def _was_there(self, name: str) -> bool:
        """Whether the note was taken on another instance, whose notes are still in the file."""
        found = json.loads(self._file.read_text()) if self._file.exists() else {}
        return found.get("identity") != self.identity and name in found

    def keep_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a frame for later notebooks."""
        config.private_folder(self._folder)
        frame.to_parquet(inside(self._folder, f"{name}.parquet"))
        self.take(f"frame:{name}", datetime.now(UTC).isoformat())

    def frame(self, name: str, what: str, notebook: str) -> pd.DataFrame:
        """Return a kept frame; raises NotYetError."""
        self.read(f"frame:{name}", what, notebook)
        return pd.read_parquet(inside(self._folder, f"{name}.parquet"))


def attach(settings: Settings, tell: Tell = silent) -> Lab:
    """Start the backend if it is not there, and `tell` so; return the lab. Raises SettingsError, LocalAwsStartError."""
    config.private_folder(settings.home)
    backend = backend_of(settings)
    backend.start(tell)
    return Lab(settings, backend, Notes(settings.state / "notes", backend.identity()))
