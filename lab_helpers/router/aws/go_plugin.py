"""What AWS's older output plugins, written in Go, have in common: their JSON, their log lines, their records.

Source: aws/amazon-cloudwatch-logs-for-fluent-bit and its two sisters for Firehose and Kinesis. Their JSON has its keys
sorted
and `<`, `>`, `&` escaped, which the C plugins' has not. They know no list of options, so nothing is refused as unknown.
Not modelled: the SDK's own retries, SEND_FAILURE_TIMEOUT.
"""

from __future__ import annotations

import time
from typing import Any

import orjson

from lab_helpers.router.aws.aws_output import credentials_of, target_of
from lab_helpers.router.aws.http_client import Response
from lab_helpers.router.aws.signed_calls import AwsClient, read_error
from lab_helpers.router.core.log import ComponentLog
from lab_helpers.router.core.options import Options
from lab_helpers.router.plugin import OutputContext, PluginInitError

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class GoLog:
    """Lines as logrus writes them on stderr: `time="…" level=info msg="[firehose 0] …"`."""

    def __init__(self, plugin: str, number: int, context: OutputContext) -> None:
        self._prefix, self._sink = f"[{plugin} {number}] ", context.service.sink

    def info(self, text: str) -> None:
        """Worth knowing."""
        self.line("info", self._prefix + text)

    def warning(self, text: str) -> None:
        """Odd, nothing lost."""
        self.line("warning", self._prefix + text)

    def error(self, text: str) -> None:
        """Something failed."""
        self.line("error", self._prefix + text)

    def refusal(self, text: str) -> PluginInitError:
        """Log why the plugin does not start, and return what to raise."""
        self.error(text)
        return PluginInitError()

    def line(self, level: str, text: str) -> None:
        """Write one line without the prefix."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._sink.raw(f'time="{stamp}" level={level} msg={orjson.dumps(go_text(text)).decode()}\n')

    def parameters(self, options: Options, *names: str) -> None:
        """Tell the parameters, as the plugins do when they start."""
        for name in names:
            value = options[name]
            shown = ("true" if value else "false") if isinstance(value, bool) else value or ""
            self.info(f"plugin parameter {name} = '{shown}'")


def go_json(value: Any) -> bytes:
    """Return JSON as Go's encoder writes it: sorted keys, HTML characters escaped, UTF-8 left as it is."""
    text = orjson.dumps(go_text(value), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
    for letter, escape in _HTML.items():
        text = text.replace(letter, escape)
    return text.encode()


def record_bytes(body: dict[Any, Any], options: Options) -> bytes:
    """Return what is sent of a record before any newline: all of it, its `data_keys`, or its `log_key`.

    Raises KeyError where the log_key is missing.
    """
    names = set(options)
    if "data_keys" in names and options["data_keys"]:
        kept = {key.strip() for key in options["data_keys"].split(",")}
        body = {key: value for key, value in body.items() if key in kept}
    if "replace_dots" in names and options["replace_dots"]:
        body = _undotted(body, options["replace_dots"])
    log_key = options["log_key"]
    if not log_key:
        return go_json(body)
    if log_key not in body:
        raise KeyError(f"Failed to find key {log_key} specified by log_key option in log record: {show_keys(body)}")
    value = body[log_key]
    return value.encode("utf-8", "replace") if isinstance(value, str) else go_json(value)


def show_keys(body: dict[Any, Any]) -> str:
    """Return the keys of a record, for a message that must not show its values."""
    return ", ".join(map(str, body))


def build_go_client(service: str, host_prefix: str, options: Options, context: OutputContext) -> AwsClient:
    """Return the client for the plugin's `region` and `endpoint` (a URL)."""
    region = options["region"]
    log = ComponentLog(context.service.sink)
    if not context.properties.get("tls.ca_file") and context.service.environment.get("AWS_CA_BUNDLE"):
        context.properties = {**context.properties, "tls.ca_file": context.service.environment["AWS_CA_BUNDLE"]}
    target = target_of(options["endpoint"], f"{host_prefix}.{region}.amazonaws.com", context)
    credentials = credentials_of(options, region, context, log)
    return AwsClient(service, region, target, credentials, context.log, log, user_agent="aws-fluent-bit-plugin (linux)")


def failure(response: Response | None) -> str:
    """Return an error as the Go SDK prints it."""
    if response is None:
        return "RequestError: send request failed"
    error = read_error(response.body)
    return (
        f"{error.code.rpartition('#')[2]}: {error.message}\n\tstatus code: {response.status}, request id: "
        + response.headers.get("x-amzn-requestid", "")
    )


def go_text(value: Any) -> Any:
    """Return a value whose texts are UTF-8, as Go writes them: U+FFFD for each other byte."""
    if isinstance(value, dict):
        return {go_text(key) if isinstance(key, str) else key: go_text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [go_text(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return value


def _undotted(body: dict[Any, Any], replacement: str) -> dict[Any, Any]:
    return {
        key.replace(".", replacement) if isinstance(key, str) else key: _undotted(value, replacement)
        if isinstance(value, dict)
        else value
        for key, value in body.items()
    }
