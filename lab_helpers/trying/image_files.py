"""The files of the router's image: single ones for the place that the definition names, or an image's folder.

A copy of them is built, in which AWS outputs name no address of their own.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from lab_helpers.base.errors import TaskDefinitionError
from lab_helpers.base.paths import inside
from lab_helpers.firelens import stock
from lab_helpers.firelens.yaml_text import SUFFIXES
from lab_helpers.images.dockerfile import DockerfileError, parse_dockerfile
from lab_helpers.trying import configuration, reading
from lab_helpers.trying.configuration import Given

DOCKERFILE = "Dockerfile"
GIVE_IT = "Give the file that lies there (--files)."
CONFIG_FOLDER = "/fluent-bit/etc"
MOST_FILE_BYTES, MOST_FILES = 1 << 20, 500
_INIT_S3 = re.compile(r"aws_fluent_bit_init_s3_\d+", re.IGNORECASE)
_S3_ARN = "arn:aws:s3:::"
_IMAGE_PATH = re.compile(
    r"^\s*(?:@INCLUDE|(?:parsers_file|plugins_file|streams_file|script):?|-)\s+(/[\w./-]*\w)\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_COPY = re.compile(r"^\s*(?:COPY|ADD)\s+(?:--\S+\s+)*(\S+)\s+(\S+)\s*$", re.IGNORECASE | re.MULTILINE)
NO_IMAGE_FILES = frozenset({".git", ".terraform", "node_modules", "__pycache__", ".venv"})


@dataclass(frozen=True)
class ImageFiles:
    """The files as they were given."""

    given: Given
    folder: Path | None
    """What to build; None: nothing was given."""
    notes: tuple[str, ...] = ()


def gather(given: Sequence[Path], router: Mapping[str, Any], folder: Path, *, is_fargate: bool = False) -> ImageFiles:
    """Copy what was given to `folder`, ready to be built. Raises TaskDefinitionError where that cannot be.

    `is_fargate`: the definition asks for Fargate and nothing else. Source: "Custom log routing" in the Amazon ECS
    developer guide; aws-samples/amazon-ecs-firelens-examples#32 has RunTask's words.
    """
    options = router["firelensConfiguration"].get("options") or {}
    if is_fargate and options.get("config-file-type") == "s3":
        raise TaskDefinitionError(
            "Fargate would not start it: there the agent takes config-file-type file alone (RunTask says: "
            "The specified platform does not satisfy the task definition's required capabilities.)",
            "Put the file into the image, or into S3 for the init image, or ask for EC2.",
        )
    if not given:
        _refuse_unknown(router)
        if options.get("config-file-type") == "s3":
            value = options.get("config-file-value", "")
            raise TaskDefinitionError(f"its configuration is in S3 ({value}), and it was not given", GIVE_IT)
        return _as_awss_own(str(router.get("image", "")), folder)
    folder.mkdir()
    named = reading.main_path(router, Given()) or options.get("config-file-value", "")
    is_image = len(given) == 1 and (given[0] / DOCKERFILE).is_file()
    if is_image:
        shutil.copytree(given[0], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*NO_IMAGE_FILES))
        return _led_here(folder)
    notes = _lay_out(given, named, str(router.get("image", "")), folder)
    return replace(_led_here(folder), notes=tuple(notes))


@dataclass(frozen=True)
class FromS3:
    """A given file that the init image fetches from S3 when it starts."""

    path: Path
    bucket: str
    key: str


def from_s3(given: Sequence[Path], router: Mapping[str, Any]) -> list[FromS3]:
    """Return which of the given files the init image's variables name, by the ends of their keys, in their order.

    Raises TaskDefinitionError where that image would fetch one that was not given.
    """
    variables = {str(each["name"]): str(each.get("value", "")) for each in router.get("environment") or ()}
    found = []
    for name in sorted(filter(_INIT_S3.fullmatch, variables), key=lambda each: int(each.rpartition("_")[2])):
        bucket, _, key = variables[name].removeprefix(_S3_ARN).partition("/")
        path = next((each for each in given if each.is_file() and each.name == key.rpartition("/")[2]), None)
        if not variables[name].startswith(_S3_ARN):
            continue
        if path is not None:
            found.append(FromS3(path, bucket, key))
        elif ":init-" in str(router.get("image", "")):
            raise TaskDefinitionError(f"{name} names {variables[name]}, and no such file was given", GIVE_IT)
    return found


def _as_awss_own(image: str, folder: Path) -> ImageFiles:
    """Take an image of AWS's name for AWS's; one in a registry of somebody's own is not there to be pulled."""
    name = image.partition("@")[0]
    registry, _, path = name.partition("/")
    if ".dkr.ecr." not in registry or registry.startswith(f"{stock.REGISTRY_ACCOUNT}."):
        return ImageFiles(Given(), None)
    if not path.rpartition("/")[2].startswith(stock.IMAGE_NAME):
        return ImageFiles(Given(), None)
    folder.mkdir()
    (folder / DOCKERFILE).write_text(f"FROM {stock.BASE_IMAGE}\n", encoding="utf-8")
    note = (
        f"{image} is in a registry of your own, and was taken for a copy of AWS's: tried as {stock.BASE_IMAGE}. "
        "If it has files of its own, give its folder (--files)."
    )
    return ImageFiles(Given(), folder, (note,))


def _refuse_unknown(router: Mapping[str, Any]) -> None:
    image = str(router.get("image", ""))
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if name not in (stock.IMAGE_NAME, stock.PLAIN_IMAGE_NAME):
        raise TaskDefinitionError(
            f"what is in the router's image {image} is not known",
            "Give its folder with the Dockerfile, or the configuration files in it (--files).",
        )


def _lay_out(given: Sequence[Path], named: str, image: str, folder: Path) -> list[str]:
    """Copy single files to where definition and configuration look for them, by a Dockerfile; return what to note."""
    is_path = named.startswith("/")
    target = PurePosixPath(named).parent if is_path else PurePosixPath(CONFIG_FOLDER)
    main = PurePosixPath(named).name if is_path else PurePosixPath("external.conf" if named else "extra.conf").name
    found = [(path, PurePosixPath(path.name)) for path in given if path.is_file()]
    for root in (path for path in given if path.is_dir()):
        found += [(path, PurePosixPath(path.relative_to(root))) for path in sorted(root.rglob("*")) if path.is_file()]
    if missing := [str(path) for path in given if not path.exists()]:
        raise TaskDefinitionError(f"{missing[0]} is not there", "Name the router's configuration files.")
    if len(found) == 1 and found[0][1].name != main:
        found = [(found[0][0], PurePosixPath(main))]  # whatever it is called here
    if twice := [str(name) for name, count in Counter(name for _, name in found).items() if count > 1]:
        raise TaskDefinitionError(
            f"two of the given files would be {twice[0]} in the image",
            "Give the image's folder with its Dockerfile (--files FOLDER), which says where each lies.",
        )
    for path, name in found[:MOST_FILES]:
        copy = inside(folder, str(name))
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    base = image if image.partition("@")[0].rpartition("/")[2].startswith(stock.IMAGE_NAME) else stock.BASE_IMAGE
    base = stock.BASE_IMAGE if ".dkr.ecr." in base else base
    places = {f"{str(target).rstrip('/')}/{name}": str(name) for _, name in found[:MOST_FILES]}
    elsewhere = _named_elsewhere(folder, places)
    copies = [f"COPY {name} {place}" for place, name in {**places, **elsewhere}.items()]
    (folder / DOCKERFILE).write_text("\n".join([f"FROM {base}", *copies, ""]), encoding="utf-8")
    return [
        f"{name} lies at {place} in the image: the configuration names it there." for place, name in elsewhere.items()
    ]


def _named_elsewhere(folder: Path, places: Mapping[str, str]) -> dict[str, str]:
    """Return {path: file} of what the files say of each other's places, by the ends of the paths."""
    by_end: dict[str, list[str]] = {}
    for name in places.values():
        by_end.setdefault(PurePosixPath(name).name, []).append(name)
    texts = [_text(inside(folder, name), folder) or "" for name in places.values()]
    said = sorted({path for text in texts for path in _IMAGE_PATH.findall(text)} - set(places))
    return {path: names[0] for path in said if len(names := by_end.get(PurePosixPath(path).name, [])) == 1}


def _led_here(folder: Path) -> ImageFiles:
    texts: dict[str, str] = {}
    places: dict[str, str] = {}
    for path in sorted(each for each in folder.rglob("*") if each.is_file())[:MOST_FILES]:
        text = _text(path, folder)
        if text is None:
            continue
        name = path.relative_to(folder).as_posix()
        texts[name] = text
        if path.suffix in SUFFIXES:
            path.write_text(configuration.led_here_yaml(text), encoding="utf-8")
        elif "[OUTPUT]" in text.upper():
            path.write_text(configuration.led_here(text) + "\n", encoding="utf-8")
    dockerfile = texts.pop(DOCKERFILE, "")
    for source, target in _COPY.findall(dockerfile):
        if source in texts:
            ends = target.endswith("/") or PurePosixPath(target).name in (".", "")
            places[target.rstrip("/") + f"/{PurePosixPath(source).name}" if ends else target] = source
    return ImageFiles(Given(texts, places, *_started(dockerfile)), folder)


def _started(dockerfile: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return entry point and command of a Dockerfile; nothing of one that cannot be built here, which is told later."""
    try:
        recipe = parse_dockerfile(dockerfile, DOCKERFILE)
    except DockerfileError:
        return (), ()
    return tuple(recipe.entrypoint or ()), tuple(recipe.command or ())


def text_of(path: Path) -> str:
    """Return the text of one configuration file; raises TaskDefinitionError where it is none."""
    text = _text(path, path.parent)
    if text is None:
        raise TaskDefinitionError(f"{path} is no text in UTF-8", "Name the router's configuration files.")
    return text


def _text(path: Path, folder: Path) -> str | None:
    if path.is_symlink() or path.stat().st_size > MOST_FILE_BYTES:
        return None
    content = path.read_bytes()
    name = path.relative_to(folder).as_posix()
    if content.startswith(b"\xef\xbb\xbf") and path.suffix == ".conf":
        raise TaskDefinitionError(
            f"{name} begins with a byte order mark (BOM), which Fluent Bit takes for a part of its first word",
            "Save it as UTF-8 without BOM.",
        )
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
