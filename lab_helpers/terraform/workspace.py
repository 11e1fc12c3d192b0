"""The ignored folder that holds all that Terraform keeps for one backend: state, provider links, CLI configuration."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.terraform.binary import TerraformBinary
from lab_helpers.terraform.provider import ProviderSource, cli_config

Value = str | int | float | bool
"""What a variable of terraform/variables.tf can be."""

DROPPED = ("TF_CLI_ARGS", "TF_VAR_", "TF_WORKSPACE", "TF_DATA_DIR", "TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG")
"""Beginnings of variables that would change what Terraform does behind the lab's back."""

RARE_COLLECTIONS = "400"
"""Go's GOGC for Terraform and the provider (Go's own is 100): a plan makes, sends and reads the provider's schema and
throws it away. Less CPU for more memory while Terraform runs; `python -m benchmarks.terraform` measures both."""


@dataclass(frozen=True)
class Workspace:
    """Paths below `data_dir`, and the small files that the lab writes there for Terraform."""

    data_dir: Path

    @property
    def state(self) -> Path:
        """The state; not in `tf_data`, where Terraform keeps a file of the same name for itself."""
        return self.data_dir / "state" / "terraform.tfstate"

    @property
    def tf_data(self) -> Path:
        """Terraform's TF_DATA_DIR."""
        return self.data_dir / "data"

    @property
    def cli_config(self) -> Path:
        """The CLI configuration that the lab writes."""
        return self.data_dir / "terraform.rc"

    @property
    def variables(self) -> Path:
        """The variables of the present call."""
        return self.data_dir / "lab.tfvars.json"

    @property
    def instance(self) -> Path:
        """Which server instance the state was made against."""
        return self.data_dir / "state" / "server-instance"

    @property
    def interrupted(self) -> Path:
        """The mark of an apply or destroy that has begun and not ended well."""
        return self.data_dir / "state" / "interrupted"

    @property
    def took(self) -> Path:
        """How long each resource took when a run made or changed it last, as JSON: {address: seconds}."""
        return self.data_dir / "state" / "took.json"

    @property
    def taken(self) -> Path:
        """Which configurations were read and taken, as JSON."""
        return self.data_dir / "state" / "taken.json"

    @property
    def stamp(self) -> Path:
        """Fingerprint of what the last `init` was made for."""
        return self.data_dir / "init-stamp.json"

    @property
    def cache(self) -> Path:
        """Terraform's plugin cache."""
        return self.data_dir / "plugin-cache"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.state.parent, self.tf_data, self.cache):
            folder.mkdir(parents=True, exist_ok=True)

    def write_variables(self, variables: Mapping[str, Value]) -> None:
        """Write the variables where Terraform reads them."""
        self.variables.write_text(json.dumps(dict(variables), indent=2), encoding="utf-8")

    def write_cli_config(self, source: ProviderSource) -> Path:
        """Write the CLI configuration for a provider source; return the path of the one to use."""
        if source.own_config is not None:
            return source.own_config
        self.cli_config.write_text(cli_config(source), encoding="utf-8")
        return self.cli_config

    def has_provider(self) -> bool:
        """Whether an earlier `init` put the AWS provider here, and it is still there."""
        installed = self.tf_data / "providers" / "registry.terraform.io" / "hashicorp" / "aws"
        return any(folder.is_dir() for folder in installed.glob("*/*"))

    def has_state(self) -> bool:
        """Whether the state lists any resource."""
        try:
            return bool(json.loads(self.state.read_text(encoding="utf-8")).get("resources"))
        except (OSError, ValueError):
            return False


def child_env(env: Mapping[str, str], workspace: Workspace, config: Path, bin_dirs: tuple[Path, ...]) -> dict[str, str]:
    """Return Terraform's environment: the caller's, less what would steer Terraform elsewhere, plus the lab's own."""
    child = {name: value for name, value in env.items() if not name.startswith(DROPPED)}
    child["PATH"] = os.pathsep.join([*map(str, bin_dirs), env.get("PATH", os.defpath)])
    child |= {
        "CHECKPOINT_DISABLE": "1",  # asks the network for news of Terraform
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_DATA_DIR": str(workspace.tf_data),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }
    child.setdefault("TF_PLUGIN_CACHE_DIR", str(workspace.cache))
    child.setdefault("GOGC", RARE_COLLECTIONS)
    return child


def fingerprint(binary: TerraformBinary, source_dir: Path, settings: tuple[str, ...]) -> str:
    """Return what an `init` depends on, in short: as long as it stays, there is nothing to initialise anew."""
    files = [source_dir / "version.tf", source_dir / ".terraform.lock.hcl"]
    texts = [path.read_text(encoding="utf-8") if path.is_file() else "" for path in files]
    facts = [str(binary.path), str(binary.version), str(source_dir), *settings, *texts]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
