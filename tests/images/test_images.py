"""Images: a Dockerfile becomes an OCI image in ECR, the same content the same digest, and can be looked into."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_helpers.base.errors import ImageError, MissingToolError, SettingsError
from lab_helpers.images import BuiltImage, DockerfileError, build, inspect, publish, read_file
from lab_helpers.images.dockerfile import parse_dockerfile
from lab_helpers.images.engines import Engine, find_engine
from lab_helpers.images.ignore import parse_ignore_rules
from lab_helpers.images.registry import Login, log_in
from lab_helpers.local_aws.ecr import EcrService
from lab_helpers.local_aws.server import LocalAws

DOCKERFILE = """\
# the article's image
ARG BASE_IMAGE=amazon/aws-for-fluent-bit:latest
FROM ${BASE_IMAGE}
COPY extra.conf /fluent-bit/etc/extra.conf
"""


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "fluent bit"
    folder.mkdir()
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "extra.conf").write_text("[OUTPUT]\n    Name cloudwatch_logs\n")
    return folder


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("aws"), factories=[EcrService]) as running:
        yield running


@pytest.fixture
def ecr(aws: LocalAws) -> Iterator[Any]:
    client = aws.client("ecr")
    client.create_repository(repositoryName="lab/fluentbit")
    yield client
    client.delete_repository(repositoryName="lab/fluentbit", force=True)


@pytest.fixture
def url(ecr: Any) -> str:
    (found,) = ecr.describe_repositories(repositoryNames=["lab/fluentbit"])["repositories"]
    return str(found["repositoryUri"])


def config_of(image: BuiltImage) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(image.blobs[json.loads(image.manifest)["config"]["digest"]])
    return parsed


def members(image: BuiltImage, number: int = 0) -> dict[str, tarfile.TarInfo]:
    layer = image.blobs[json.loads(image.manifest)["layers"][number]["digest"]]
    with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as archive:
        return {member.name: member for member in archive}


def test_published_image_can_be_read_back(context: Path, ecr: Any, url: str):
    """What COPY put into the image comes out of ECR, byte for byte, with the base named and the digest known."""
    published = publish(context, "Dockerfile", url, "latest", ecr, builder="builtin")
    assert published.builder == "builtin"
    assert published.uri == f"{url}:latest"
    content = inspect(ecr, "lab/fluentbit", "latest")
    assert content.digest == published.digest
    assert content.base == "amazon/aws-for-fluent-bit:latest"
    assert [file.path for file in content.files] == ["/fluent-bit/etc/extra.conf"]
    assert content.layers[0].created_by == "COPY extra.conf /fluent-bit/etc/extra.conf"
    read = read_file(ecr, "lab/fluentbit", "latest", "/fluent-bit/etc/extra.conf")
    assert read == (context / "extra.conf").read_bytes()


def test_same_content_same_digest_and_pushing_twice_is_fine(context: Path, ecr: Any, url: str):
    """Time and place of the build do not matter; a changed file does, and moves the tag."""
    first = publish(context, "Dockerfile", url, "latest", ecr, builder="builtin")
    os.utime(context / "extra.conf", (1, 1))
    assert publish(context, "Dockerfile", url, "latest", ecr, builder="builtin") == first
    (context / "extra.conf").write_text("[OUTPUT]\n    Name null\n")
    changed = publish(context, "Dockerfile", url, "latest", ecr, builder="builtin")
    assert changed.digest != first.digest
    assert read_file(ecr, "lab/fluentbit", "latest", "/fluent-bit/etc/extra.conf").endswith(b"null\n")
    assert len(ecr.describe_images(repositoryName="lab/fluentbit")["imageDetails"]) == 2


def test_a_missing_image_or_file_is_named(context: Path, ecr: Any, url: str):
    """Reading what is not there says what to do."""
    with pytest.raises(ImageError, match="no image lab/fluentbit:latest in ECR"):
        read_file(ecr, "lab/fluentbit", "latest", "/x")
    publish(context, "Dockerfile", url, "latest", ecr, builder="builtin")
    with pytest.raises(ImageError, match="no file /x"):
        read_file(ecr, "lab/fluentbit", "latest", "/x")


def test_build_arguments_choose_the_base(context: Path):
    """--build-arg wins over ARG's default; one that no ARG takes is refused."""
    image = build(context, "Dockerfile", {"BASE_IMAGE": "public.ecr.aws/x:1"})
    assert json.loads(image.manifest)["annotations"] == {"org.opencontainers.image.base.name": "public.ecr.aws/x:1"}
    with pytest.raises(ImageError, match="no ARG takes the build argument OTHER"):
        build(context, "Dockerfile", {"OTHER": "x"})


def test_configuration_instructions(context: Path):
    """ENV, LABEL, WORKDIR, USER, EXPOSE, ENTRYPOINT and CMD become the image's configuration."""
    (context / "Dockerfile").write_text(
        'FROM scratch\nENV A=1 B="two words"\nENV C ${A}3\nLABEL who=lab\nWORKDIR /srv\nUSER 1000\n'
        'EXPOSE 80 514/udp\nENTRYPOINT ["/bin/x", "-v"]\nCMD run \\\n  --fast\n'
    )
    assert config_of(build(context, "Dockerfile", architecture="arm64")) | {"rootfs": None} == {
        "architecture": "arm64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "history": [],
        "rootfs": None,
        "config": {
            "Env": ["A=1", "B=two words", "C=13"],
            "Labels": {"who": "lab"},
            "WorkingDir": "/srv",
            "User": "1000",
            "ExposedPorts": {"80/tcp": {}, "514/udp": {}},
            "Entrypoint": ["/bin/x", "-v"],
            "Cmd": ["/bin/sh", "-c", "run --fast"],
        },
    }


def test_copy_of_folders_patterns_and_modes(context: Path):
    """A folder's content goes into the target, patterns take what matches, --chmod and --chown hold."""
    (context / "conf.d" / "deep").mkdir(parents=True)
    (context / "conf.d" / "deep" / "a.conf").write_text("a")
    (context / "run.sh").write_text("#!/bin/sh\n")
    (context / "run.sh").chmod(0o700)
    (context / "Dockerfile").write_text(
        "FROM scratch\nCOPY conf.d /etc/conf\nCOPY --chmod=0600 --chown=1:2 *.conf /etc/\nCOPY run.sh /bin/run\n"
    )
    image = build(context, "Dockerfile")
    assert list(members(image)) == ["etc", "etc/conf", "etc/conf/deep", "etc/conf/deep/a.conf"]
    extra = members(image, 1)["etc/extra.conf"]
    assert (extra.mode, extra.uid, extra.gid, extra.mtime) == (0o600, 1, 2, 0)
    assert members(image, 2)["bin/run"].mode == 0o755


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("FROM x\nRUN yum update\n", 2, "RUN needs a container engine"),
        ("FROM x\nADD a.tar.gz /b/\n", 2, "ADD unpacks a.tar.gz, which needs a container engine"),
        ("FROM x\nADD https://example.com/a /b\n", 2, "ADD of an address needs a container engine"),
        ("FROM x\n\nCOPY gone.conf /etc/\n", 3, "there is no such file"),
        ("FROM x\nCOPY *.gone /etc/\n", 2, "there is no such file"),
        ("FROM x\nCOPY ../secret /etc/\n", 2, "outside of the build context"),
        ("FROM x\nCOPY extra.conf ../../y\n", 2, "outside of the image"),
        ("FROM x\nWORKDIR /a\nCOPY extra.conf /b/../../y\n", 3, "outside of the image"),
        ("FROM x\nCOPY extra.conf /etc/.wh.passwd\n", 2, "cannot have a file of this name"),
        ("FROM x\nCOPY extra.conf\n", 2, "at least one source and a target"),
        ("FROM x\nCOPY --from=y a b\n", 2, "--from needs a container engine"),
        ("FROM x\nCOPY --chown=fluent extra.conf /a\n", 2, "use numbers"),
        ("FROM x\nCOPY extra.conf Dockerfile /etc\n", 2, "needs a directory as target"),
        ("FROM x\nFROM y\n", 2, "multi-stage"),
        ("COPY a b\n", 1, "comes before FROM"),
        ("FROM x\nCOPPY a b\n", 2, "unknown instruction COPPY"),
        ("FROM x\nCOPY\n", 2, "needs an argument"),
        ('FROM x\nENV A="1\n', 2, "quote"),
        ("FROM x\nEXPOSE http\n", 2, "port numbers"),
        ("FROM x\nCMD a \\\n", 2, "nothing follows"),
        ("# nothing\n", 1, "no FROM"),
    ],
)
def test_a_wrong_dockerfile_names_its_line(context: Path, text: str, line: int, why: str):
    """Every refusal is an ImageError that says file, line and reason."""
    (context / "Dockerfile").write_text(text)
    (context.parent / "secret").write_text("s")
    with pytest.raises(DockerfileError) as refused:
        build(context, "Dockerfile")
    assert refused.value.line == line
    assert str(refused.value).startswith(f"Dockerfile:{line}: ")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("rules", "path", "ignored"),
    [
        ("*.pyc", "a.pyc", True),
        ("*.pyc", "deep/a.pyc", False),
        ("**/*.pyc", "deep/er/a.pyc", True),
        ("**/*.pyc", "a.pyc", True),
        ("secrets/", "secrets/deep/key", True),
        ("/top", "top", True),
        ("a?c", "abc", True),
        ("[ab].txt", "b.txt", True),
        ("*.md\n!README.md", "README.md", False),
        ("!README.md\n*.md", "README.md", True),
        ("# a comment\n\n", "a comment", False),
    ],
)
def test_dockerignore(rules: str, path: str, ignored: bool):
    """Patterns as docker reads them; the last matching line wins."""
    assert parse_ignore_rules(rules).is_ignored(path) is ignored


def test_ignored_files_are_not_copied(context: Path):
    """COPY of a folder leaves them out; naming one is an error that says why."""
    (context / "notes.md").write_text("n")
    (context / ".dockerignore").write_text("*.md\nDockerfile\n.dockerignore\n")
    (context / "Dockerfile").write_text("FROM x\nCOPY . /etc/\n")
    assert list(members(build(context, "Dockerfile"))) == ["etc", "etc/extra.conf"]
    (context / "Dockerfile").write_text("FROM x\nCOPY notes.md /etc/\n")
    with pytest.raises(DockerfileError, match="kept out by"):
        build(context, "Dockerfile")


def test_a_link_out_of_the_context_is_refused(context: Path):
    """A symbolic link does not smuggle a file into the image."""
    (context.parent / "secret").write_text("s")
    (context / "link.conf").symlink_to(context.parent / "secret")
    (context / "Dockerfile").write_text("FROM x\nCOPY link.conf /etc/\n")
    with pytest.raises(DockerfileError, match="outside"):
        build(context, "Dockerfile")


def test_a_missing_dockerfile(context: Path):
    """The error names the file looked for."""
    with pytest.raises(ImageError, match="Containerfile cannot be read"):
        build(context, "Containerfile")


def test_arg_before_from_is_seen_after_it_only_when_named_again():
    """As in docker: a global ARG's default comes back by `ARG name`."""
    text = "ARG V=7\nFROM x:${V}\nENV BEFORE=${V}.\nARG V\nENV AFTER=${V}\n"
    recipe = parse_dockerfile(text, "Dockerfile")
    assert recipe.base == "x:7"
    assert recipe.environment == {"BEFORE": ".", "AFTER": "7"}


def test_auto_falls_back_on_the_local_aws_only(engines: Path, context: Path, ecr: Any, url: str):
    """An engine without network must not stop the local lab; asked for by name it is believed."""
    fake_engine(engines, "docker", '[ "$1" = info ] || { echo "no route to registry-1" >&2; exit 1; }')
    assert publish(context, "Dockerfile", url, "latest", ecr).builder == "builtin"
    with pytest.raises(ImageError, match="no route to registry-1"):
        publish(context, "Dockerfile", url, "latest", ecr, builder="docker")
    (context / "Dockerfile").write_text("FROM x\nRUN true\n")
    with pytest.raises(ImageError, match="no route to registry-1"):
        publish(context, "Dockerfile", url, "latest", ecr)


class AccountEcr:
    """An ECR client of an account: its registry speaks https."""

    def get_authorization_token(self) -> dict[str, Any]:
        token = base64.b64encode(b"AWS:x").decode()
        return {"authorizationData": [{"authorizationToken": token, "proxyEndpoint": "https://1.dkr.ecr.invalid"}]}


class EmulatorEcr:
    """An ECR client of an endpoint that has no registry, as moto's: its repositories have AWS's own address."""

    class meta:  # noqa: N801
        endpoint_url = "http://127.0.0.1:5000"


def test_nothing_is_pushed_to_aws_for_another_endpoint(context: Path):
    """An endpoint without a registry is refused before anything is built, whoever builds, and AWS's is never asked."""
    url = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/lab/x"
    for builder in ("auto", "builtin"):
        with pytest.raises(ImageError, match=r"The endpoint 127\.0\.0\.1 has no registry"):
            publish(context, "Dockerfile", url, "latest", EmulatorEcr(), builder=builder)


def test_an_account_needs_an_engine(context: Path, monkeypatch: pytest.MonkeyPatch):
    """An image without its base cannot run on Fargate, so it is not pushed there unasked."""
    monkeypatch.setattr("lab_helpers.images.publishing.find_engine", lambda: None)
    with pytest.raises(ImageError, match="No container engine answers"):
        publish(context, "Dockerfile", "1.dkr.ecr.invalid/x", "latest", AccountEcr())


def test_engine_s_image_gets_the_registry_s_digest(engines: Path, context: Path, ecr: Any, url: str):
    """The digest of what an engine pushed is asked of the registry."""
    known = publish(context, "Dockerfile", url, "latest", ecr, builder="builtin")
    fake_engine(engines, "docker", "exit 0")
    again = publish(context, "Dockerfile", url, "latest", ecr)
    assert (again.builder, again.digest) == ("docker", known.digest)


def test_unknown_builder(context: Path):
    """A builder that does not exist is a setting with an impossible value."""
    with pytest.raises(SettingsError, match="builder is 'kaniko'"):
        publish(context, "Dockerfile", "127.0.0.1:1/x", "latest", None, builder="kaniko")


def test_registry_refusal_carries_its_words(context: Path, aws: LocalAws, url: str):
    """Pushing to a repository that does not exist says so in ECR's words."""
    host = url.partition("/")[0]
    with pytest.raises(ImageError, match="NAME_UNKNOWN: The repository with name 'gone' does not exist"):
        publish(context, "Dockerfile", f"{host}/gone", "latest", aws.client("ecr"), builder="builtin")


def test_password_is_not_shown(ecr: Any, url: str):
    """A login does not print its password."""
    login = log_in(ecr, url)
    assert login.password
    assert login.password not in repr(login)
    assert login.token not in repr(login)


def fake_engine(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of PATH, beside the shell's own programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_engine_gets_the_password_by_stdin_only(engines: Path, context: Path, tmp_path: Path):
    """Command lines hold no password; the credentials folder is a temporary one and is gone afterwards."""
    fake_engine(
        engines,
        "docker",
        f'echo "$DOCKER_CONFIG|$@" >> {tmp_path}/calls; [ "$1" = login ] && cat > {tmp_path}/password; exit 0',
    )
    login = Login("http://127.0.0.1:1", base64.b64encode(b"AWS:s3cret").decode())
    engine = Engine("docker")
    engine.build(context, "Dockerfile", "127.0.0.1:1/x:latest", {"A": "b"}, "amd64")
    engine.push("127.0.0.1:1/x:latest", login)
    calls = (tmp_path / "calls").read_text()
    assert "s3cret" not in calls
    assert (tmp_path / "password").read_text() == "s3cret"
    verbs = [line.split("|")[1].split()[0] for line in calls.splitlines()]
    assert [verb for verb in verbs if verb != "context"] == ["build", "login", "push"]
    config_folder = next(line.split("|")[0] for line in calls.splitlines() if "|login" in line)
    assert config_folder
    assert not Path(config_folder).exists()


def test_push_finds_the_daemon_that_built(engines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Docker's current context (Colima, Docker Desktop) is in the configuration that the login's own one hides."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    remember = f'[ "$1" = push ] && echo "$DOCKER_HOST" > {tmp_path}/host'
    fake_engine(engines, "docker", f'[ "$1" = context ] && echo unix:///colima.sock; {remember}; exit 0')
    Engine("docker").push("127.0.0.1:1/x:latest", Login("http://127.0.0.1:1", base64.b64encode(b"AWS:x").decode()))
    assert (tmp_path / "host").read_text().strip() == "unix:///colima.sock"


def test_failing_engine_shows_the_end_of_its_output(engines: Path, context: Path):
    """A failed build is an ImageError with the engine's own words."""
    fake_engine(engines, "podman", 'echo "no such base image" >&2; exit 125')
    with pytest.raises(ImageError, match=r"(?s)podman build ended with status 125:.*no such base image"):
        Engine("podman").build(context, "Dockerfile", "x:latest", {}, "amd64")


def test_auto_takes_only_an_engine_that_answers(engines: Path):
    """A docker command whose daemon is away is passed over."""
    fake_engine(engines, "docker", "exit 1")
    assert find_engine(["docker"]) is None
    fake_engine(engines, "buildah", "exit 0")
    assert find_engine(["docker", "buildah"]) == Engine("buildah")


def test_missing_engine(engines: Path, context: Path):  # noqa: ARG001
    """An engine asked for by name that is not installed is a MissingToolError."""
    with pytest.raises(MissingToolError, match="no-such-engine"):
        Engine("no-such-engine").build(context, "Dockerfile", "x", {}, "amd64")
