"""Settings of gateway and courier."""

from __future__ import annotations

import socket
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from dicom_gateway.association.ae_title import AeTitle
from dicom_gateway.association.answer_settings import AnswerSettings
from dicom_gateway.association.tls_settings import ListenerTlsSettings, PeerTlsSettings
from dicom_gateway.canary.canary_settings import CanarySettings
from dicom_gateway.delivery.delivery_rules import DeliveryRule
from dicom_gateway.dicomweb.dicomweb_settings import DicomwebSettings
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.reception.caller_settings import CallerSettings
from dicom_gateway.rules.rule_settings import Pattern, RuleSettings, check_names
from domain.codes import ReportKind
from domain.languages.language import LANGUAGES
from http_server.own_address import is_own


class PeerProtocol(StrEnum):
    """Protocol by which a peer gets objects."""

    DIMSE = "dimse"
    DICOMWEB = "dicomweb"


class CommitmentRoleRule(StrEnum):
    """Treatment of a peer that reports on storage commitment without proposing the role of the SCP."""

    STRICT = "strict"
    LENIENT = "lenient"


class PeerSettings(BaseModel):
    """Another DICOM node."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Name of this node in commands, logs and tables."""
    protocol: PeerProtocol = PeerProtocol.DIMSE
    """`dimse` sends by C-STORE and needs `ae_title`, `host` and `port`; `dicomweb` sends by STOW-RS and needs
    `url` in their place; films are pulled from it by QIDO-RS and WADO-RS. A `dicomweb` peer offers no storage
    commitment."""
    ae_title: AeTitle = ""
    """AE title of the node, as it is called."""
    host: str = ""
    """Name or address."""
    port: int = Field(default=0, ge=1, le=65535)
    """TCP port."""
    url: str = ""
    """Base URL of the peer's DICOMweb service, such as `https://pacs.example/dicom-web`; `/studies` is
    appended."""
    token_file: Path | None = None
    """File of one line with a token, sent to a `dicomweb` peer as `Authorization: Bearer`; it is read again
    for each batch."""
    send_reports: bool = True
    """Send reports to this peer: `kinds` of every film, or those that `rules` select."""
    kinds: tuple[ReportKind, ...] = (ReportKind.SR,)
    """Kinds of object that the peer gets: `sr` (Structured Report), `sc` (Secondary Capture: film and heat
    map as a picture, for viewers without SR), `gsps` (Presentation State: outline and text over the film
    itself), `refusal` (an SR with the reason why a film was not analysed)."""
    rules: tuple[DeliveryRule, ...] = ()
    """Conditions for each kind: see `[[peers.rules]]`. Without a rule, the peer gets `kinds` of every
    film."""
    commitment: bool = False
    """Request storage commitment of the delivered objects from this peer: see `[commitment]`."""
    commitment_roles: CommitmentRoleRule = CommitmentRoleRule.STRICT
    """`strict` takes this peer's storage commitment results on an association that it opens itself only if it
    proposes the role of the SCP there (PS3.7 D.3.3.4); `lenient` takes them without, for archives that omit
    role selection."""
    answers: AnswerSettings = AnswerSettings()
    """Senders of this peer's answers, for archives that answer from elsewhere: see `[peers.answers]`."""
    tls: PeerTlsSettings | None = None
    """Use TLS with this peer. An empty table `[peers.tls]` after its `[[peers]]` is enough. For a `dicomweb`
    peer `url` says whether TLS is used."""

    @model_validator(mode="after")
    def _check_protocol(self) -> PeerSettings:
        dimse = {"ae_title": self.ae_title, "host": self.host, "port": self.port}
        if self.protocol is PeerProtocol.DIMSE:
            for name, value in dimse.items():
                if not value:
                    raise ValueError(f"{name} is missing")
            if self.url or self.token_file is not None:
                raise ValueError('url and token_file go with protocol = "dicomweb"')
        else:
            if any(dimse.values()):
                raise ValueError("url stands in place of ae_title, host and port")
            if self.commitment:
                raise ValueError('protocol = "dicomweb" has no storage commitment')
            self._check_url()
        return self

    def _check_url(self) -> None:
        place = urlsplit(self.url)
        if (
            place.scheme not in ("http", "https")
            or not place.hostname
            or place.username is not None
            or place.query
            or place.fragment
        ):
            raise ValueError("url is like https://pacs.example/dicom-web, without user and query")
        if place.scheme == "http":
            if self.tls is not None:
                raise ValueError("[peers.tls] needs a url with https")
            if self.token_file is not None and not is_own(place.hostname):
                raise ValueError("the token would cross the network in the clear: use https")

    @property
    def where(self) -> str:
        """AE title, host and port, or the URL."""
        return self.url or f"{self.ae_title} at {self.host}:{self.port}"


class GatewaySettings(BaseModel):
    """The storage SCP and the preparation of films."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(default_factory=socket.gethostname, pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    """Name of this gateway in the rows of the films whose files it holds. Keep it when the host is
    renamed."""
    ae_title: AeTitle = "TBSCREEN"
    """AE title that senders call."""
    host: str = "0.0.0.0"  # noqa: S104  a PACS calls from outside
    """Address to listen on."""
    port: int = Field(default=11112, ge=0, le=65535)
    """TCP port to listen on, unencrypted; 0 takes a free port."""
    accept_plain: bool = True
    """Open the unencrypted port; false leaves only that of `[gateway.tls]`."""
    tls: ListenerTlsSettings | None = None
    """A second port, for TLS."""
    dicomweb: DicomwebSettings | None = None
    """A port for DICOMweb (STOW-RS, QIDO-RS, WADO-RS)."""
    query: QuerySettings = QuerySettings()
    """Queries of the worklist by C-FIND and QIDO-RS; also retrieval by WADO-RS."""
    listener_processes: int = Field(default=1, ge=1, le=64)
    """Number of processes that accept associations at the same ports. Each process applies the limits to its
    own associations."""
    maximum_associations: int = Field(default=50, ge=1, le=1000)
    """Maximum number of open associations; further requests are rejected as transient."""
    maximum_associations_per_address: int = Field(default=40, ge=1, le=1000)
    """Maximum number of open associations from the same address."""
    maximum_association_s: float = Field(default=86400.0, gt=0)
    """Longest time, in seconds, that an association may be open; then it is aborted."""
    maximum_dataset_bytes: int = Field(default=2_000_000_000, ge=1_000_000)
    """Largest dataset; a larger one is dropped and its C-STORE answered with 0xA700."""
    maximum_pdu_bytes: int = Field(default=131072, ge=4096, le=4194304)
    """Largest PDU (PS3.8 D.1) that senders may use."""
    network_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Seconds without a message after which an association is aborted."""
    reserved_disk_bytes: int = Field(default=1_000_000_000, ge=0)
    """Free disk space below which C-STORE is answered with 0xA700 (out of resources)."""
    spool_retention_hours: float = Field(default=72.0, ge=0)
    """Hours after which the file of a film that was refused, or screened and reported to every peer, is
    deleted from the spool. A film without a row in the database is received again from its file instead."""
    spool_maximum_bytes: int = Field(default=100_000_000_000, ge=0)
    """Size of the spool above which files of finished films are deleted earlier, oldest first."""
    preparation_processes: int = Field(default=1, ge=1, le=64)
    """Number of processes that decode and normalize films, one film each at a time."""
    preparation_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Longest time, in seconds, to decode and normalize a film; three timeouts refuse the film."""
    preparation_memory_bytes: int = Field(default=4 * 1024**3, ge=2 * 1024**3)
    """Address space of each preparation process; a film that needs more is refused as `undecodable`."""
    redispatch_after_s: float = Field(default=300.0, gt=0, le=86400)
    """Seconds after which a queued film without a result is dispatched again."""
    minimum_age_years: int = Field(default=15, ge=0, le=150)
    """Age below which films are refused; WHO recommends CAD from 15 years (2021, module 2)."""
    require_called_ae_title: bool = True
    """Reject associations that call another AE title than ours."""
    allowed_calling_ae_titles: tuple[AeTitle, ...] = ()
    """AE titles that may call, besides `[[gateway.callers]]`; if both are empty, all may call."""
    callers: tuple[CallerSettings, ...] = ()
    """AE titles with addresses that may call, besides `allowed_calling_ae_titles`."""
    maximum_queue_length: int = Field(default=200, ge=1)
    """Maximum number of films in the broker's queue; further films wait in the spool."""
    excluded_calling_ae_titles: tuple[AeTitle, ...] = ()
    """AE titles of senders whose films are received and refused as `excluded_by_rule`."""
    image_guard: bool = True
    """Judge the pixels, too: films that clearly show something other than a chest are refused, unclear ones
    are screened with a doubt, and films with an incomplete header are screened if they show a chest."""
    urgent_calling_ae_titles: tuple[Pattern, ...] = ()
    """AE titles of senders, as patterns with `*` and `?`, whose films overtake those in spool and queue."""
    archive_calling_ae_titles: tuple[Pattern, ...] = ()
    """AE titles of archives, as patterns: what one of them sends again with the same pixels for another
    patient is a proposed merge."""
    rules: Annotated[tuple[RuleSettings, ...], AfterValidator(check_names)] = ()
    """The site's own rules, tried in this order before the default rules: see `[[gateway.rules]]`."""
    canary: CanarySettings = CanarySettings()
    """Drawn films that the gateway sends to its own port."""

    @model_validator(mode="after")
    def _check_ports(self) -> GatewaySettings:
        if not self.accept_plain and self.tls is None:
            raise ValueError("accept_plain = false needs [gateway.tls]: there would be no port")
        web = self.dicomweb
        if web is not None and not is_own(web.host) and self.tls is None and not web.allow_unencrypted:
            raise ValueError(
                "without [gateway.tls], dicomweb.host must be 127.0.0.1, ::1 or localhost: "
                "tokens and films would cross the network in the clear"
            )
        return self


class CourierSettings(BaseModel):
    """Settings of building and sending reports."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ae_title: AeTitle = "TBSCREEN"
    """AE title with which the courier calls peers."""
    poll_interval_s: float = Field(default=0.1, gt=0, le=60)
    """Seconds between two looks for commits; outbox and deliveries are read after one, and each ten looks."""
    retry_first_s: float = Field(default=2.0, gt=0, le=3600)
    """Seconds to the next attempt after the first transient failure; doubled after each further failure."""
    retry_most_s: float = Field(default=900.0, gt=0, le=86400)
    """Longest time between two attempts, in seconds."""
    maximum_attempts: int = Field(default=200, ge=1)
    """Number of transient failures after which a delivery is parked."""
    network_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    """Longest silence of a peer, in seconds."""
    lease_s: float = Field(default=180.0, ge=1, le=3600)
    """Seconds after which another courier takes over the work of a courier that died."""
    sr_sop_class: str = Field(default="comprehensive_3d", pattern="^(comprehensive_3d|comprehensive)$")
    """SOP class of reports; `comprehensive` for viewers without Comprehensive 3D SR."""
    finding_code: str = Field(default="tbscreen", pattern="^(tbscreen|snomed)$")
    """Code of the evaluation: (99TBSCREEN, TBCXR) or SCT 154283005 Pulmonary tuberculosis."""
    procedure_reported: str = Field(default="site", pattern="^(site|source)$")
    """`site` takes `procedure_code`; `source` takes the film's Procedure Code Sequence, if it has one."""
    sc_compression: str = Field(default="jpeg", pattern="^(jpeg|none)$")
    """Secondary Captures as JPEG Baseline (about 0.2 MB each, decompressed for peers without it) or
    uncompressed (about 4 MB)."""
    picture_language: Literal["en", "fr", "hi"] = "en"
    """Language of the text in the picture of Secondary Captures. "AI result, not verified by a physician"
    stands in English beside its translation. Code meanings of SR and the header stay English."""
    procedure_code: tuple[str, str, str] = ("30745-4", "LN", "XR Chest Views")
    """Code value, coding scheme designator and code meaning of the reported procedure."""

    @field_validator("picture_language")
    @classmethod
    def _check_language(cls, value: str) -> str:
        if LANGUAGES[value].font is not None:
            from PIL import features  # only where another script is wanted

            if not features.check("raqm"):
                raise ValueError(
                    f"text in {LANGUAGES[value].english_name} needs FriBidi on this host "
                    "(apt-get install libfribidi0)"
                )
        return value


def spool_directory(data_directory: Path) -> Path:
    """Return the folder in which a gateway keeps its films."""
    return data_directory / "spool"
