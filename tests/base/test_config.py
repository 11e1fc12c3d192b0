"""Settings: defaults, LAB_* variables, refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_helpers.base import config
from lab_helpers.base.errors import SettingsError


def test_defaults_are_the_article() -> None:
    """Without anything set: the local AWS, the article's region and buffer interval."""
    settings = config.load({})
    assert (settings.backend, settings.region, settings.buffer_s) == ("local", "ap-northeast-1", 60)
    assert settings.log_group == "/ecs/firelens"


def test_variable_overrides_default_and_argument_overrides_variable() -> None:
    """The nearer wins; an argument of None counts as not given."""
    environ = {"LAB_BUFFER_S": "5", "LAB_PREFIX": "ann"}
    settings = config.load(environ, prefix="bob", buffer_s=None)
    assert (settings.buffer_s, settings.prefix, settings.log_group) == (5, "bob", "/ecs/bob")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"LAB_BACKEND": "azure"}, "LAB_BACKEND is 'azure', but must be one of local, aws, endpoint"),
        ({"LAB_BUFFER_S": "901"}, "LAB_BUFFER_S is 901, but must be from 0 to 900"),
        ({"LAB_BUFFER_S": "soon"}, "LAB_BUFFER_S is 'soon', but must be a whole number"),
        ({"LAB_KEEP": "perhaps"}, "LAB_KEEP is 'perhaps', but must be true or false"),
        ({"LAB_PREFIX": "Lab_1"}, "LAB_PREFIX is 'Lab_1', but must be 2 to 20 characters"),
        ({"LAB_REGION": "Tokyo"}, "a region such as ap-northeast-1"),
        ({"LAB_AWS_ACCOUNT": "12"}, "12 digits"),
        ({"LAB_BUFER_S": "5"}, "LAB_BUFER_S is '5', but must be one of LAB_BACKEND"),
        ({"LAB_PORT": "65536"}, "a port"),
        ({"LAB_PREFIX": "firelens"}, "another one: this one's logs would be the default's"),
        ({"LAB_BACKEND": "endpoint"}, "an address such as http://127.0.0.1:4566"),
        ({"LAB_STATE_BUCKET": "s3://mine"}, "the name of an S3 bucket"),
        ({"LAB_BASE_IMAGE": "-x"}, "an image with its tag"),
        ({"LAB_LIFETIME_DAYS": "0"}, "from 1 to 30"),
    ],
)
def test_impossible_values_are_refused(environ: dict[str, str], said: str) -> None:
    """What, with which value, and what it may be."""
    with pytest.raises(SettingsError, match=said.replace("(", r"\(")):
        config.load(environ)


def test_false_is_false() -> None:
    """The one boolean parser takes words for what they say."""
    assert config.load({"LAB_KEEP": "false"}).keep is False
    assert config.load({"LAB_KEEP": "on"}).keep is True


def test_state_is_kept_apart_by_backend(tmp_path: Path) -> None:
    """No file of one backend's state is in another's folder."""
    folders = [
        config.load({}, home=tmp_path, backend=name, endpoint_url="http://127.0.0.1:4566").state
        for name in config.BACKENDS
    ]
    assert len(set(folders)) == len(config.BACKENDS)
    assert {folder.parent for folder in folders} == {tmp_path}


def test_inherited_environment_has_nothing_of_aws_or_terraform() -> None:
    """Keys, profiles, endpoints and Terraform's switches of the session reach no child of the local backend."""
    environ = {
        "AWS_PROFILE": "p",
        "AWS_ENDPOINT_URL": "http://x",
        "TF_VAR_prefix": "x",
        "TF_CLI_ARGS": "-x",
        "HOME": "/h",
    }
    assert config.inherited(environ) == {"HOME": "/h"}


def test_account_backend_never_inherits_an_endpoint() -> None:
    """An endpoint left over from elsewhere would lead a run on an account astray."""
    environ = {"AWS_PROFILE": "p", "AWS_ENDPOINT_URL": "http://x", "AWS_ENDPOINT_URL_S3": "http://y", "HOME": "/h"}
    given = config.session_environment(environ | {"AWS_CONFIG_FILE": "/dev/null"})
    assert given == {"AWS_PROFILE": "p", "HOME": "/h", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
