"""What the AWS outputs have in common: a client built from options, `log_key`, and records that are cut to it.

Source: Fluent Bit 4.2.8's four AWS plugins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lab_helpers.router.aws.credentials import CredentialsProvider
from lab_helpers.router.aws.http_client import Target, Tls
from lab_helpers.router.aws.signed_calls import AwsClient
from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Options, to_flag, to_integer
from lab_helpers.router.plugin import OutputContext
from lab_helpers.router.records.json_text import dumps

USER_AGENT = "aws-fluent-bit-plugin"
TLS_OPTIONS = ("tls", "tls.verify", "tls.ca_file", "tls.ca_path", "tls.crt_file", "tls.key_file", "tls.vhost")


def build_client(
    service: str, host_prefix: str, options: Options, context: OutputContext, user_agent: str = USER_AGENT
) -> AwsClient:
    """Return the client for this output's `region`, `endpoint`, `port` and `tls…`."""
    region = str(options["region"])
    endpoint = options["endpoint"]
    core_log = ComponentLog(context.service.sink)
    return AwsClient(
        service,
        region,
        target_of(endpoint, f"{host_prefix}.{region}.{domain(region)}", context),
        credentials_of(options, region, context, core_log),
        context.log,
        core_log,
        user_agent=user_agent,
        retries_requests=to_flag(str(options["auto_retry_requests"])) is not False,
    )


def credentials_of(
    options: Options, region: str, context: OutputContext, core_log: ComponentLog
) -> CredentialsProvider:
    """Return the credentials that are there, or those of `role_arn`."""
    provider = CredentialsProvider(context.service.environment, core_log)
    if not options["role_arn"]:
        return provider
    from lab_helpers.router.aws.assume_role import RoleCredentials  # only where a role is assumed

    core = {key: value for key, value in context.properties.items() if key != "port"}
    target = target_of(options["sts_endpoint"], f"sts.{region}.{domain(region)}", replace(context, properties=core))
    external_id = options["external_id"] if "external_id" in list(options) else None
    return RoleCredentials(provider, options["role_arn"], external_id, region, target, core_log)


def target_of(endpoint: str | None, default_host: str, context: OutputContext) -> Target:
    """Return where to connect to: `endpoint` may carry a scheme and a port, which then win over the core properties."""
    core = context.properties
    tls_wanted = to_flag(core.get("tls", "on")) is not False
    host, port = endpoint or default_host, to_integer(core.get("port", "0"))
    if "://" in host:
        scheme, _, host = host.partition("://")
        tls_wanted = scheme != "http" if scheme == "http" or "tls" not in core else tls_wanted
        if scheme == "http":
            port = port or 80
    host = host.rstrip("/")
    name, colon, number = host.rpartition(":")
    if colon and number.isdigit():
        host, port = name, int(number)
    tls = tls_of(context) if tls_wanted else None
    return Target(host, port or 443, tls)


def tls_of(context: OutputContext) -> Tls:
    """Return the TLS settings among the core properties."""
    core = context.properties
    return Tls(
        verify=to_flag(core.get("tls.verify", "on")) is not False,
        ca_file=core.get("tls.ca_file") or None,
        ca_path=core.get("tls.ca_path") or None,
        crt_file=core.get("tls.crt_file") or None,
        key_file=core.get("tls.key_file") or None,
        vhost=core.get("tls.vhost") or None,
    )


def domain(region: str) -> str:
    """Return the domain of AWS endpoints in this region."""
    if region in ("cn-north-1", "cn-northwest-1"):
        return "amazonaws.com.cn"
    return "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"


def values_of_key(body: dict[Any, Any], log_key: str, escape_unicode: bool) -> Iterator[bytes]:
    """Yield what `log_key` sends of a record: the JSON of every value whose key is a prefix of it.

    The reference compares as many characters as the record's key has, so `log` also takes `lo`, `l` and the empty key.
    The caller cuts the first and last character off, whatever they are.
    """
    for key, value in body.items():
        if isinstance(key, str) and log_key.startswith(key):
            yield dumps(value, escape_unicode)
