"""Apply modules that people use on a throw-away local AWS: `make modules`, or

    python -m tests.modules FOLDER [--only vpc,ecs] [--keep FOLDER]

FOLDER holds checkouts named terraform-aws-vpc, terraform-aws-ecs and so on, at the versions of docs/truth.md; whoever
runs it fetches them. Each root module of `roots` is applied, planned again (nothing may be left to do) and destroyed
(nothing may be left). Prints Terraform's errors and the table of docs/truth.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab_helpers.terraform.binary import TerraformBinary, find_binary
from lab_helpers.terraform.provider import ProviderSearch, cli_config
from tests.modules.steps import HEAD, Step, missing_checkouts, row, sources, verdict

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
READY_S = 120
STEP_S = 1500
"""The provider waits up to 20 minutes for what does not go away."""
STEPS = {
    "apply": ("apply", "-auto-approve"),
    "plan": ("plan", "-detailed-exitcode"),
    "destroy": ("destroy", "-auto-approve"),
}


def main() -> int:
    """Run what was asked for; exit status 1 when a step of a module failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.modules", description="Terraform modules on the local AWS")
    parser.add_argument("folder", type=Path, help="checkouts of terraform-aws-modules")
    parser.add_argument("--only", default="", help="with commas; default: all")
    parser.add_argument("--keep", type=Path, help="a folder for what Terraform and the local AWS say")
    args = parser.parse_args()
    names = args.only.split(",") if args.only else sorted(path.name for path in (HERE / "roots").iterdir())
    unknown = [name for name in names if not (HERE / "roots" / name / "main.tf").is_file()]
    if unknown:
        parser.error(f"no such root module: {', '.join(unknown)}")
    rows, failed = [], False
    for name in names:
        absent = missing_checkouts(sources((HERE / "roots" / name / "main.tf").read_text()), args.folder)
        if absent:
            print(f"{name}: left out, {args.folder} has no {', '.join(absent)}")
            continue
        with _work_folder(args.keep, name) as work:
            steps = _run(name, args.folder.resolve(), work)
        failed |= any(not step.good for step in steps)
        rows.append(row(name, steps))
        print(rows[-1], flush=True)
    print("\n".join([HEAD, *rows]))
    return 1 if failed else 0


@contextmanager
def _work_folder(keep: Path | None, name: str) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory() as made:
            yield Path(made)
        return
    folder = keep.resolve() / name
    folder.mkdir(parents=True)
    yield folder


def _run(name: str, checkouts: Path, work: Path) -> list[Step]:
    root = work / "root"
    root.mkdir()
    (root / "main.tf").write_text((HERE / "roots" / name / "main.tf").read_text())
    (root / "modules").symlink_to(checkouts)
    binary = find_binary(os.environ.get("LAB_TERRAFORM"), os.environ, work)
    with _local_aws(work / "aws") as aws:
        environment = _environment(binary, root, work) | aws
        told = _terraform(binary, ("init",), root, environment)
        if told.returncode:
            return [verdict("init", told.returncode, _said(name, told))]
        steps = []
        for step, arguments in STEPS.items():
            told = _terraform(binary, arguments, root, environment)
            (work / f"{step}.log").write_text(told.stdout + told.stderr)
            steps.append(verdict(step, told.returncode, _said(name, told)))
        return steps


def _terraform(
    binary: TerraformBinary, arguments: tuple[str, ...], root: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    command = [str(binary.path), *arguments, "-no-color"]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=STEP_S)


def _said(name: str, told: subprocess.CompletedProcess[str]) -> str:
    if told.returncode:
        print(f"--- {name}: {' '.join(told.args[1:])}\n{told.stdout[-4000:]}{told.stderr[-6000:]}", flush=True)
    return told.stdout


def _environment(binary: TerraformBinary, root: Path, work: Path) -> dict[str, str]:
    own = os.environ.get("TF_CLI_CONFIG_FILE")
    found = ProviderSearch(os.environ.get("LAB_TERRAFORM_MIRROR"), os.environ, root, binary.platform, own).find()
    config = work / "terraform.rc"
    config.write_text(cli_config(found))
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))}
    return clean | {
        "TF_CLI_CONFIG_FILE": str(found.own_config or config),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
    }


@contextmanager
def _local_aws(folder: Path) -> Iterator[dict[str, str]]:
    """The environment of clients of a server without anything in it."""
    folder.mkdir()
    command = [sys.executable, "-m", "lab_helpers.local_aws", "--data-dir", str(folder)]
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as server,
    ):
        try:
            until = time.monotonic() + READY_S
            while not (folder / "server.json").exists():
                if server.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"the local AWS did not start: {(folder / 'server.log').read_text()[-2000:]}")
                time.sleep(0.1)
            state = json.loads((folder / "server.json").read_text())
            yield {
                "AWS_ENDPOINT_URL": state["endpoint_url"],
                "AWS_ACCESS_KEY_ID": state["access_key_id"],
                "AWS_SECRET_ACCESS_KEY": state["secret_access_key"],
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        finally:
            server.terminate()


if __name__ == "__main__":
    raise SystemExit(main())
