"""Names of Fluent Bit 4.2.8's plugins: whoever asks for one that the CATALOGUE lacks is told which side lacks it."""

from __future__ import annotations

from lab_helpers.router.plugin import PluginKind

_INPUTS = """
blob collectd cpu disk docker docker_events ebpf elasticsearch event_test event_type exec_wasi
fluentbit_metrics fluentbit_logs gpu_metrics head health kafka kmsg kubernetes_events mem mqtt netif nginx_metrics
node_exporter_metrics opentelemetry podman_metrics process_exporter_metrics proc prometheus_remote_write
prometheus_scrape prometheus_textfile random serial splunk statsd stdin syslog systemd thermal udp unix_socket
"""
_FILTERS = """
checklist geoip2 kubernetes log_to_metrics nightfall stdout sysinfo tensorflow wasm
"""
_OUTPUTS = """
azure azure_blob azure_kusto azure_logs_ingestion bigquery calyptia chronicle datadog es exit flowcounter gelf influxdb
kafka kafka-rest logdna loki lib nats nrlogs opensearch opentelemetry oracle_log_analytics parseable pgsql plot
prometheus_exporter prometheus_remote_write retry skywalking slack splunk stackdriver syslog tcp td udp vivo_exporter
websocket zig_demo
"""

NAMES: dict[PluginKind, frozenset[str]] = {
    PluginKind.INPUT: frozenset(_INPUTS.split()),
    PluginKind.FILTER: frozenset(_FILTERS.split()),
    PluginKind.OUTPUT: frozenset(_OUTPUTS.split()),
}
