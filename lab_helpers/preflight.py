"""What is installed, what would be used, and what is missing: `lab doctor`, and the first notebook's first table.

What is missing comes with how to get it on this kind of machine. What is needed differs by backend: an account needs an
image builder and credentials, the local AWS neither.
"""

from __future__ import annotations

import importlib.metadata
import platform
import re
import shutil
import sys

from lab_helpers.backends.local import backend_of
from lab_helpers.base import config, process
from lab_helpers.base.config import Settings
from lab_helpers.base.errors import LabError, SettingsError
from lab_helpers.base.lazy import pd
from lab_helpers.base.messages import say
from lab_helpers.base.redact import last_digits, redact
from lab_helpers.base.remedies import remedy
from lab_helpers.images.engines import ENGINES, find_engine
from lab_helpers.terraform import find_binary
from lab_helpers.terraform.provider import ProviderSearch, ProviderSource

COLUMNS = ["part", "uses", "version", "ok", "remark"]
OLDEST_PYTHON = (3, 11)


def inspect(settings: Settings) -> pd.DataFrame:
    """Return one row a part of the lab: part, uses (which program), version, ok (enough to run), remark."""
    rows = [
        _python(),
        *_terraform(settings),
        _httpd(settings),
        _router(settings),
        _builder(settings),
        _package("JupyterLab", "jupyterlab"),
        *_backend(settings),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


Row = tuple[str, str, str, bool, str]


def _python() -> Row:
    ok = sys.version_info >= OLDEST_PYTHON
    return (
        "Python",
        "CPython",
        platform.python_version(),
        ok,
        "" if ok else say("3.11 or newer: {remedy}", remedy=remedy("python")),
    )


def _terraform(settings: Settings) -> list[Row]:
    env, work_dir = config.inherited(), settings.state / "terraform"
    try:
        binary = find_binary(settings.terraform or None, env, work_dir)
    except LabError as exc:
        return [("Terraform", "none", "", False, f"{exc} {remedy('terraform')}")]
    rows: list[Row] = [("Terraform", say("from {origin}", origin=say(binary.origin)), str(binary.version), True, "")]
    mirror, own_config = settings.terraform_mirror or None, config.terraform_cli_config() or None
    search = ProviderSearch(mirror, env, config.PROJECT / "terraform", binary.platform, own_config)
    try:
        rows.append(_provider(search.find()))
    except LabError as exc:
        rows.append(("AWS provider", "none", "", False, f"{exc} {remedy('provider')}"))
    return rows


def _provider(source: ProviderSource) -> Row:
    """Where it is on this machine is nobody's business: the table is kept in notebooks."""
    if source.mirror is not None:
        return (
            "AWS provider",
            say("a mirror on this machine ({origin})", origin=say(source.origin)),
            str(source.mirror.version),
            True,
            "",
        )
    uses = say("Terraform's CLI configuration") if source.own_config else say("the registry")
    return ("AWS provider", uses, "", True, "")


def _httpd(settings: Settings) -> Row:
    found = _first_on_path("apache2", "httpd")
    if not settings.can.runs_tasks_here:
        return ("httpd", say("the image httpd:latest"), "", True, say("on Fargate"))
    if settings.httpd == "builtin" or (settings.httpd == "auto" and not found):
        return ("httpd", say("built-in server"), "", True, say("for the real one: {remedy}", remedy=remedy("httpd")))
    if not found:
        missing = say("Apache was asked for and is not installed: {remedy}", remedy=remedy("httpd"))
        return ("httpd", "none", "", False, missing)
    return ("httpd", "Apache", _version([found, "-v"]), True, "")


def _router(settings: Settings) -> Row:
    found = _first_on_path("fluent-bit")
    if not settings.can.runs_tasks_here:
        return ("log router", say("the image built by terraform apply"), "", True, say("on Fargate"))
    if settings.router == "builtin" or (settings.router == "auto" and not found):
        return ("log router", say("built-in, compatible with Fluent Bit 5.1"), "", True, "")
    if not found:
        missing = say("fluent-bit was asked for and is not installed: {remedy}", remedy=remedy("router"))
        return ("log router", "none", "", False, missing)
    return ("log router", "Fluent Bit", _version([found, "--version"]), True, "")


def _builder(settings: Settings) -> Row:
    wanted = ENGINES if settings.builder == "auto" else tuple(name for name in ENGINES if name == settings.builder)
    engine = find_engine(wanted)
    if engine is not None:
        return ("image builder", engine.name, _version([engine.name, "--version"]), True, "")
    if not settings.can.takes_plain_images or settings.builder in ENGINES:
        names = ", ".join(wanted or ENGINES)
        missing = say("none of {names} answers: {remedy}", names=names, remedy=remedy("builder"))
        return ("image builder", "none", "", False, missing)
    more = say("an emulator that runs containers needs more: {remedy}", remedy=remedy("builder"))
    return ("image builder", say("built-in (FROM and COPY)"), "", True, "" if settings.can.runs_tasks_here else more)


def _backend(settings: Settings) -> list[Row]:
    if settings.can.is_embedded:
        return [_package("local AWS: control plane", "moto")]
    if settings.can.has_own_endpoint:
        return [_answers("endpoint", settings)]
    return [_answers("credentials", settings), _account(settings), _aws_cli()]


def _answers(part: str, settings: Settings) -> Row:
    """Who one is there; not with the account's number: the table is kept in notebooks."""
    backend = backend_of(settings)
    try:
        who = backend.caller_arn()
    except LabError as exc:
        return (part, "none", "", False, str(exc))
    return (part, redact(who), "", True, "")


def _account(settings: Settings) -> Row:
    try:
        backend_of(settings).start()
    except SettingsError as exc:
        return ("account", "none", "", False, f"{exc} {'' if settings.aws_account else remedy('account')}".rstrip())
    except LabError:
        return ("account", "unknown", "", False, say("without credentials nobody knows"))
    return ("account", say("the named one ({digits})", digits=last_digits(settings.aws_account)), "", True, "")


def _aws_cli() -> Row:
    found = shutil.which("aws")
    if found is None:
        return ("aws CLI", "none", "", True, say("not needed, but handy: {remedy}", remedy=remedy("aws")))
    return ("aws CLI", "aws", _version([found, "--version"]), True, "")


def _package(part: str, name: str) -> Row:
    return (part, name, importlib.metadata.version(name), True, "")


def _version(argv: list[str]) -> str:
    """Return the first dotted number that a program prints about itself."""
    done = process.run(argv, timeout_s=10.0, env=config.inherited())
    found = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return found.group() if found else ""


def _first_on_path(*names: str) -> str:
    # Debian keeps apache2 in /usr/sbin, which is not on an ordinary user's PATH.
    found = (shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in names)
    return next((path for path in found if path), "")
