"""Settings of traces."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TracingSettings(BaseModel):
    """OpenTelemetry traces, one for each film, over OTLP/HTTP. Off unless `endpoint` is given.

    Needs the extra `tracing`. Further `OTEL_EXPORTER_OTLP_…` variables (headers with a token, certificates)
    hold as OpenTelemetry says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s/?#@]+/\S*$")
    """Address of the collector, as `http://collector:4318/v1/traces`. Tokens go into the variable
    `OTEL_EXPORTER_OTLP_HEADERS`, never into the address."""
    share: float = Field(default=1.0, ge=0, le=1)
    """Share of films that is traced, 0 to 1; all processes trace the same films."""
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    """Longest wait for the collector's answer; no film waits for it."""
