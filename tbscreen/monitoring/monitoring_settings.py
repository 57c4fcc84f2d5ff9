"""Settings of the monitoring of each process."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

PROCESSES: Final = ("gateway", "worker", "courier", "web")


class MonitoringSettings(BaseModel):
    """`/healthz`, `/readyz` and Prometheus `/metrics`, on a port of each process. They name no patient."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on. It has no login: open it to the monitoring host alone."""
    gateway_port: int | None = Field(default=None, ge=0, le=65535)
    """TCP port of the gateway's; none by default, 0 takes any free one."""
    worker_port: int | None = Field(default=None, ge=0, le=65535)
    """The worker's."""
    courier_port: int | None = Field(default=None, ge=0, le=65535)
    """The courier's, which also tells what the database says of all."""
    web_port: int | None = Field(default=None, ge=0, le=65535)
    """The page's."""

    def port(self, process: str) -> int | None:
        """Return the port of one of `PROCESSES`."""
        value: int | None = getattr(self, f"{process}_port")
        return value
