"""Settings of the port for bacteriology results by HL7."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, model_validator

from domain.bacteriology import Method, Outcome
from http_server.own_address import is_own


class CodeSettings(BaseModel):
    """A code of a laboratory for a test (OBX-3)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    code: str = Field(min_length=1, max_length=64)
    """The code, as the message has it (OBX-3.1 or OBX-3.4)."""
    system: str = Field(default="", max_length=32)
    """Its coding system, such as `LN` (OBX-3.3 or OBX-3.6); empty matches any."""
    method: Method
    """xpert, ultra, culture or smear."""


class ValueSettings(BaseModel):
    """A laboratory's code or word for an outcome (OBX-5)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    value: str = Field(min_length=1, max_length=200)
    """The code or word, in any case."""
    outcome: Outcome
    """positive, negative, indeterminate; of ultra also trace, of culture contaminated and ntm."""


class LaboratorySettings(BaseModel):
    """A port of the courier for bacteriology results (ORU^R01)."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    port: int = Field(default=0, ge=0, le=65535)
    """TCP port to listen on (2575 is registered for HL7); 0 takes no messages."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    peers: tuple[IPvAnyNetwork, ...] = ()
    """Addresses that may connect, such as `"192.0.2.10"`; empty lets this machine alone connect."""
    tls: bool = True
    """TLS with the certificates of `[gateway.tls]`, which must be set unless `host` is this machine alone;
    false for systems without TLS: patient data cross the network in the clear."""
    codes: tuple[CodeSettings, ...] = ()
    """Codes of tests, besides LOINC's for culture and smear: see `[[hl7.results.codes]]`."""
    values: tuple[ValueSettings, ...] = ()
    """Codes and words of outcomes, besides those of `tbscreen results import`: see
    `[[hl7.results.values]]`."""
    identifier_types: tuple[str, ...] = ()
    """Identifier types (PID-3.5, such as `MR`) of the patient ID that films have; empty where messages have
    one identifier."""
    ignore_assigning_authority: bool = False
    """Ignore PID-3.4, which otherwise is the issuer of the patient ID."""
    character_set: str = "ASCII"
    """Character set of messages without MSH-18 (table 0211)."""
    maximum_message_bytes: int = Field(default=1_000_000, ge=1000, le=16_000_000)
    """Largest message; the connection of a larger one is closed."""
    message_s: float = Field(default=30.0, gt=0, le=600)
    """Seconds in which a message must be complete, and a TLS handshake done."""
    idle_s: float = Field(default=600.0, gt=0, le=86400)
    """Seconds without a message after which a connection is closed."""
    maximum_connections: int = Field(default=16, ge=1, le=256)
    """Maximum number of open connections."""
    maximum_connections_per_address: int = Field(default=4, ge=1, le=256)
    """Maximum number of open connections from the same address."""
    messages_per_minute: int = Field(default=600, ge=1)
    """Maximum number of messages a minute from the same address; further ones are answered AR."""

    @model_validator(mode="after")
    def _check(self) -> LaboratorySettings:
        if self.port and not is_own(self.host) and not self.peers:
            raise ValueError("name the systems that may connect in hl7.results.peers")
        return self
