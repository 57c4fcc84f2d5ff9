"""Settings of gateway and courier."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from dicom_gateway.association.ae_title import AeTitle
from dicom_gateway.association.tls_settings import ListenerTlsSettings, PeerTlsSettings
from dicom_gateway.delivery.delivery_rules import DeliveryRule
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.reception.caller_settings import CallerSettings
from dicom_gateway.rules.rule_settings import Pattern, RuleSettings, check_names
from domain.codes import ReportKind


class PeerSettings(BaseModel):
    """Another DICOM node."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
    """Name of this node in commands, logs and tables."""
    ae_title: AeTitle
    """AE title of the node, as it is called."""
    host: str = Field(min_length=1)
    """Name or address."""
    port: int = Field(ge=1, le=65535)
    """TCP port."""
    send_reports: bool = True
    """Send reports to this peer: `kinds` of every film, or as `rules` say."""
    kinds: tuple[ReportKind, ...] = (ReportKind.SR,)
    """Kinds of object that it gets: `sr` (Structured Report), `sc` (Secondary Capture: film and heat map as a
    picture, for viewers that show no SR), `refusal` (an SR that says that a film was not analysed, and
    why)."""
    rules: tuple[DeliveryRule, ...] = ()
    """Conditions for each kind: see `[[peers.rules]]`. Without a rule it gets `kinds` of every film."""
    commitment: bool = False
    """Request storage commitment of the delivered objects from this peer: see `[commitment]`."""
    tls: PeerTlsSettings | None = None
    """Speak TLS with it: a table `[peers.tls]` behind its `[[peers]]`, if only an empty one."""


class GatewaySettings(BaseModel):
    """The storage SCP and the preparation of films."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(default_factory=socket.gethostname, pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    """Names this gateway in the rows of the films whose files it holds. Keep it when the host is renamed."""
    ae_title: AeTitle = "TBSCREEN"
    """AE title that senders call."""
    host: str = "0.0.0.0"  # noqa: S104  a PACS calls from outside
    """Address to listen on."""
    port: int = Field(default=11112, ge=0, le=65535)
    """TCP port to listen on, unencrypted; 0 takes any free one."""
    accept_plain: bool = True
    """Open the unencrypted port; false leaves only that of `[gateway.tls]`."""
    tls: ListenerTlsSettings | None = None
    """A second port, for TLS."""
    query: QuerySettings = QuerySettings()
    """The worklist, asked for by C-FIND."""
    listener_processes: int = Field(default=1, ge=1, le=64)
    """Number of processes that take associations from the same ports. Where there are several, each counts
    its own associations."""
    maximum_associations: int = Field(default=50, ge=1, le=1000)
    """Most associations open at once; further requests are rejected for the moment."""
    maximum_associations_per_address: int = Field(default=40, ge=1, le=1000)
    """Most of them from the same address."""
    maximum_association_s: float = Field(default=86400.0, gt=0)
    """Longest time that an association may be open; then it is aborted, and its sender opens another."""
    maximum_dataset_bytes: int = Field(default=2_000_000_000, ge=1_000_000)
    """A larger dataset is read and dropped, and its C-STORE answered 0xA700."""
    maximum_pdu_bytes: int = Field(default=131072, ge=4096, le=4194304)
    """Largest PDU (PS3.8 D.1) that senders may use."""
    network_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """An association on which nothing comes for so long is aborted."""
    reserved_disk_bytes: int = Field(default=1_000_000_000, ge=0)
    """With less than this free, C-STORE answers 0xA700 (out of resources)."""
    spool_retention_hours: float = Field(default=72.0, ge=0)
    """A file leaves the spool so long after its film was refused, or screened and reported to every peer; a
    film that no row of the database names is received anew from its file instead."""
    spool_maximum_bytes: int = Field(default=100_000_000_000, ge=0)
    """Beyond this, files of films that are done leave the spool earlier, oldest first."""
    preparation_processes: int = Field(default=1, ge=1, le=64)
    """Number of films decoded and normalized at once, each in a process of its own."""
    preparation_timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """A film that takes longer to decode and normalize counts as a strike."""
    preparation_memory_bytes: int = Field(default=4 * 1024**3, ge=2 * 1024**3)
    """Address space of each preparation process; a film that needs more is refused as `undecodable`."""
    redispatch_after_s: float = Field(default=300.0, gt=0, le=86400)
    """A film that was queued and is not screened within this time is dispatched again."""
    minimum_age_years: int = Field(default=15, ge=0, le=150)
    """Younger patients are refused; WHO recommends CAD from 15 years (2021, module 2)."""
    require_called_ae_title: bool = True
    """Reject associations that call another AE title than ours."""
    allowed_calling_ae_titles: tuple[AeTitle, ...] = ()
    """Only these may call, and `[[gateway.callers]]`; where both are empty, everyone."""
    callers: tuple[CallerSettings, ...] = ()
    """Only these may call, and `allowed_calling_ae_titles`: AE titles with the addresses they call from."""
    maximum_queue_length: int = Field(default=200, ge=1)
    """Most films in the broker's queue; further ones wait in the spool."""
    excluded_calling_ae_titles: tuple[AeTitle, ...] = ()
    """Films from these senders are taken and refused as `excluded_by_rule`."""
    image_guard: bool = True
    """Look at the pixels, too: what clearly is no frontal chest film is refused, what may be none is screened
    with a doubt, and a film whose header says too little is screened if it shows a chest."""
    urgent_calling_ae_titles: tuple[Pattern, ...] = ()
    """Films from these senders, patterns with `*` and `?`, overtake those that wait in spool and queue."""
    rules: Annotated[tuple[RuleSettings, ...], AfterValidator(check_names)] = ()
    """The site's own rules, tried in this order before the default rules: see `[[gateway.rules]]`."""

    @model_validator(mode="after")
    def _check_ports(self) -> GatewaySettings:
        if not self.accept_plain and self.tls is None:
            raise ValueError("accept_plain = false needs [gateway.tls]: there would be no port")
        return self


class CourierSettings(BaseModel):
    """Settings of building and sending reports."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    ae_title: AeTitle = "TBSCREEN"
    """Calling AE title towards peers."""
    poll_interval_s: float = Field(default=0.1, gt=0, le=60)
    """Pause between two looks at outbox and deliveries while there is nothing to do."""
    retry_first_s: float = Field(default=2.0, gt=0, le=3600)
    """Pause after the first transient failure; doubled after each."""
    retry_most_s: float = Field(default=900.0, gt=0, le=86400)
    """Longest pause between two attempts."""
    maximum_attempts: int = Field(default=200, ge=1)
    """Most transient failures of a delivery; then it is parked."""
    network_timeout_s: float = Field(default=30.0, gt=0, le=3600)
    """Longest silence of a peer."""
    lease_s: float = Field(default=180.0, ge=1, le=3600)
    """Time after which the work of a courier that died is taken again."""
    sr_sop_class: str = Field(default="comprehensive_3d", pattern="^(comprehensive_3d|comprehensive)$")
    """`comprehensive` for viewers that do not know Comprehensive 3D SR."""
    finding_code: str = Field(default="tbscreen", pattern="^(tbscreen|snomed)$")
    """Code of the evaluation: (99TBSCREEN, TBCXR) or SCT 154283005 Pulmonary tuberculosis."""
    procedure_reported: str = Field(default="site", pattern="^(site|source)$")
    """`source` takes the film's own Procedure Code Sequence where it has one."""
    sc_compression: str = Field(default="jpeg", pattern="^(jpeg|none)$")
    """Secondary Captures as JPEG Baseline (about 0.2 MB each; a peer that does not take it gets them
    decompressed) or uncompressed (about 4 MB)."""
    procedure_code: tuple[str, str, str] = ("30745-4", "LN", "XR Chest Views")
    """Code value, coding scheme designator, code meaning of the procedure reported."""


def spool_directory(data_directory: Path) -> Path:
    """Folder in which a gateway keeps its films."""
    return data_directory / "spool"
