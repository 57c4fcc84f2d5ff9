"""Where the page is served."""

from __future__ import annotations

import ipaddress

from pydantic import BaseModel, ConfigDict, Field, field_validator


class WebSettings(BaseModel):
    """The worklist page."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on. There is no login yet, so only this machine may reach the page."""
    port: int = Field(default=8080, ge=0, le=65535)
    """TCP port; 0 takes any free one."""

    @field_validator("host")
    @classmethod
    def _check_loopback(cls, value: str) -> str:
        if value != "localhost" and not ipaddress.ip_address(value).is_loopback:
            raise ValueError("the page has no login yet, so its address must be 127.0.0.1, ::1 or localhost")
        return value
