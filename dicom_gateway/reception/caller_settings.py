"""What a site sets of those who may call the gateway."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, IPvAnyNetwork, model_validator

from dicom_gateway.association.ae_title import AeTitle


class CallerSettings(BaseModel):
    """One who may call the gateway."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ae_title: AeTitle | None = None
    """Its AE title; none is any from its addresses."""
    addresses: tuple[IPvAnyNetwork, ...] = ()
    """Where it may call from, as `"192.0.2.10"` or `"192.0.2.0/24"`; empty is anywhere."""

    @model_validator(mode="after")
    def _check(self) -> CallerSettings:
        if self.ae_title is None and not self.addresses:
            raise ValueError("a caller has an AE title, addresses or both")
        return self
