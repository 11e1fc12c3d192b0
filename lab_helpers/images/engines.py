"""Container engines that can build and push: docker, podman, buildah.

The registry's password goes through standard input into a credentials file of its own, which is gone afterwards;
neither the user's own credentials nor any command line ever sees it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.base.config import inherited
from lab_helpers.base.errors import ImageError, MissingToolError
from lab_helpers.images.registry import Login

ENGINES = ("docker", "podman", "buildah")
_PROBE_S, _LOGIN_S, _BUILD_S, _PUSH_S = 5, 60, 1800, 1800
_OTHER = "another builder (auto, builtin)"


@dataclass(frozen=True)
class Engine:
    """An engine's commands."""

    name: str

    def build(
        self, context_dir: Path, dockerfile: str, reference: str, build_args: Mapping[str, str], architecture: str
    ) -> None:
        """Build `reference`; raises ImageError with the end of the engine's output."""
        options = ["--platform", f"linux/{architecture}", "-t", reference, "-f", str(context_dir / dockerfile)]
        for name, value in build_args.items():
            options += ["--build-arg", f"{name}={value}"]
        self._run("build", [*options, str(context_dir)], _BUILD_S)

    def push(self, reference: str, login: Login) -> None:
        """Push `reference`; raises ImageError."""
        with tempfile.TemporaryDirectory(prefix="lab-registry-") as folder:
            options = [] if self.name == "docker" else [f"--authfile={folder}/auth.json", f"--tls-verify={_tls(login)}"]
            registry = reference.partition("/")[0]
            log_in = [*options, "--username", "AWS", "--password-stdin", registry]
            extra = {"DOCKER_CONFIG": folder, **self._daemon()}
            self._run("login", log_in, _LOGIN_S, extra, login.password)
            self._run("push", [*options, reference], _PUSH_S, extra)

    def _daemon(self) -> dict[str, str]:
        """Return where docker's daemon is: a configuration of our own hides the context that names it.

        Empty where the environment names it itself, and for engines without a daemon.
        """
        if self.name != "docker" or inherited().keys() & {"DOCKER_HOST", "DOCKER_CONTEXT"}:
            return {}
        argv = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
        done = subprocess.run(argv, env=inherited(), text=True, capture_output=True, timeout=_PROBE_S)
        host = done.stdout.strip()
        return {"DOCKER_HOST": host} if done.returncode == 0 and "://" in host else {}

    def _run(
        self,
        verb: str,
        arguments: Sequence[str],
        timeout_s: float,
        extra: Mapping[str, str] | None = None,
        stdin: str = "",
    ) -> None:
        # No attestations: they would make the image an index, and its digest another one at every build.
        environment = {**inherited(), "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", **(extra or {})}
        argv = [self.name, verb, *arguments]
        try:
            done = subprocess.run(argv, env=environment, input=stdin, text=True, capture_output=True, timeout=timeout_s)
        except FileNotFoundError as exc:
            raise MissingToolError(self.name, "there is no such program", f"Install it, or choose {_OTHER}.") from exc
        except subprocess.TimeoutExpired as exc:
            raise ImageError(f"{self.name} {verb} did not end within {timeout_s:.0f} s.") from exc
        if done.returncode != 0:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise ImageError(f"{self.name} {verb} ended with status {done.returncode}:\n{end}")


def find_engine(names: Sequence[str] = ENGINES) -> Engine | None:
    """Return the first engine that is installed and answers within seconds."""
    return next((Engine(name) for name in names if _answers(name)), None)


def _answers(name: str) -> bool:
    if shutil.which(name) is None:
        return False
    try:
        return subprocess.run([name, "info"], capture_output=True, timeout=_PROBE_S).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _tls(login: Login) -> str:
    return "false" if login.is_local else "true"
