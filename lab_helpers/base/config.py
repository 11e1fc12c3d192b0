"""The lab's settings: defaults here, overridden by LAB_* variables, overridden by a notebook's parameters.

This is the only module that reads the environment.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_helpers.base import project
from lab_helpers.base.capabilities import CAPABILITIES, Capabilities
from lab_helpers.base.errors import SettingsError
from lab_helpers.base.files.whole_file import write_whole

BACKENDS = tuple(CAPABILITIES)
DEFAULT_PREFIX = "firelens-lab"
DEFAULT_LOG_GROUP = "/ecs/firelens"
"""The article's; a lab with the prefix `firelens` would share it, so there is none."""
PROJECT, HOME = project.project(), project.home()
"""Where notebooks, Terraform files and Fluent Bit files are, and where state is kept (see base.project)."""
_SECRETS = (
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "LAB_ENDPOINT_SECRET_ACCESS_KEY",
)  # fmt: skip
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?=.{2,20}$)(?!internal-)[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Settings:
    """What a run of the lab depends on. Each field `x_y` is also the environment variable LAB_X_Y.

    `home` holds all state (never the project's own folders); `port` 0 takes a free one; `buffer_s` is Firehose's buffer
    interval in seconds (0 to 900); `requests` how many requests the traffic notebook sends; `httpd`, `router` and
    `builder` name the program that plays that part; `image_mib` bounds what an image's layers unpack to (64 or more).
    On an account: `aws_account` is the 12-digit account that a run may touch, `aws_profile` the profile to use (empty:
    what boto3 finds), `accept_cost` the consent of a run that nobody watches, `check_permissions` whether to ask IAM
    before anything is made, `lifetime_days` after how many days a sweep may delete the lab, `state_bucket` the bucket
    that holds Terraform's state (empty: a file in `home`), `base_image` what the Fluent Bit image is built on (empty:
    the backend's own choice).
    `solve`: a headless run tries each step's wrong answers too (see exercises.steps).
    For the backend `endpoint`: its address, and the keys it wants to see.
    """

    backend: str = "local"
    prefix: str = DEFAULT_PREFIX
    region: str = "ap-northeast-1"
    home: Path = HOME
    port: int = 0
    requests: int = 300
    rate_per_s: float = 30.0
    buffer_s: int = 60
    owner: str = "trainee"
    httpd: str = "auto"
    router: str = "auto"
    builder: str = "auto"
    image_mib: int = 4096
    terraform: str = ""
    terraform_mirror: str = ""
    aws_account: str = ""
    aws_profile: str = ""
    accept_cost: bool = False
    check_permissions: bool = True
    lifetime_days: int = 2
    state_bucket: str = ""
    base_image: str = ""
    endpoint_url: str = ""
    endpoint_access_key_id: str = "test"
    endpoint_secret_access_key: str = field(default="test", repr=False)
    keep: bool = False
    solve: bool = False

    @property
    def state(self) -> Path:
        """The folder of this backend's state: nothing in it is shared with another backend."""
        return self.home / self.backend

    @property
    def can(self) -> Capabilities:
        """What the place that it runs on allows."""
        return CAPABILITIES[self.backend]

    @property
    def log_group(self) -> str:
        """The lab's log group: the article's for the default prefix, one of its own for any other."""
        return log_group_of(self.prefix)

    def __post_init__(self) -> None:
        for name, holds, expected in _rules(self):
            if not holds:
                raise SettingsError(f"LAB_{name.upper()}", getattr(self, name), expected)


def log_group_of(prefix: str) -> str:
    """Return the log group of the lab with this prefix."""
    return DEFAULT_LOG_GROUP if prefix == DEFAULT_PREFIX else f"/ecs/{prefix}"


def private_folder(path: Path) -> Path:
    """Make a folder that nobody else on this machine can look into; return it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file for its owner only, at once and whole."""
    write_whole(path, text.encode(), 0o600)


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Return the settings; `overrides` that are None count as not given.

    Raises SettingsError for an unknown name, or a value that cannot be.
    """
    environ = os.environ if environ is None else environ
    known = {field.name: field for field in dataclasses.fields(Settings)}
    unknown = [name for name in environ if name.startswith("LAB_") and name[4:].lower() not in known]
    if unknown:
        raise SettingsError(unknown[0], environ[unknown[0]], f"one of {', '.join(_variable(n) for n in known)}")
    values = {name: environ[_variable(name)] for name in known if environ.get(_variable(name))}
    given = {name: value for name, value in overrides.items() if value is not None}
    if set(given) - set(known):
        name = sorted(set(given) - set(known))[0]
        raise SettingsError(name, given[name], f"one of {', '.join(known)}")
    return Settings(**{name: _typed(name, value, known) for name, value in {**values, **given}.items()})


def inherited(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without anything that could lead AWS tools or Terraform astray.

    AWS_* of the session (keys, profiles, endpoints) and TF_* are left out; a child gets those that its backend names.
    """
    environ = os.environ if environ is None else environ
    return {name: value for name, value in environ.items() if not name.startswith(("AWS_", "TF_"))}


def session_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment as it is, for a run on a real account, without an endpoint left over from elsewhere.

    Endpoints in a profile of ~/.aws/config are ignored by AWS_IGNORE_CONFIGURED_ENDPOINT_URLS; it is in boto3, in the
    aws CLI, and in Terraform's AWS provider. A home of credentials made for the local AWS (a config file that is
    /dev/null) would hide the person's own profiles, so it goes too.
    """
    environ = os.environ if environ is None else environ
    kept = {name: value for name, value in environ.items() if not name.startswith(("AWS_ENDPOINT_URL", "TF_"))}
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        if kept.get(name) == os.devnull:
            del kept[name]
    return {**kept, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}


@contextmanager
def overriding(changes: Mapping[str, str]) -> Iterator[None]:
    """Give this process, and children that inherit from it, other variables; what was set before is put back."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def kernel_variables(startup: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what lets Python kernels read `startup` first; nothing where the person has a start-up file already."""
    environ = os.environ if environ is None else environ
    return {} if environ.get("PYTHONSTARTUP") else {"PYTHONSTARTUP": str(startup)}


def with_programs(folder: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a PATH that begins with `folder`: the programs beside this Python are found by terminals and kernels."""
    environ = os.environ if environ is None else environ
    rest = [part for part in environ.get("PATH", os.defpath).split(os.pathsep) if part and part != str(folder)]
    return {"PATH": os.pathsep.join([str(folder), *rest])}


def terminal_settings(environ: Mapping[str, str] | None = None) -> str:
    """Return JupyterLab's option for its terminals: the person's shell, and not as a login shell."""
    environ = os.environ if environ is None else environ
    return repr({"shell_command": [environ.get("SHELL") or "/bin/sh"]})


def known_secrets(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the values in the environment that no report may hold: keys and tokens of AWS, by their names."""
    environ = os.environ if environ is None else environ
    return [environ[name] for name in _SECRETS if environ.get(name)]


def terraform_cli_config(environ: Mapping[str, str] | None = None) -> str:
    """Return the path of Terraform's CLI configuration file, empty where none is named."""
    return (os.environ if environ is None else environ).get("TF_CLI_CONFIG_FILE", "")


def _variable(name: str) -> str:
    return f"LAB_{name.upper()}"


def _typed(name: str, value: Any, known: Mapping[str, dataclasses.Field[Any]]) -> Any:
    kind = str(known[name].type)
    if not isinstance(value, str):
        return Path(value) if kind == "Path" else value
    parsers: dict[str, Callable[[str], Any]] = {
        "int": int,
        "float": float,
        "bool": _boolean,
        "Path": lambda text: Path(text).resolve(),
    }
    try:
        return parsers.get(kind, str)(value)
    except ValueError as exc:
        expected = {"int": "a whole number", "float": "a number", "bool": "true or false"}[kind]
        raise SettingsError(_variable(name), value, expected) from exc


def _boolean(text: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError(text)
    return known[text.lower()]


def _rules(settings: Settings) -> list[tuple[str, bool, str]]:
    """Return (field, whether it holds, what is expected)."""
    return [
        ("backend", settings.backend in BACKENDS, f"one of {', '.join(BACKENDS)}"),
        (
            "prefix",
            bool(_PREFIX.fullmatch(settings.prefix)),
            "2 to 20 characters a-z, 0-9 and single hyphens, beginning with a letter (and not with internal-)",
        ),
        (
            "prefix",
            f"/ecs/{settings.prefix}" != DEFAULT_LOG_GROUP,
            "another one: this one's logs would be the default's",
        ),
        ("region", bool(re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", settings.region)), "a region such as ap-northeast-1"),
        ("port", 0 <= settings.port < 65536, "a port from 1 to 65535, or 0 for a free one"),
        ("requests", 1 <= settings.requests <= 100_000, "from 1 to 100000"),
        ("rate_per_s", 0 < settings.rate_per_s <= 1000, "above 0 and at most 1000"),
        ("buffer_s", 0 <= settings.buffer_s <= 900, "from 0 to 900 (seconds)"),
        ("httpd", settings.httpd in {"auto", "apache", "builtin"}, "auto, apache or builtin"),
        ("router", settings.router in {"auto", "fluent-bit", "builtin"}, "auto, fluent-bit or builtin"),
        (
            "builder",
            settings.builder in {"auto", "docker", "podman", "buildah", "builtin"},
            "auto, docker, podman, buildah or builtin",
        ),
        ("image_mib", 64 <= settings.image_mib <= 1 << 20, "from 64 to 1048576 (MiB)"),
        (
            "aws_account",
            not settings.aws_account or bool(re.fullmatch(r"\d{12}", settings.aws_account)),
            "12 digits",
        ),
        ("lifetime_days", 1 <= settings.lifetime_days <= 30, "from 1 to 30 (days)"),
        (
            "state_bucket",
            not settings.state_bucket or bool(_BUCKET.fullmatch(settings.state_bucket)),
            "the name of an S3 bucket",
        ),
        ("base_image", bool(re.fullmatch(r"([a-z0-9][\w.:/@-]*)?", settings.base_image)), "an image with its tag"),
        (
            "endpoint_url",
            settings.backend != "endpoint" or bool(re.fullmatch(r"https?://[^/\s]+/?", settings.endpoint_url)),
            "an address such as http://127.0.0.1:4566 for the backend endpoint",
        ),
    ]
