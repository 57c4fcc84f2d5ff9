"""Health, metrics and traces of a process.

- `monitoring_settings`: ports.
- `monitor`: `/healthz`, `/readyz` and `/metrics`.
- `readiness`: checks of `/readyz`.
- `database_metrics`: metrics of the whole installation, from db.
- `gateway_metrics`: fill of spool and queue.
- `tracing_settings`: the OTLP collector.
- `tracing`: switches traces on.
- `film_spans`: stages of films as OpenTelemetry spans.
"""
