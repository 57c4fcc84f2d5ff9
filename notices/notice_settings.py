"""Settings of notices: who is told of which events, by webhook and by e-mail."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.codes import NoticedEvent
from http_server.own_address import is_own

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
MailAddress = Annotated[str, StringConstraints(pattern=r"^[!#-'*+\-./0-9=?A-Z^-~]+@[A-Za-z0-9.-]+$")]

CONFIG = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PatientField(StrEnum):
    """A field of patient data that a notice may hold."""

    PATIENT_ID = "patient_id"
    PATIENT_NAME = "patient_name"
    PATIENT_BIRTH_DATE = "patient_birth_date"
    ACCESSION_NUMBER = "accession_number"
    STUDY_INSTANCE_UID = "study_instance_uid"


class MailSecurity(StrEnum):
    """Encryption of the connection to a mail server."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class WebhookSettings(BaseModel):
    """A program that gets notices by HTTP POST, signed."""

    model_config = CONFIG

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Name of this receiver in rules, commands, logs and tables."""
    url: str
    """Address that gets the requests, such as `https://engine.hospital.example/tbscreen`. Plain `http` is
    allowed to this machine only. Redirects are not followed."""
    secret_file: Path | None = None
    """File of one line with the secret that signs each request (HMAC-SHA256), of 16 characters or more; it is
    read again for each batch."""
    secret_variable: Variable | None = None
    """Environment variable with the secret, in place of a file. Its name does not begin with `TBSCREEN_`."""
    ca: Path | None = None
    """PEM file of the CA certificates that the receiver's certificate is checked with; by default those of
    this host's system."""
    patient_fields: tuple[PatientField, ...] = ()
    """Patient data that a notice on a HIGH finding holds for this receiver: `patient_id`, `patient_name`,
    `patient_birth_date`, `accession_number`, `study_instance_uid` (also as a link to the study). By default
    none."""
    timeout_s: float = Field(default=15.0, gt=0, le=120)
    """Longest time for one request with its answer, in seconds."""

    @model_validator(mode="after")
    def _check(self) -> WebhookSettings:
        try:
            place = urlsplit(self.url)
            port = place.port
        except ValueError:
            place, port = urlsplit(""), None
        if place.scheme not in ("http", "https") or not place.hostname or place.username is not None:
            raise ValueError("url is like https://engine.hospital.example/tbscreen, without user")
        if place.fragment or port == 0 or not re.fullmatch("[!-~]+", self.url):
            raise ValueError("url is of printable ASCII characters, without blank and fragment")
        if place.scheme == "http" and not is_own(place.hostname):
            raise ValueError("notices would cross the network in the clear: use https")
        _check_secret(self.secret_file, self.secret_variable, "secret")
        if self.secret_file is None and self.secret_variable is None:
            raise ValueError("secret_file or secret_variable is missing: each request is signed")
        return self

    @property
    def place(self) -> str:
        """Host of the receiver."""
        return urlsplit(self.url).hostname or ""


class MailSettings(BaseModel):
    """People who get notices by e-mail, through one mail server (SMTP, RFC 5321)."""

    model_config = CONFIG

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Name of this receiver in rules, commands, logs and tables."""
    host: str = Field(pattern=r"^[A-Za-z0-9_.:-]{1,253}$")
    """Name or address of the mail server."""
    port: int = Field(default=587, ge=1, le=65535)
    """TCP port: 587 for `starttls`, 465 for `tls`."""
    security: MailSecurity = MailSecurity.STARTTLS
    """`starttls` encrypts before anything is said, or sends nothing; `tls` is encrypted from the start;
    `none` is allowed to a mail server on this machine only."""
    ca: Path | None = None
    """PEM file of the CA certificates that the server's certificate is checked with; by default those of this
    host's system."""
    user: str | None = Field(default=None, min_length=1)
    """User name, for servers that require a login."""
    password_file: Path | None = None
    """File of one line with the password; it is read again for each batch."""
    password_variable: Variable | None = None
    """Environment variable with the password, in place of a file. Its name does not begin with
    `TBSCREEN_`."""
    sender: MailAddress
    """Address that the e-mails come from."""
    recipients: tuple[MailAddress, ...] = Field(min_length=1)
    """Addresses that get them."""
    patient_fields: tuple[PatientField, ...] = ()
    """Patient data in an e-mail on a HIGH finding, as for webhooks; by default none. E-mail is seldom
    encrypted on its whole way."""
    timeout_s: float = Field(default=30.0, gt=0, le=120)
    """Longest time for one e-mail, in seconds."""

    @model_validator(mode="after")
    def _check(self) -> MailSettings:
        _check_secret(self.password_file, self.password_variable, "password")
        if (self.user is None) != (self.password_file is None and self.password_variable is None):
            raise ValueError("user goes with password_file or password_variable")
        if self.security is MailSecurity.NONE and not is_own(self.host):
            raise ValueError('security = "none" is for a mail server on this machine: use starttls or tls')
        return self

    @property
    def place(self) -> str:
        """Host of the mail server."""
        return self.host


class NoticeRule(BaseModel):
    """An event, and the receivers that are told of it."""

    model_config = CONFIG

    event: NoticedEvent
    """`high_finding`, `parked_delivery` (of reports and HL7 messages, once a day for each peer),
    `silent_station` or `drift`."""
    to: tuple[str, ...] = Field(min_length=1)
    """Names of webhooks and mails."""
    stations: tuple[str, ...] = ()
    """Only events of these stations (Station Name); by default of all. Not for `parked_delivery`."""

    @model_validator(mode="after")
    def _check(self) -> NoticeRule:
        if self.stations and self.event is NoticedEvent.PARKED_DELIVERY:
            raise ValueError("stations does not go with parked_delivery")
        return self


class NoticeSettings(BaseModel):
    """Notices to people and programs. Without a rule, nothing is sent."""

    model_config = CONFIG

    page_url: str | None = Field(default=None, pattern=r"^https?://[!-~]+[!-.0-~]$")
    """Address of the page as people reach it, without `/` at the end; notices then hold a link."""
    silent_station_hours: float = Field(default=72.0, ge=1, le=24 * 29)
    """Hours without a film after which a station is silent."""
    keep_days: int = Field(default=90, ge=60)
    """Days after which an event and its notices are deleted."""
    webhooks: tuple[WebhookSettings, ...] = ()
    """Programs that get notices."""
    mails: tuple[MailSettings, ...] = ()
    """People who get notices by e-mail."""
    rules: tuple[NoticeRule, ...] = ()
    """Events that are told, and to whom."""

    @model_validator(mode="after")
    def _check(self) -> NoticeSettings:
        names = list(self.receivers)
        if len(names) < len(self.webhooks) + len(self.mails):
            raise ValueError("notices: a name is given twice among webhooks and mails")
        for rule in self.rules:
            for name in rule.to:
                if name not in names:
                    raise ValueError(f"notices.rules: {name!r} is no webhook and no mail")
        return self

    @property
    def receivers(self) -> dict[str, WebhookSettings | MailSettings]:
        """All receivers by name."""
        hooks: dict[str, WebhookSettings | MailSettings] = {hook.name: hook for hook in self.webhooks}
        return hooks | {mail.name: mail for mail in self.mails}


def _check_secret(file: Path | None, variable: str | None, name: str) -> None:
    if file is not None and variable is not None:
        raise ValueError(f"{name}_file and {name}_variable do not go together")
    if variable is not None and variable.startswith("TBSCREEN_"):
        raise ValueError(f"{name}_variable does not begin with TBSCREEN_, which is for settings")
