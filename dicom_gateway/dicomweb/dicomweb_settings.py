"""Settings of the gateway's port for DICOMweb."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from dicom_gateway.association.ae_title import AeTitle
from http_server.own_address import is_own


class CertificateSenderSettings(BaseModel):
    """A sender that is known by its client certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ae_title: AeTitle
    """AE title by which rules, worklist and audit know this sender."""
    certificate_names: tuple[str, ...] = Field(min_length=1)
    """Names (DNS, IP or common name) of which the sender's certificate must hold one."""
    permissions: tuple[Literal["store", "worklist"], ...] = ("store",)
    """`store` sends films (STOW-RS); `worklist` reads the worklist, films and reports (QIDO-RS, WADO-RS)."""


class DicomwebSettings(BaseModel):
    """The port for DICOMweb: STOW-RS, QIDO-RS and WADO-RS. There is none without this table."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    port: int = Field(ge=0, le=65535)
    """TCP port; 0 takes a free port. With `[gateway.tls]` it speaks TLS alone, with the certificate there."""
    host: str = "127.0.0.1"
    """Address to listen on. Beyond this machine only with `[gateway.tls]`, or with `allow_unencrypted`."""
    allow_unencrypted: bool = False
    """Serve other machines without TLS: tokens and films then cross the network in the clear. For a TLS
    proxy in front."""
    maximum_request_bytes: int = Field(default=20_000_000_000, ge=1_000_000)
    """Largest body of a request; a larger one is answered with 413. Each instance in it is limited by
    `gateway.maximum_dataset_bytes`."""
    maximum_instances: int = Field(default=2000, ge=1, le=100_000)
    """Most instances of a request; a request with more is answered with 413."""
    public_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+[^\s?#/])?$")
    """Base URL under which others reach this port through a proxy, for Retrieve URL (0008,1190) of what is
    here; empty takes the address of each request."""
    retrieve_url: str = Field(default="", pattern=r"^(https?://[^\s?#]+[^\s?#/])?$")
    """Base URL of the DICOMweb service of the PACS that keeps the films, such as
    `https://pacs.example/dicom-web`: Retrieve URL (0008,1190) of films that are no longer here."""
    senders: tuple[CertificateSenderSettings, ...] = ()
    """Senders that are known by a client certificate: see `[[gateway.dicomweb.senders]]`. A sender with a
    token needs none; its AE title is the label of the token."""

    @field_validator("host")
    @classmethod
    def _check_host(cls, value: str) -> str:
        if not is_own(value):
            ipaddress.ip_address(value)
        return value
