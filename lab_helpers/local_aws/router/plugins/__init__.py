"""The catalogue of plugins: explicit, and imported one by one as a configuration names them (memory, start-up)."""

from __future__ import annotations

from importlib import import_module

from lab_helpers.local_aws.router.plugin import Plugin, PluginKind

CATALOGUE: tuple[tuple[PluginKind, str], ...] = (
    (PluginKind.INPUT, "forward"),
    (PluginKind.INPUT, "tcp"),
    (PluginKind.FILTER, "expect"),
    (PluginKind.FILTER, "grep"),
    (PluginKind.FILTER, "modify"),
    (PluginKind.FILTER, "nest"),
    (PluginKind.FILTER, "parser"),
    (PluginKind.FILTER, "record_modifier"),
    (PluginKind.FILTER, "rewrite_tag"),
    (PluginKind.FILTER, "throttle"),
    (PluginKind.OUTPUT, "cloudwatch_logs"),
    (PluginKind.OUTPUT, "kinesis_firehose"),
    (PluginKind.OUTPUT, "null"),
    (PluginKind.OUTPUT, "stdout"),
)
# (kind, name); the module is plugins/in_NAME.py, filter_NAME.py or out_NAME.py and ends with its PLUGIN

NOT_HERE: dict[PluginKind, frozenset[str]] = {
    PluginKind.INPUT: frozenset(
        "blob calyptia_fleet collectd cpu disk docker docker_events dummy_thread ebpf elasticsearch event_test
        event_type exec "
        "exec_wasi fluentbit_metrics fluentbit_logs gpu_metrics head health http kafka kernel kmsg kubernetes_events
        mem mqtt "
        "netif nginx_metrics node_exporter_metrics opentelemetry podman_metrics process_exporter_metrics proc "
        "prometheus_remote_write prometheus_scrape prometheus_textfile random serial splunk statsd stdin syslog systemd
        tail tcp " "thermal udp unix_socket".split()
    ),
    PluginKind.FILTER: frozenset(
        "alter_size aws checklist ecs geoip2 kubernetes log_to_metrics lua modify multiline nest nightfall parser
        rewrite_tag " "stdout sysinfo tensorflow throttle throttle_size type_converter wasm expect".split()
    ),
    PluginKind.OUTPUT: frozenset(
        "azure azure_blob azure_kusto azure_logs_ingestion bigquery calyptia chronicle counter datadog es exit file
        flowcounter " "forward gelf http influxdb kafka kafka-rest logdna loki lib nats nrlogs opensearch opentelemetry
        oracle_log_analytics "
        "parseable pgsql plot prometheus_exporter prometheus_remote_write retry s3 skywalking slack splunk stackdriver "
        "stream_processor syslog tcp td udp vivo_exporter websocket zig_demo".split()
    ),
}
# names that Fluent Bit 4.2.8 knows: whoever asks for one that is not in the CATALOGUE is told which side lacks it

_PREFIX = {PluginKind.INPUT: "in", PluginKind.FILTER: "filter", PluginKind.OUTPUT: "out"}


def names(kind: PluginKind) -> list[str]:
    """Return the names of all plugins of this kind, sorted."""
    return sorted(name for one, name in CATALOGUE if one is kind)


def load(kind: PluginKind, name: str) -> Plugin | None:
    """Return the plugin of this name (letter case does not matter), or None when the catalogue has none."""
    wanted = name.lower()
    if (kind, wanted) not in CATALOGUE:
        return None
    plugin: Plugin = import_module(f"{__name__}.{_PREFIX[kind]}_{wanted}").PLUGIN
    return plugin
