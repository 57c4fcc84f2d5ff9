"""Settings of the page: address, certificate, length of a session."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from db.accounts.users import UserEntry
from http_server.own_address import is_own
from web.access.proxy_settings import ProxyLoginSettings
from web.viewer_address import check_template

OWN_NAMES: Final = ("127.0.0.1", "localhost", "::1", "[::1]")
"""Names of this machine for itself."""

NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
"""A host name or address as a browser sends it."""


class WebSettings(BaseModel):
    """The page and its REST interface."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = "127.0.0.1"
    """Address to listen on. Beyond this machine only with a certificate, or with `allow_unencrypted`."""
    port: int = Field(default=8080, ge=0, le=65535)
    """TCP port; 0 takes a free port."""
    names: tuple[str, ...] = ()
    """Host names under which browsers call the page, besides `host` and this machine's own names. Others are
    refused."""
    tls_certificate: Path | None = None
    """Certificate chain (PEM) of the page; with it the page speaks TLS 1.2 or later alone."""
    tls_key: Path | None = None
    """The certificate's private key (PEM, without a passphrase), readable to this user alone."""
    allow_unencrypted: bool = False
    """Serve other machines without a certificate: passwords and films then cross the network in the clear.
    For a TLS proxy in front, which `trusted_proxies` names."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    proxy_login: ProxyLoginSettings | None = None
    """Login by a header of a reverse proxy that has verified the user: see `[web.proxy_login]`."""
    session_idle_minutes: float = Field(default=30.0, gt=0, le=1440)
    """Minutes without activity after which a user is logged out. Requests that the page makes by itself do
    not count."""
    session_hours: float = Field(default=12.0, gt=0, le=168)
    """Hours after a login at which the user must log in again."""
    language: Literal["en", "fr", "hi"] | None = None
    """Language of the page for users who have chosen none. Unset: the one that each browser prefers. REST,
    names of CSV columns, logs and the command line are English."""
    arbiters: tuple[str, ...] = ()
    """Users whose read decides where other readers differ. Empty: any further reader's does."""
    blinded_reading: bool = False
    """Hide score, finding, priority, heat map and the order of suspicion from each reader until that reader's
    first read of the study is stored, on the page, by REST and by DICOMweb. `tbscreen users blinded` decides
    for single users. The same on all hosts that run the page or a gateway."""
    worklist_days: int = Field(default=90, ge=0, le=36_500)
    """Days from its reception for which the page's worklist shows a study that is read; 0 shows all. Unread
    studies are always shown. A search text, study dates, "readers differ" and a link on the page show all.
    REST is not concerned."""
    viewer_url: str = ""
    """Address of a study in your own viewer, for a link on the study page; values are percent-encoded. An
    example: `https://pacs.example/viewer?StudyInstanceUIDs={study_instance_uid}`. `{accession_number}` and
    `{patient_id}` may stand there, too; desktop viewers have schemes of their own. Empty: no link."""
    requests_per_minute: int = Field(default=120, ge=1, le=100_000)
    """REST requests a minute that each token may make; the same number may come at once."""

    @field_validator("host")
    @classmethod
    def _check_host(cls, value: str) -> str:
        if not is_own(value):
            ipaddress.ip_address(value)
        return value

    @field_validator("names")
    @classmethod
    def _check_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is not a host name: write it as browsers do, without port")
        return value

    @field_validator("viewer_url")
    @classmethod
    def _check_viewer(cls, value: str) -> str:
        return check_template(value) if value else value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            ipaddress.ip_network(proxy)
        return value

    @model_validator(mode="after")
    def _check(self) -> WebSettings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if not is_own(self.host) and self.tls_certificate is None and not self.allow_unencrypted:
            raise ValueError(
                "without tls_certificate and tls_key, host must be 127.0.0.1, ::1 or localhost: "
                "passwords and films would cross the network in the clear"
            )
        if self.host in ("0.0.0.0", "::") and not self.names:  # noqa: S104  this address is refused
            raise ValueError(f"with host {self.host}, names lists the host names under which browsers call")
        return self

    def may_arbitrate(self, user: str) -> bool:
        """True for a user whose read may decide where other readers differ."""
        return not self.arbiters or user in self.arbiters

    def find_blinded(self, user: UserEntry) -> str | None:
        """Return the user's name where the user reads blinded, else None: the one from whom results hide."""
        return user.name if user.is_blinded(self.blinded_reading) else None

    @property
    def scheme(self) -> str:
        """The URL scheme: http or https."""
        return "http" if self.tls_certificate is None else "https"

    @property
    def served_names(self) -> list[str]:
        """Every host name that the page answers to."""
        bracketed = f"[{self.host}]" if ":" in self.host else self.host
        return sorted({*OWN_NAMES, self.host, bracketed, *self.names})
