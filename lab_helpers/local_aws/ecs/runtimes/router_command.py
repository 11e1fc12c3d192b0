"""What a log router's container starts: by the task definition, by the image, or by what AWS's image starts.

The command is that of the image; `led` brings it to this machine: the program, the entry point, and each path that the
image has.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from lab_helpers.firelens import stock
from lab_helpers.local_aws.ecs.containers.images import Image, ImageRef, parse_image
from lab_helpers.local_aws.ecs.spec import ContainerSpec

BASE_NAME = "org.opencontainers.image.base.name"
"""The label in which an image names what it was built on. Source: OCI image specification, annotations."""
_PATH = re.compile(r"(?<![\w./$-])/[\w.*-]+(?:/[\w.*-]+)*")
_LIBRARY = re.compile(r"/fluent-bit/\w+\.so")


@dataclass(frozen=True)
class Programs:
    """The words of this machine for the image's: Fluent Bit itself, and its two entry points."""

    fluent_bit: Sequence[str]
    entry_point: Sequence[str]
    init: Sequence[str]
    has_go_plugins: bool


def base(image: Image) -> ImageRef:
    """Return AWS's (or Fluent Bit's own) image that `image` is or was built on; AWS's where nothing says so."""
    if image.ref.name in (stock.IMAGE_NAME, stock.PLAIN_IMAGE_NAME):
        return image.ref
    labels = image.run_config.get("Labels") or {}
    named = parse_image(str(labels.get(BASE_NAME) or stock.BASE_IMAGE))
    return named if named.name in (stock.IMAGE_NAME, stock.PLAIN_IMAGE_NAME) else parse_image(stock.BASE_IMAGE)


def command(container: ContainerSpec, image: Image) -> list[str]:
    """Return the words that the container starts with, in the image's own paths."""
    origin, words = base(image), image.command(container.entry_point, container.command)
    if origin.name == stock.PLAIN_IMAGE_NAME and words and words[0].startswith("-"):
        words = [stock.PROGRAM, *words]
    return words or stock.command(origin.name, origin.tag)


def named_files(words: Sequence[str]) -> list[str]:
    """Return the absolute paths that a command names: configurations among them."""
    return [path for word in words for path in _PATH.findall(word)]


def led(words: Sequence[str], programs: Programs, place: Callable[[str], str]) -> list[str]:
    """Return the command for this machine; `place` says where a path of the image is, or gives it back.

    A word that is the program or an entry point becomes the program's words; inside a shell's text they are quoted.
    """
    made: list[str] = []
    for word in _without_libraries(words, programs):
        known = _known(word, programs)
        if known is not None:
            made += known
        else:
            made.append(_PATH.sub(lambda found: _text(found[0], programs, place), word))
    return made


def _known(word: str, programs: Programs) -> list[str] | None:
    if word in (stock.PROGRAM, "fluent-bit"):
        return list(programs.fluent_bit)
    if word == stock.ENTRY_POINT:
        return list(programs.entry_point)
    return list(programs.init) if word == stock.INIT_ENTRY_POINT else None


def _text(path: str, programs: Programs, place: Callable[[str], str]) -> str:
    known = _known(path, programs)
    if known is not None:
        return shlex.join(known)
    return PurePosixPath(path).name if _LIBRARY.fullmatch(path) and programs.has_go_plugins else place(path)


def _without_libraries(words: Sequence[str], programs: Programs) -> list[str]:
    """Leave `-e LIBRARY` out for a Fluent Bit that has no Go plugins; in a shell's text, too."""
    if programs.has_go_plugins:
        return list(words)
    kept: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word in ("-e", "--plugin") and waiting and _LIBRARY.fullmatch(waiting[0]):
            waiting.pop(0)
        else:
            kept.append(re.sub(rf"(?:-e|--plugin)[ =]{_LIBRARY.pattern}\s*", "", word))
    return kept
