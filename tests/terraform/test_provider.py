"""Where the AWS provider comes from: each place in its turn."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab_helpers.base.errors import ProviderNotFoundError, SettingsError
from lab_helpers.terraform.mirrors import Mirror, usable_mirror
from lab_helpers.terraform.provider import ProviderSearch, ProviderSource, cli_config, probe_registry
from tests.terraform.test_mirrors import LINUX, packed, unpacked


def find_nothing(_: list[Path], __: str) -> None:
    return None


def offline(_: Mapping[str, str]) -> str:
    return "no network"


def online(_: Mapping[str, str]) -> str:
    return ""


def a_search(
    tmp_path: Path, setting: str | None = None, own_config: Path | None = None, **seams: object
) -> ProviderSearch:
    """Return a search on a machine with nothing on it, except what the test puts there."""
    circumstances: dict[str, object] = {"search_folders": find_nothing, "probe_registry": offline, **seams}
    env = {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "share")}
    own = str(own_config) if own_config else None
    return ProviderSearch(setting, env, tmp_path / "lab", LINUX, own, **circumstances)  # type: ignore[arg-type]


def test_the_setting_goes_before_all_else(tmp_path: Path) -> None:
    """Whoever sets LAB_TERRAFORM_MIRROR means it."""
    unpacked(tmp_path / "home" / ".terraform.d" / "plugins")
    mirror = packed(tmp_path / "my mirror")
    found = a_search(tmp_path, str(mirror), probe_registry=online).find()
    assert found.mirror is not None
    assert found.mirror.folder == mirror


def test_a_wrong_setting_is_an_error(tmp_path: Path) -> None:
    """It is not passed over in silence: the error names the setting, its value and what it must be."""
    with pytest.raises(SettingsError, match=r"LAB_TERRAFORM_MIRROR is '.*nowhere', but must be a folder that holds"):
        a_search(tmp_path, str(tmp_path / "nowhere"), probe_registry=online).find()


def write_config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my.tfrc"
    path.write_text(text)
    return path


def test_terraforms_own_configuration_is_used_as_it_is(tmp_path: Path) -> None:
    """It may hold more than the path: the lab hands the file itself to Terraform."""
    mirror = unpacked(tmp_path / "mirror")
    config = write_config(tmp_path, f'provider_installation {{\n filesystem_mirror {{\n  path = "{mirror}"\n }}\n}}\n')
    found = a_search(tmp_path, own_config=config).find()
    assert (found.own_config, found.mirror) == (config, None)


def test_a_network_mirror_is_trusted(tmp_path: Path) -> None:
    """What it holds cannot be seen from here."""
    config = write_config(tmp_path, 'provider_installation { network_mirror { url = "https://mirror.example/" } }')
    assert a_search(tmp_path, own_config=config).find().own_config == config


@pytest.mark.parametrize(
    "text",
    [
        'credentials "app.example" { token = "x" }',
        'provider_installation { filesystem_mirror { path = "/nowhere" } }',
        '# provider_installation { network_mirror { url = "https://mirror.example/" } }',
    ],
)
def test_a_configuration_without_the_provider_is_passed_over(tmp_path: Path, text: str) -> None:
    """A file with credentials only, with an empty mirror or with the block commented out leads nowhere."""
    config = write_config(tmp_path, text)
    with pytest.raises(ProviderNotFoundError, match=f"CLI configuration {config}"):
        a_search(tmp_path, own_config=config).find()


def test_an_implied_mirror_goes_before_the_search(tmp_path: Path) -> None:
    """Terraform itself would look there."""
    mirror = unpacked(tmp_path / "share" / "terraform" / "plugins")
    found = a_search(tmp_path, search_folders=lambda *_: pytest.fail("searched")).find()
    assert found.origin == "implied mirror"
    assert found.mirror is not None
    assert found.mirror.folder == mirror


def test_the_search_goes_before_the_registry(tmp_path: Path) -> None:
    """What is on the machine needs no network."""
    mirror = usable_mirror(unpacked(tmp_path / "opt"), LINUX)
    found = a_search(tmp_path, search_folders=lambda *_: mirror, probe_registry=online).find()
    assert found.mirror == mirror


def test_the_registry_is_the_last_resort(tmp_path: Path) -> None:
    """With a network and nothing else, Terraform downloads."""
    assert a_search(tmp_path, probe_registry=online).find() == ProviderSource("registry")


def test_the_error_names_all_that_was_tried(tmp_path: Path) -> None:
    """Every place, and why not: the reader can put the provider into any of them."""
    with pytest.raises(ProviderNotFoundError) as caught:
        a_search(tmp_path, own_config=tmp_path / "gone.tfrc").find()
    told = str(caught.value)
    for place in ("LAB_TERRAFORM_MIRROR", "gone.tfrc", ".terraform.d", "terraform/plugins", "/opt", "no network"):
        assert place in told


def test_the_configuration_installs_from_the_mirror_only(tmp_path: Path) -> None:
    """With `direct` left open Terraform would ask the registry as well, and wait for it without a network."""
    mirror = Mirror(Path('/opt/a "b" ${c}'), usable_mirror(unpacked(tmp_path), LINUX).version)  # type: ignore[union-attr]
    text = cli_config(ProviderSource("setting", mirror))
    assert r'path    = "/opt/a \"b\" $${c}"' in text
    assert "direct {\n    exclude" in text


def test_the_registry_needs_no_installation_block() -> None:
    """Terraform's default is right there."""
    assert "provider_installation" not in cli_config(ProviderSource("registry"))


def test_an_unreachable_registry_is_known_at_once() -> None:
    """The probe uses the proxy that Terraform would use; here nothing listens at it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert "refused" in probe_registry({"HTTPS_PROXY": proxy})


def test_a_registry_that_does_not_answer_is_given_up() -> None:
    """Somebody listens and says nothing: the probe ends by its own bound."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        begin = time.monotonic()
        why_not = probe_registry({"https_proxy": f"http://127.0.0.1:{mute.getsockname()[1]}"}, timeout_s=0.3)
        assert why_not
        assert time.monotonic() - begin < 5
