"""One trainee's run of the workbook: settings, backend, Terraform, and what earlier notebooks left behind.

Every notebook begins with `lab = open_lab(...)`. What a notebook makes for a later one is written to the state folder,
so each can be run again by itself, and one that comes too early says which notebook it needs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from lab_helpers import config
from lab_helpers.backend import AwsBackend, LocalBackend, backend_of
from lab_helpers.checks import Checks
from lab_helpers.config import Settings
from lab_helpers.errors import NotYetError
from lab_helpers.terraform import Display, LabOutputs, ProgressPrinter, Terraform

CHECKS = "checks"
"""Folder of the checks' outcomes, in the lab's home."""


@dataclass
class Lab:
    """What a notebook works with; make it with `open_lab`."""

    settings: Settings
    backend: LocalBackend | AwsBackend
    notes: Notes
    display: Display = ProgressPrinter
    check: Checks = field(default_factory=Checks, repr=False)
    _outputs: LabOutputs | None = field(default=None, repr=False)

    def client(self, service: str) -> Any:
        """Return a boto3 client of a service ("logs", "s3", "ecs", …) in the lab's region."""
        return self.backend.client(service)

    @property
    def terraform(self) -> Terraform:
        """Terraform over the lab's configuration, with this backend's state.

        Its methods raise ForeignStateError when that state was made against another instance of the local AWS.
        """
        return Terraform(
            source_dir=config.PROJECT / "terraform",
            data_dir=self.settings.state / "terraform",
            env=self.backend.environment(),
            variables=self.variables(),
            binary_setting=self.settings.terraform or None,
            mirror_setting=self.settings.terraform_mirror or None,
            cli_config_setting=config.terraform_cli_config() or None,
            instance=self.backend.identity(),
            display=self.display,
        )

    @property
    def outputs(self) -> LabOutputs:
        """What `terraform apply` put out; raises NotYetError before notebook 02."""
        if self._outputs is None:
            self.notes.read("applied", "The infrastructure", "02")
            self._outputs = self.terraform.outputs()
        return self._outputs

    def variables(self, **changes: Any) -> dict[str, Any]:
        """Return the variables of the Terraform configuration for these settings, with `changes`."""
        settings = self.settings
        return {
            "prefix": settings.prefix,
            "region": settings.region,
            "log_group": settings.log_group,
            "owner": settings.owner,
            "firehose_buffer_seconds": settings.buffer_s,
            **changes,
        }

    def __repr__(self) -> str:
        s = self.settings
        return f"backend {s.backend} · region {s.region} · prefix {s.prefix}"


class Notes:
    """What notebooks tell each other, in one JSON file and parquet files beside it.

    The notes belong to one instance of the local AWS or one account: with another one they start empty.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._file, self._folder = folder / "notes.json", folder
        self._content: dict[str, Any] = {"identity": identity}
        self.identity = identity
        if self._file.exists():
            found = json.loads(self._file.read_text())
            if found.get("identity") == identity:
                self._content = found

    def has(self, name: str) -> bool:
        """Return whether a note of this name was taken."""
        return name in self._content

    def take(self, name: str, value: Any = True) -> None:
        """Write a JSON-ready value down under `name`, at once and whole."""
        self._content[name] = value
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(self._content, indent=1))
        partial.replace(self._file)

    def drop(self, name: str) -> None:
        """Forget a note, if there is one."""
        if self._content.pop(name, None) is not None:
            self.take("identity", self.identity)

    def read(self, name: str, what: str, notebook: str) -> Any:
        """Return a note; raises NotYetError that names `what` is missing and the notebook that makes it."""
        if name not in self._content:
            raise NotYetError(what, notebook)
        return self._content[name]

    def keep_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a frame for later notebooks."""
        self._folder.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(self._folder / f"{name}.parquet")
        self.take(f"frame:{name}", datetime.now(UTC).isoformat())

    def frame(self, name: str, what: str, notebook: str) -> pd.DataFrame:
        """Return a kept frame; raises NotYetError."""
        self.read(f"frame:{name}", what, notebook)
        return pd.read_parquet(self._folder / f"{name}.parquet")


def open_lab(notebook: str, **settings: Any) -> Lab:
    """Start the backend if it is not there and return the run; settings are those of config.Settings.

    `notebook` is the notebook's name without `.ipynb`; its checks are collected under it. Raises SettingsError,
    LocalAwsStartError.
    """
    from lab_helpers.display import TerraformBar  # matplotlib is slow to import, and the command line does without

    lab = attach(config.load(**settings))
    lab.display = TerraformBar
    lab.check = Checks(notebook, lab.settings.home / CHECKS)
    return lab


def attach(settings: Settings) -> Lab:
    """Like `open_lab`, with settings at hand."""
    backend = backend_of(settings)
    backend.start()
    return Lab(settings, backend, Notes(settings.state / "notes", backend.identity()))
