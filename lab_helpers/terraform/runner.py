"""Terraform, driven: init, plan, apply, destroy, outputs."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import python_terraform
from python_terraform import IsFlagged

from lab_helpers.base import process
from lab_helpers.base.errors import ForeignStateError, LabError, NotYetError, TerraformBusyError, TerraformError
from lab_helpers.base.files.whole_file import read_object
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.terraform import interruption, took, turn, validation
from lab_helpers.terraform.binary import TerraformBinary, find_binary
from lab_helpers.terraform.events import ChangeCounts, PlainLine, parse_line
from lab_helpers.terraform.interruption import Mark
from lab_helpers.terraform.outputs import LabOutputs
from lab_helpers.terraform.plan import declared_in, plan_table
from lab_helpers.terraform.progress import Display, Progress, silent
from lab_helpers.terraform.provider import ProviderSearch
from lab_helpers.terraform.taken import Taken
from lab_helpers.terraform.tool import Follower, PythonTerraform
from lab_helpers.terraform.workspace import Value, Workspace, child_env, fingerprint

log = logging.getLogger(__name__)

QUICK_TIMEOUT_S = 60.0
"""Bound of the commands that only read the state."""
Call = Callable[[Any], object]
"""Calls one of python-terraform's commands."""
_NO_STATE = "No state file was found"
"""What `terraform state list` says where nothing was applied yet."""


@dataclass(frozen=True)
class RunResult:
    """What an apply or destroy did."""

    counts: ChangeCounts
    elapsed_s: float
    seconds: Mapping[str, float] = field(repr=False)
    """Resource address -> how long it took; after an apply also how long it took before what was left alone."""

    def __repr__(self) -> str:
        return say("{add} added, {change} changed, {remove} destroyed", **vars(self.counts))

    def slowest(self, rows: int = 5) -> pd.DataFrame:
        """Return what took longest: columns resource (str) and seconds (float)."""
        longest = sorted(self.seconds.items(), key=lambda item: -item[1])[:rows]
        return pd.DataFrame(longest, columns=["resource", "seconds"])


@dataclass(frozen=True)
class Terraform:
    """Terraform over one source folder and one data folder.

    `env` is the whole environment of Terraform and the provider, nothing is inherited. `binary_setting`,
    `mirror_setting` and `cli_config_setting` are LAB_TERRAFORM, LAB_TERRAFORM_MIRROR and TF_CLI_CONFIG_FILE of the
    session, if any. `instance` names the server or account that the state belongs to (None: no check).
    `remote_state` is the configuration of the source folder's S3 backend (empty: a file in the data folder);
    `before_apply` may refuse an apply by raising, `after_apply` hears of one that succeeded; `existing` lists what AWS
    has of the lab ({address: import id}): what an interrupted run made and could not write down is taken into the
    state, and `on_taken_up` told. `bin_dirs` come first on PATH, so that the image's provisioner finds this
    environment's `lab`. Every method initialises when that is
    needed, and raises TerraformError with Terraform's own text when it fails.
    """

    source_dir: Path
    data_dir: Path
    env: Mapping[str, str]
    variables: Mapping[str, Value] = field(default_factory=dict)
    binary_setting: str | None = None
    mirror_setting: str | None = None
    cli_config_setting: str | None = None
    instance: str | None = None
    remote_state: Mapping[str, str] = field(default_factory=dict)
    before_apply: Callable[[], None] | None = None
    after_apply: Callable[[], None] | None = None
    existing: Callable[[], Mapping[str, str]] = dict
    on_taken_up: Callable[[list[str]], object] = print
    display: Display = silent
    bin_dirs: tuple[Path, ...] = (Path(sys.executable).parent,)

    def with_variables(self, **changes: Value) -> Terraform:
        """Return the same Terraform with some variables changed."""
        return replace(self, variables={**self.variables, **changes})

    @cached_property
    def workspace(self) -> Workspace:
        """Where the state and all else is kept."""
        return Workspace(self.data_dir.absolute())

    @cached_property
    def binary(self) -> TerraformBinary:
        """The Terraform that runs. Raises MissingToolError when there is none, or too old a one."""
        return find_binary(self.binary_setting, self._asking_env(), self.workspace.data_dir)

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment that Terraform and the provider get."""
        config = Path(self._stamp().get("config", self.workspace.cli_config))
        return child_env(self.env, self.workspace, config, self.bin_dirs)

    def init(self, *, again: bool = False) -> bool:
        """Find the provider and prepare the data folder, unless that is done (`again` forces it); True when it was now.

        Raises ProviderNotFoundError, naming all that was tried, when there is no provider.
        """
        wanted = self._fingerprint()
        if not again and self.workspace.has_provider() and self._stamp().get("fingerprint") == wanted:
            return False
        self.workspace.make()
        source = self._provider_search().find()
        config = self.workspace.write_cli_config(source)
        self._run_init(config)
        stamp = {"fingerprint": self._fingerprint(), "config": str(config), "source": str(source)}
        self.workspace.stamp.write_text(json.dumps(stamp, indent=2), encoding="utf-8")
        return True

    @property
    def provider(self) -> str:
        """Where the provider came from at the last init, in words; empty before."""
        return self._stamp().get("source", "")

    def plan(self) -> pd.DataFrame:
        """Return what an apply would do, as `plan_table` describes; no rows when there is nothing to do."""
        progress = self._run("plan", lambda tool: tool.plan(json=IsFlagged, **self._options()), accepted=(0, 2))
        return plan_table(progress.planned, declared_in(self.source_dir))

    def plan_text(self) -> tuple[pd.DataFrame, str]:
        """Return the plan as `plan` does, and the same in Terraform's own print, resource by resource."""
        self.init()
        saved = self.workspace.data_dir / "shown.tfplan"  # it holds values of the state: gone at once
        options = {"json": IsFlagged, "out": str(saved), **self._options()}
        try:
            with self.display(
                "terraform plan"
            ) as on_event:  # over both: the print takes as long as the start of a plan
                shown = replace(self, display=lambda _: nullcontext(on_event))
                progress = shown._run("plan", lambda tool: tool.plan(**options), accepted=(0, 2))
                text = self._ask("show", str(saved))
        finally:
            saved.unlink(missing_ok=True)
        return plan_table(progress.planned, declared_in(self.source_dir)), text

    def complaints(self, folder: Path, name: str) -> str:
        """Return Terraform's words against the file `name` in a copy of the configuration; empty when it takes it.

        Before the first init nothing is known of the provider's resources, and only the syntax is read.
        """
        said = validation.syntax_words(self.binary.path, self._asking_env(), folder / name)
        if said or not self.workspace.has_provider():
            return said
        return validation.words(self.binary.path, self.environment, folder)

    def has_taken(self, files: str) -> bool:
        """Whether this Terraform with this provider has read and taken the files with this fingerprint."""
        return Taken(self.workspace.taken).has(self._read_by(files))

    def remember(self, files: str) -> None:
        """Remember that files were validated, planned or applied; before the first init nothing was, but read."""
        if self.workspace.has_provider():
            Taken(self.workspace.taken).add(self._read_by(files))

    def apply(self) -> RunResult:
        """Make AWS what the configuration says; what an interrupted run left is taken up.

        Raises TerraformBusyError while another run is at work.
        """
        if self.before_apply is not None:
            self.before_apply()
        self.init()
        self._check_instance()
        if self.instance is not None:
            self.workspace.instance.write_text(self.instance, encoding="utf-8")
        done = self._changed("apply", lambda tool: tool.apply(skip_plan=True, json=IsFlagged, **self._options()))
        if self.after_apply is not None:
            self.after_apply()
        return _result(done, took.read(self.workspace.took))

    def destroy(self) -> RunResult:
        """Delete all that the state lists; AWS's own leftovers, such as Fluent Bit's log group, are not in it."""
        # force is python-terraform's default and was dropped by Terraform; auto_approve took its place.
        options = {"force": None, "auto_approve": True, "json": IsFlagged, **self._options()}
        done = self._changed("destroy", lambda tool: tool.destroy(**options))
        return _result(done, done.seconds)

    def outputs(self) -> LabOutputs:
        """Return the outputs of the applied lab. Raises NotYetError when it is not applied."""
        if not self._has_state():
            raise NotYetError("The infrastructure", "02")
        answer = json.loads(self._ask("output", json=IsFlagged))
        return LabOutputs.of({name: output["value"] for name, output in answer.items()})

    def resources(self) -> list[str]:
        """Return the addresses of all resources in the state, without data sources."""
        if not self._has_state():
            return []
        addresses = self._state_list().split("\n")
        return [address for address in addresses if address and not address.startswith("data.")]

    def forget_state(self) -> Path | None:
        """Put the state aside, for when its server is gone; return where it went, None when there was none."""
        self.workspace.instance.unlink(missing_ok=True)
        self.workspace.took.unlink(missing_ok=True)
        self._mark.clear()
        if not self.workspace.state.exists():
            return None
        return self.workspace.state.replace(self.workspace.state.with_name("forgotten.tfstate"))

    @property
    def _mark(self) -> Mark:
        return Mark(self.workspace.interrupted)

    def _changed(self, command: str, call: Call) -> Progress:
        """Run a command that changes things, after an interrupted one with what that left; once more if AWS says so."""
        self.init()
        self.workspace.make()
        interruption.put_aside_if_broken(self.workspace.state)
        left = self._left() if self._mark.since is not None or self.remote_state else {}
        self._mark.set()
        try:
            progress = self._run(command, call, left=left)
        except TerraformError as exc:
            left = {} if left or not interruption.is_there_already(exc.output_tail) else self._left()
            if not left:
                raise
            progress = self._run(command, call, left=left)
        self._mark.clear()
        return progress

    def _left(self) -> dict[str, str]:
        """Return what AWS has of the lab and the state has not: {address: import id}."""
        there = self.existing()
        return interruption.missing(there, self.resources()) if there else {}

    def _run(
        self, command: str, call: Call, accepted: tuple[int, ...] = (0,), left: Mapping[str, str] | None = None
    ) -> Progress:
        self.init()
        self._check_instance()
        self.workspace.write_variables(self.variables)
        with turn.take(self.data_dir, command) as held:
            source = self._taken_up(command, left, held.descriptor) if left else self.source_dir
            try:
                return self._followed(command, call, accepted, source, held.descriptor)
            except TerraformError as exc:
                if not self._unlocked(exc, source):
                    raise
                return self._followed(command, call, accepted, source, held.descriptor)

    def _taken_up(self, command: str, left: Mapping[str, str], lock: int) -> Path:
        """Take what is left into the state, or have the command do it; return the configuration to run in."""
        self.on_taken_up(sorted(left))
        if command != "destroy":
            return interruption.with_imports(self.source_dir, self.data_dir, left)
        for address, name in left.items():  # a destroy does not look at import blocks
            with self.display("terraform import") as on_event:
                follower = Follower("terraform import", on_event, PlainLine, (lock,))
                options = ["-input=false", "-no-color", f"-var-file={self.workspace.variables}"]
                argv = [str(self.binary.path), "import", *options, address, name]
                ended = follower.follow(argv, self.environment, self.source_dir)
            if ended.returncode != 0:  # gone meanwhile; the destroy says what matters
                log.warning("%s could not be imported: %s", address, ended.stderr_tail)
        return self.source_dir

    def _followed(self, command: str, call: Call, accepted: tuple[int, ...], source: Path, lock: int) -> Progress:
        with self.display(f"terraform {command}") as on_event:
            follower = Follower(f"terraform {command}", on_event, parse_line, (lock,))
            try:
                call(PythonTerraform(source, self.binary.path, self.environment, follower))
            finally:  # what was made before a failure or an interruption stands
                took.add(self.workspace.took, follower.progress)
            follower.check(accepted)
        return follower.progress

    def _unlocked(self, error: TerraformError, source: Path) -> bool:
        """Break the lock that our own killed run left in the state; raises TerraformBusyError for a live one."""
        lock = interruption.lock_told(error.output_tail)
        if lock is None:
            return False
        if not interruption.is_of_the_dead(lock, self._mark.since):
            raise TerraformBusyError(command=lock.operation, since=lock.time, process=lock.who) from error
        argv = [str(self.binary.path), "force-unlock", "-force", lock.lock_id]
        process.check(argv, timeout_s=QUICK_TIMEOUT_S, env=self.environment, cwd=source)
        return True

    def _provider_search(self) -> ProviderSearch:
        own_config = self.cli_config_setting
        return ProviderSearch(self.mirror_setting, self.env, self.source_dir, self.binary.platform, own_config)

    def _run_init(self, config: Path) -> None:
        env = child_env(self.env, self.workspace, config, self.bin_dirs)
        with self.display("terraform init") as on_event:
            follower = Follower("terraform init", on_event, PlainLine)
            tool = PythonTerraform(self.source_dir, self.binary.path, env, follower)
            # upgrade: a lock file may be there from another source of the same provider, with other hashes.
            backend = dict(self.remote_state) or {"path": str(self.workspace.state)}
            tool.init(backend_config=backend, upgrade=True, var=None)
            follower.check((0,))

    def _has_state(self) -> bool:
        """Whether there may be resources; what is in a remote state only Terraform can tell."""
        return bool(self.remote_state) or self.workspace.has_state()

    def _state_list(self) -> str:
        try:
            return self._ask("state list")
        except TerraformError as exc:
            if self.remote_state and _NO_STATE in exc.output_tail:
                return ""
            raise

    def _ask(self, command: str, *args: str, **options: object) -> str:
        self.init()
        self._check_instance()
        tool = python_terraform.Terraform(terraform_bin_path=str(self.binary.path))
        colour = {"no_color": IsFlagged if command in {"output", "show"} else None}
        argv = tool.generate_cmd_string(command, *args, **{**colour, **options})
        done = process.run_guarded(argv, timeout_s=QUICK_TIMEOUT_S, env=self.environment, cwd=self.source_dir)
        if done.returncode != 0:
            raise TerraformError(f"terraform {command}", f"exit status {done.returncode}", process.tail(done.stderr))
        return done.stdout

    def _options(self) -> dict[str, object]:
        # var=None: python-terraform would write a temporary file for its empty dictionary of variables.
        return {"var": None, "var_file": str(self.workspace.variables)}

    def _asking_env(self) -> dict[str, str]:
        # No CLI configuration: the version does not depend on it, and a broken one would be complained about here.
        return {name: value for name, value in self.env.items() if not name.startswith("TF_")}

    def _fingerprint(self) -> str:
        settings = (self.mirror_setting or "", self.cli_config_setting or "", *map(str, self.remote_state.items()))
        return fingerprint(self.binary, self.source_dir.absolute(), settings)

    def _stamp(self) -> dict[str, str]:
        return read_object(self.workspace.stamp)

    def _read_by(self, files: str) -> str:
        return f"{self._stamp().get('fingerprint', '')}:{files}"

    def _check_instance(self) -> None:
        if self.instance is None or not self.workspace.has_state():
            return
        recorded = self.workspace.instance
        made_by = recorded.read_text(encoding="utf-8") if recorded.exists() else "(not recorded)"
        if made_by != self.instance:
            raise ForeignStateError(made_by, self.instance)


def _result(progress: Progress, seconds: Mapping[str, float]) -> RunResult:
    counts = progress.counts or ChangeCounts(0, 0, 0, "")
    return RunResult(counts, progress.elapsed_s, _Seconds(seconds))


class _Seconds(dict[str, float]):
    """Seconds by resource; of what was made where nobody wrote it down, such as a run that was killed, it is said."""

    def __missing__(self, address: str) -> float:
        text = "How long {address} took is not known: no run of this lab told its end. Go on with the next cell."
        raise LabError(say(text, address=address))
