"""Settings of HL7 messages and of their receivers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dicom_gateway.association.tls_settings import PeerTlsSettings
from dicom_gateway.delivery.film_conditions import FilmConditions
from dicom_gateway.laboratory.laboratory_settings import LaboratorySettings

Namespace = Annotated[str, StringConstraints(pattern=r"^[!-{}~ ]{0,20}$")]
"""Namespace ID of an application or facility (HL7 2.5.1, data type HD, component 1)."""


class ReceiverSettings(BaseModel):
    """A system that gets results as HL7 messages by MLLP."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Name of this receiver in commands, logs and tables; no peer has the same."""
    host: str = Field(min_length=1)
    """Name or address."""
    port: int = Field(ge=1, le=65535)
    """TCP port (2575 is registered for HL7)."""
    application: Namespace = ""
    """Receiving Application (MSH-5)."""
    facility: Namespace = ""
    """Receiving Facility (MSH-6)."""
    refusals: bool = False
    """Send a message for each film that was not analysed, with the reason. Refusals as
    `unsupported_sop_class` and `excluded_by_rule` are sent only by a rule that names them. A result that was
    sent and stands no more is withdrawn in any case."""
    rules: tuple[FilmConditions, ...] = ()
    """Conditions under which this receiver gets a message: see `[[hl7.receivers.rules]]`. Without a rule, it
    gets one for every result."""
    acknowledgement_timeout_s: float = Field(default=30.0, gt=0, le=600)
    """Longest wait for the answer to a message, in seconds."""
    tls: PeerTlsSettings | None = None
    """Use TLS with this receiver. An empty table `[hl7.receivers.tls]` after its `[[hl7.receivers]]` is
    enough."""


class MessageSettings(BaseModel):
    """HL7 v2 messages on results."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    application: Namespace = "TBSCREEN"
    """Sending Application (MSH-3); also the namespace of filler numbers. Keep it: with another one, no
    message corrects an earlier one."""
    facility: Namespace = ""
    """Sending Facility (MSH-4)."""
    processing_id: str = Field(default="P", pattern="^[PTD]$")
    """Processing ID (MSH-11): `P` production, `T` training, `D` debugging (table 0103)."""
    page_url: str | None = Field(default=None, pattern=r"^https?://[^\s|^~\\&]+[^/\s|^~\\&]$")
    """Address of the page as readers reach it, such as `https://tbscreen.hospital.example`, without `/` at
    the end. With it, each message holds a link to its study."""
    receivers: tuple[ReceiverSettings, ...] = ()
    """Systems that get the messages."""
    results: LaboratorySettings = LaboratorySettings()
    """A port for bacteriology results of laboratories."""

    @model_validator(mode="after")
    def _check(self) -> MessageSettings:
        if not self.application:
            raise ValueError("hl7.application: must not be empty")
        names = [receiver.name for receiver in self.receivers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"hl7.receivers: the name {name!r} is given twice")
        return self
