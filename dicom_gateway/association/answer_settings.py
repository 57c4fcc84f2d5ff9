"""Settings of the senders from which a peer's answers are believed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, IPvAnyNetwork

from dicom_gateway.association.ae_title import AeTitle


class AnswerSettings(BaseModel):
    """Senders of a peer's answers (storage commitment results), besides its AE title at its host."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ae_titles: tuple[AeTitle, ...] = ()
    """AE titles with which the peer may answer, besides its own."""
    addresses: tuple[IPvAnyNetwork, ...] = ()
    """Addresses from which the peer may answer, besides those of its host, such as `"192.0.2.0/24"`."""
    certificate_names: tuple[str, ...] = ()
    """Names (DNS, IP or common name) of which the sender's certificate must hold one; addresses are then not
    compared. The certificate is checked with `gateway.tls.ca`."""
