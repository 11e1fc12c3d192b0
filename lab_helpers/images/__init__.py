"""Container images: build and push (`publish`), look into (`inspect`, `read_file`)."""

from lab_helpers.images.builder import BuiltImage, build
from lab_helpers.images.dockerfile import DockerfileError
from lab_helpers.images.publishing import BUILDERS, PublishedImage, publish
from lab_helpers.images.reading import ImageContent, ImageFile, ImageLayer, inspect, read_file

__all__ = [
    "BUILDERS",
    "BuiltImage",
    "DockerfileError",
    "ImageContent",
    "ImageFile",
    "ImageLayer",
    "PublishedImage",
    "build",
    "inspect",
    "publish",
    "read_file",
]
