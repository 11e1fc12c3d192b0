"""AWS's image as a user meets it: its version, its files, its names in registries.

The files are the lab's own, with the meaning of those in the image: `image/fluent-bit/parsers` (there twice, as in the
image: /fluent-bit/etc has them too), `image/fluent-bit/configs` and the file with the image's version.
Source: Dockerfiles, entrypoint.sh, configs/ and init/ of aws/aws-for-fluent-bit; "Using the AWS for Fluent Bit image"
in the Amazon ECS developer guide.
"""

from __future__ import annotations

import re
from pathlib import Path

IMAGE_VERSION = "3.5.10"
"""Of 21 November 2026, with Fluent Bit 5.1.5. Source: aws/aws-for-fluent-bit, release 3.5.10."""
FLUENT_BIT_VERSION = "5.1.5"
IMAGE_NAME = "aws-for-fluent-bit"
PLAIN_IMAGE_NAME = "fluent-bit"
"""The last part of the names of Fluent Bit's own image, which has the parsers only, in /fluent-bit/etc."""
REGISTRY_ACCOUNT = "906394416424"
"""Whose ECR has AWS's image in the commercial Regions."""
PUBLIC_NAMES = (f"public.ecr.aws/aws-observability/{IMAGE_NAME}", f"docker.io/amazon/{IMAGE_NAME}")
BASE_IMAGE = f"{PUBLIC_NAMES[0]}:{IMAGE_VERSION}"
"""What the lab builds on: a tag that does not move."""
VERSION_FILE = "/AWS_FOR_FLUENT_BIT_VERSION"
"""What entrypoint.sh prints, and many a copy of it."""
PROGRAM = "/fluent-bit/bin/fluent-bit"
ENTRY_POINT = "/entrypoint.sh"
INIT_ENTRY_POINT = "/init/fluent_bit_init_entrypoint.sh"
INIT_CONFIG = "/init/fluent-bit-init.conf"
INIT_S3_FOLDER = "/init/fluent-bit-init-s3-files"
GENERATED_CONFIG = "/fluent-bit/etc/fluent-bit.conf"
"""Where the ECS agent puts what it generates."""
GO_PLUGINS = tuple(f"/fluent-bit/{name}.so" for name in ("firehose", "cloudwatch", "kinesis"))
"""What entrypoint.sh enables."""
FOLDER = Path(__file__).with_name("image")
"""What stands for the image's root."""
_PARSERS = re.compile(r"/fluent-bit/(?:etc|parsers)/(parsers[^/]*)")
_CONFIGS = re.compile(r"/fluent-bit/configs/([^/]+)")
_VERSION_TAG = re.compile(r"(?:init-)?(?:debug-)?(\d+\.\d+\.\d+(?:\.\d{8})?)")


def files(path: str, image_name: str = IMAGE_NAME) -> list[Path]:
    """Return where the files are that a path (or a pattern) names in the image, in order of their names."""
    if parsers := _PARSERS.fullmatch(path):
        if image_name == IMAGE_NAME or path.startswith("/fluent-bit/etc/"):
            return sorted((FOLDER / "fluent-bit/parsers").glob(parsers[1]))
    elif path == VERSION_FILE and image_name == IMAGE_NAME:
        return [FOLDER / path.lstrip("/")]
    elif (configs := _CONFIGS.fullmatch(path)) and image_name == IMAGE_NAME:
        return sorted((FOLDER / "fluent-bit/configs").glob(configs[1]))
    return []


def command(image_name: str, tag: str) -> list[str]:
    """Return what an image starts when nobody says otherwise."""
    if image_name == PLAIN_IMAGE_NAME:
        return [PROGRAM, "-c", GENERATED_CONFIG]
    return [INIT_ENTRY_POINT if tag.startswith("init-") else ENTRY_POINT]


def banner(tag: str) -> str:
    """Return the first line of entrypoint.sh; a tag that moves means the version that this lab plays."""
    version = _VERSION_TAG.fullmatch(tag)
    return f"AWS for Fluent Bit Container Image Version {version[1] if version else IMAGE_VERSION}"


def parameters(region: str) -> dict[str, str]:
    """Return AWS's public SSM parameters of the image in a Region: name -> image.

    Not modelled: which older version `stable` means; here it is this one.
    """
    registry = f"{REGISTRY_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{IMAGE_NAME}"
    tags = ["latest", "stable", "3", IMAGE_VERSION]
    tags += [f"init-{tag}" for tag in tags]
    return {f"/aws/service/{IMAGE_NAME}/{tag}": f"{registry}:{tag}" for tag in tags}
