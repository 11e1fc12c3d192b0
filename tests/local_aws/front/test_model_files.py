"""Service descriptions are read as botocore reads them, only quicker."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import JSONFileLoader, Loader
from moto.core.loaders import create_loader

from lab_helpers.base.clients import Clients, QuickFileLoader
from lab_helpers.local_aws.server import LocalAws

DATA = Path(botocore.__file__).parent / "data"


@pytest.mark.parametrize("name", ["endpoints", "s3/2006-03-01/service-2", "ec2/2016-11-15/service-2", "none/none"])
def test_the_same_is_read_in_the_same_order(name: str) -> None:
    """Packed or not; None where there is no such file."""
    wanted, found = (kind().load_file(str(DATA / name)) for kind in (JSONFileLoader, QuickFileLoader))
    assert json.dumps(found) == json.dumps(wanted)


def test_the_labs_clients_read_so() -> None:
    """Those of an account, too; nothing of boto3 itself is changed for it."""
    for clients in (Clients.local("http://127.0.0.1:1", "ap-northeast-1"), Clients.account("ap-northeast-1")):
        assert isinstance(clients.session._session.get_component("data_loader").file_loader, QuickFileLoader)
        assert clients.client("logs").meta.service_model.service_name == "logs"


def test_sessions_share_what_they_read() -> None:
    """Two Regions, two sessions, one description."""
    one, other = (Clients.local("http://127.0.0.1:1", region).client("logs") for region in ("eu-west-1", "us-east-1"))
    assert one.meta.service_model._service_description is other.meta.service_model._service_description


@pytest.mark.parametrize("service", ["s3", "ec2", "sqs", "iam"])
def test_motos_additions_stay_motos(aws: LocalAws, service: str) -> None:
    """moto adds shapes and defaults of its own to what it reads: they are in no answer's model and no client's."""
    with pytest.raises(ClientError):
        aws.client("s3").get_bucket_location(Bucket="nowhere")  # here botocore changes paths in the description it has
    motos = create_loader().load_service_model(service, "service-2")
    plain = Loader()
    plain.file_loader = JSONFileLoader()
    ours = Loader().load_service_model(service, "service-2")
    assert json.dumps(ours) == json.dumps(plain.load_service_model(service, "service-2"))
    assert ours is not motos
    assert (motos == ours) is (service == "iam"), "the others are those that moto adds to"


def test_an_accounts_clients_are_of_the_profile_that_was_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever profile the environment names: the loader was asked for before anything else, and read the profile."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    file.write_text("".join(f"[{n}]\naws_access_key_id = key-{n}\naws_secret_access_key = x\n" for n in ("foo", "bar")))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "foo")
    used = {profile: Clients.account("ap-northeast-1", profile).session.get_credentials() for profile in (None, "bar")}
    assert {profile: found.access_key for profile, found in used.items()} == {None: "key-foo", "bar": "key-bar"}


def test_a_plain_file_is_found_too(tmp_path: Path) -> None:
    """Extensions of one's own are plain, and come before packed ones."""
    (tmp_path / "own.json").write_text('{"b": "é", "a": 1}')
    assert list(QuickFileLoader().load_file(str(tmp_path / "own"))) == ["b", "a"]


def test_the_servers_sessions_read_so(aws: LocalAws) -> None:
    """Loaders made once a server runs, moto's among them."""
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert isinstance(Loader().file_loader, QuickFileLoader)
