"""Whether, and to where, films are traced."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class TracingSettings(BaseModel):
    """OpenTelemetry traces, one for each film, over OTLP/HTTP. Off unless `endpoint` is given.

    Needs the extra `tracing`. Further `OTEL_EXPORTER_OTLP_…` variables (headers with a token, certificates)
    hold as OpenTelemetry says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    endpoint: str | None = Field(default=None, pattern=r"^https?://[^\s/?#@]+/\S*$")
    """Where the collector takes traces: `http://collector:4318/v1/traces`. Tokens go into the variable
    `OTEL_EXPORTER_OTLP_HEADERS`, never into this."""
    share: float = Field(default=1.0, ge=0, le=1)
    """Of the films, 0 to 1; all processes trace the same ones."""
    timeout_s: float = Field(default=5.0, gt=0, le=60)
    """How long the collector may take to answer; no film waits for it."""
