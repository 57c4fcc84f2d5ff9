"""Settings of canary films."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dicom_gateway.association.ae_title import AeTitle


class CanarySettings(BaseModel):
    """Drawn films that the gateway sends to its own port, to learn whether films get their scores."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    every_minutes: float = Field(default=0.0, ge=0, le=1440)
    """Minutes between two canary films; 0 sends none, but for those of `tbscreen canary`."""
    deadline_s: float = Field(default=300.0, gt=0, le=3600)
    """Seconds in which a canary film must have its score."""
    ae_title: AeTitle = "TBS-CANARY"
    """AE title with which the gateway calls itself. Where callers are limited, name it in
    `[[gateway.callers]]`, with the address 127.0.0.1."""
    certificate: Path | None = None
    """PEM file of the certificate that is shown to `[gateway.tls]`; by default the gateway's own."""
    key: Path | None = None
    """PEM file of its private key."""

    @model_validator(mode="after")
    def _check(self) -> CanarySettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key go together")
        return self
