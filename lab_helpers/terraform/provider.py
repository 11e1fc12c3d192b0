"""Where Terraform gets its AWS provider from on this machine, and the CLI configuration that tells it so.

In this order: the setting, Terraform's own CLI configuration, its implied mirror directories, a bounded search of the
conventional install prefixes, the registry. Nothing here knows a path of a particular machine.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_helpers.base.errors import ProviderNotFoundError, SettingsError
from lab_helpers.terraform.mirrors import Mirror, conventional_roots, home_of, implied_folders, search, usable_mirror

log = logging.getLogger(__name__)

REGISTRY_URL = "https://registry.terraform.io/.well-known/terraform.json"
"""The first thing that Terraform itself asks the registry."""

PROBE_SECONDS = 10.0

_MIRROR_BLOCK = re.compile(r'filesystem_mirror\s*\{[^}]*?\bpath\s*=\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_COMMENT = re.compile(r"(?m)^\s*(#|//).*$")


@dataclass(frozen=True)
class ProviderSource:
    """What was decided on: exactly one of mirror, own configuration, registry (both None)."""

    origin: str
    """In words, e.g. "setting", "implied mirror", "registry"."""
    mirror: Mirror | None = None
    own_config: Path | None = None

    def __str__(self) -> str:
        if self.mirror is not None:
            return f"hashicorp/aws {self.mirror.version} from {self.mirror.folder} ({self.origin})"
        return f"hashicorp/aws from {self.own_config or 'the registry'} ({self.origin})"


@dataclass(frozen=True)
class ProviderSearch:
    """The circumstances of a search; the two callables are the only slow or outward things in it."""

    setting: str | None
    env: Mapping[str, str]
    source_dir: Path
    platform: str
    own_config: str | None = None
    """The session's TF_CLI_CONFIG_FILE, where there is one."""
    search_folders: Callable[[list[Path], str], Mirror | None] = search
    probe_registry: Callable[[Mapping[str, str]], str] | None = None
    """Returns "" when the registry answers, else why not."""

    def find(self) -> ProviderSource:
        """Return the first source that works.

        Raises SettingsError when the set mirror has no usable provider, ProviderNotFoundError when nothing has one.
        """
        if self.setting:
            return self._from_setting(Path(self.setting).expanduser())
        tried: list[str] = ["LAB_TERRAFORM_MIRROR: not set"]
        for step in (self._from_own_config, self._from_implied, self._from_search, self._from_registry):
            found = step(tried)
            if found is not None:
                log.info("provider: %s", found)
                return found
        raise ProviderNotFoundError(tried)

    def _from_setting(self, folder: Path) -> ProviderSource:
        mirror = usable_mirror(folder.absolute(), self.platform)
        if mirror is None:
            expected = f"a folder that holds registry.terraform.io/hashicorp/aws 5.100 or newer 5.x for {self.platform}"
            raise SettingsError("LAB_TERRAFORM_MIRROR", str(folder), expected)
        return ProviderSource("setting", mirror)

    def _from_own_config(self, tried: list[str]) -> ProviderSource | None:
        path = Path(self.own_config) if self.own_config else home_of(self.env) / ".terraformrc"
        try:
            text = _COMMENT.sub("", path.read_text(encoding="utf-8"))
        except OSError:
            tried.append(f"Terraform's CLI configuration {path}: no such file")
            return None
        if "provider_installation" not in text:
            tried.append(f"Terraform's CLI configuration {path}: says nothing about provider installation")
            return None
        folders = [Path(folder).expanduser() for folder in _MIRROR_BLOCK.findall(text)]
        if "network_mirror" in text or any(usable_mirror(folder, self.platform) for folder in folders):
            return ProviderSource("Terraform's CLI configuration", own_config=path)
        tried.append(f"Terraform's CLI configuration {path}: its mirrors {[str(f) for f in folders]} do not have it")
        return None

    def _from_implied(self, tried: list[str]) -> ProviderSource | None:
        for folder in implied_folders(self.env, self.source_dir, self.platform):
            if mirror := usable_mirror(folder, self.platform):
                return ProviderSource("implied mirror", mirror)
            tried.append(f"Terraform's implied mirror {folder}: no usable provider in it")
        return None

    def _from_search(self, tried: list[str]) -> ProviderSource | None:
        roots = conventional_roots(self.env, sys.prefix)
        if mirror := self.search_folders(roots, self.platform):
            return ProviderSource("search of install prefixes", mirror)
        tried.append(f"a folder with registry.terraform.io/hashicorp/aws below {', '.join(map(str, roots))}: none")
        return None

    def _from_registry(self, tried: list[str]) -> ProviderSource | None:
        why_not = (self.probe_registry or probe_registry)(self.env)
        if not why_not:
            return ProviderSource("registry")
        tried.append(f"the registry: {why_not}")
        return None


def cli_config(source: ProviderSource) -> str:
    """Return the text of a Terraform CLI configuration that installs providers from this source, and only from it."""
    if source.mirror is None:
        # The lab keeps no lock file (see .gitignore), without which Terraform would not trust its plugin cache.
        return "plugin_cache_may_break_dependency_lock_file = true\n"
    folder = str(source.mirror.folder).replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${")
    return (
        "plugin_cache_may_break_dependency_lock_file = true\n\n"
        "provider_installation {\n"
        "  filesystem_mirror {\n"
        f'    path    = "{folder}"\n'
        '    include = ["registry.terraform.io/hashicorp/aws"]\n'
        "  }\n"
        "  direct {\n"
        '    exclude = ["registry.terraform.io/hashicorp/aws"]\n'
        "  }\n"
        "}\n"
    )


def probe_registry(env: Mapping[str, str], timeout_s: float = PROBE_SECONDS) -> str:
    """Return "" when the registry answers within `timeout_s`, else why it does not."""
    answer: list[str] = []
    # Resolving a name has no timeout of its own; a thread that hangs in it is left behind and ends with the process.
    asker = threading.Thread(target=lambda: answer.append(_ask_registry(env, timeout_s)), daemon=True)
    asker.start()
    asker.join(timeout_s)
    return answer[0] if answer else f"no answer within {timeout_s:.0f} s"


def _ask_registry(env: Mapping[str, str], timeout_s: float) -> str:
    proxy = env.get("HTTPS_PROXY") or env.get("https_proxy")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"https": proxy} if proxy else {}))
    try:
        with opener.open(REGISTRY_URL, timeout=timeout_s) as response:
            return "" if response.status == 200 else f"status {response.status}"
    except (OSError, ValueError) as exc:
        return str(exc)
