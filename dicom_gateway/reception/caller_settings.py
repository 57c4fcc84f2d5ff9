"""Settings of the callers that the gateway allows."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, IPvAnyNetwork, model_validator

from dicom_gateway.association.ae_title import AeTitle


class CallerSettings(BaseModel):
    """An allowed caller."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ae_title: AeTitle | None = None
    """AE title of the caller; without it, every AE title from these addresses is allowed."""
    addresses: tuple[IPvAnyNetwork, ...] = ()
    """Addresses from which it may call, such as `"192.0.2.10"` or `"192.0.2.0/24"`; empty allows all."""

    @model_validator(mode="after")
    def _check(self) -> CallerSettings:
        if self.ae_title is None and not self.addresses:
            raise ValueError("a caller needs ae_title, addresses or both")
        return self
