"""What a task definition may say about FireLens: the router's options and each container's log options.

Source: "Custom log routing" in the Amazon ECS developer guide; the ECS agent's agent/taskresource/firelens.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONFIG_FILE_TYPE = "config-file-type"
CONFIG_FILE_VALUE = "config-file-value"
ENABLE_METADATA = "enable-ecs-log-metadata"
ROUTER_OPTIONS = (CONFIG_FILE_TYPE, CONFIG_FILE_VALUE, ENABLE_METADATA)
"""What the agent reads of a router's options; it passes over others."""
INCLUDE_PATTERN = "include-pattern"
EXCLUDE_PATTERN = "exclude-pattern"
BUFFER_LIMIT = "log-driver-buffer-limit"
OUTPUT_NAME = "Name"
S3_CONFIG_PATH = "/fluent-bit/etc/external.conf"
"""Where the agent mounts a configuration that it fetched from S3."""


class FirelensOptionError(ValueError):
    """An option of FireLens has a value that the ECS agent would not take."""


@dataclass(frozen=True)
class RouterOptions:
    """`firelensConfiguration.options`: the file to include (None: none) and whether records get the ecs_* keys."""

    include_path: str | None = None
    metadata: bool = True


@dataclass(frozen=True)
class ContainerLog:
    """One container's `awsfirelens` log options; `output` is the plugin's name (None: routed by the user's file)."""

    container: str
    output: str | None = None
    include_pattern: str | None = None
    exclude_pattern: str | None = None
    output_options: Mapping[str, str] = field(default_factory=dict)

    @property
    def match(self) -> str:
        """The tag pattern that catches this container's records."""
        return f"{self.container}-firelens*"


def parse_router_options(options: Mapping[str, str], s3_config_path: str = S3_CONFIG_PATH) -> RouterOptions:
    """Read `firelensConfiguration.options`; raises FirelensOptionError when they make no sense.

    `s3_config_path`: where a file from S3 is mounted; it depends on the type.
    """
    metadata = options.get(ENABLE_METADATA, "true")
    if metadata not in ("true", "false"):
        raise FirelensOptionError(f"{ENABLE_METADATA} is {metadata!r}, but must be true or false.")
    return RouterOptions(_include_path(options, s3_config_path), metadata == "true")


def parse_container_log(
    container: str, options: Mapping[str, str], output_name: str = OUTPUT_NAME, kind: str = "fluentbit"
) -> ContainerLog:
    """Read a container's `logConfiguration.options`; raises FirelensOptionError when output options have no Name.

    `output_name` is what names the plugin in the configuration of a router of `kind`.
    """
    reserved = (output_name, INCLUDE_PATTERN, EXCLUDE_PATTERN, BUFFER_LIMIT)
    rest = {key: value for key, value in options.items() if key not in reserved}
    if rest and output_name not in options:
        raise FirelensOptionError(
            f"unable to apply log options of container {container} to firelens config: missing output key "
            f"{output_name} which is required for firelens configuration of type {kind}"
        )
    patterns = options.get(INCLUDE_PATTERN), options.get(EXCLUDE_PATTERN)
    return ContainerLog(container, options.get(output_name), *patterns, rest)


def _include_path(options: Mapping[str, str], s3_config_path: str) -> str | None:
    kind, value = options.get(CONFIG_FILE_TYPE), options.get(CONFIG_FILE_VALUE)
    if kind is None and value is None:
        return None
    if kind not in ("file", "s3"):
        raise FirelensOptionError(f"{CONFIG_FILE_TYPE} is {kind!r}, but must be file or s3.")
    if not value:
        raise FirelensOptionError(f"{CONFIG_FILE_VALUE} is missing: {CONFIG_FILE_TYPE} {kind} needs it.")
    return value if kind == "file" else s3_config_path
