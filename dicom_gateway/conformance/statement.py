"""The DICOM Conformance Statement, chapter by chapter (PS3.2 Annex A's template)."""

from __future__ import annotations

from dicom_gateway.association.peer_association import CONNECTION_TIMEOUT_S
from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES
from dicom_gateway.association.tls_context import CIPHER_SUITES_1_2
from dicom_gateway.audit.audit_message import EventId
from dicom_gateway.conformance import services
from dicom_gateway.conformance.annexes import write_extensions, write_objects
from dicom_gateway.conformance.entities import write_courier_entity, write_gateway_entity, write_pull_entity
from dicom_gateway.conformance.markdown import write_list, write_table
from dicom_gateway.conformance.web_services import write_web_services
from dicom_gateway.settings import CourierSettings, GatewaySettings
from domain.codes import Refusal


def write_statement(gateway: GatewaySettings, courier: CourierSettings, software_version: str) -> str:
    """Return the statement as Markdown.

    Args:
        gateway: AE title, limits and timeouts of the acceptor.
        courier: AE title and timeouts of the requestor.
        software_version: version of tbscreen.
    """
    # Sample objects use the default settings, so that the annex does not depend on the site.
    chapters = [
        _write_cover(software_version),
        _write_overview(gateway),
        _write_introduction(),
        _write_model(gateway, courier),
        write_gateway_entity(gateway),
        write_courier_entity(courier),
        write_pull_entity(courier),
        _write_network(gateway, courier),
        _write_character_sets(),
        _write_security(gateway),
        write_objects(courier, software_version),
        write_extensions(),
        write_web_services(gateway),
    ]
    return "\n\n".join(chapters) + "\n"


def _write_cover(software_version: str) -> str:
    return f"""\
# DICOM Conformance Statement

Made by `tbscreen conformance` of the tables that the code negotiates and answers with; the structure is that
of DICOM PS3.2, Annex A.

| | |
|---|---|
| product | tbscreen |
| version | {software_version} |
| intended use | research software, not a medical device |"""


def _write_overview(gateway: GatewaySettings) -> str:
    offers = [
        *services.list_accepted(gateway),
        *services.list_sent(),
        *services.list_commitment(),
        *services.list_pulled(),
    ]
    storage = set(STORAGE_SOP_CLASSES)
    sent = {offer.sop_class for offer in offers if offer.role == "SCU"}
    listed = [row for row in services.summarize(offers) if row[1] not in storage or row[1] in sent]
    yes = {True: "yes", False: "no"}
    rows = [
        (category, services.name(sop_class), sop_class, yes[scu], yes[scp])
        for category, sop_class, scu, scp in listed
    ]
    rows.append(
        ("Transfer", f"all {len(storage)} storage SOP classes of PS3.6 (Annex A)", "see 8.4", "no", "yes")
    )
    return f"""\
## 1 Conformance Statement Overview

tbscreen receives chest radiographs, has them screened for features suggestive of pulmonary tuberculosis,
and sends the results as Structured Reports, Secondary Captures and presentation states to other nodes.
It answers queries on its worklist, finds and fetches films from a PACS that cannot route, and asks nodes
to answer for what they were sent.

{write_table(("category", "SOP class", "UID", "user (SCU)", "provider (SCP)"), rows)}

Web services: films by the Store transaction (STOW-RS), the worklist by Search (QIDO-RS), reports and films by
Retrieve (WADO-RS); see chapter 9. No media storage."""


def _write_introduction() -> str:
    return """\
## 2 Introduction

For those who connect tbscreen to a PACS, a modality or a RIS. That two conformance statements agree is
needed for interoperation and not enough for it: test it at the site.

AE: application entity. SCU, SCP: service class user, provider. SR: Structured Report. UPS: Unified
Procedure Step. A *film* is one frontal chest image, a *screening* one model's result on one film, a
*refusal* why a film was not screened. References: DICOM PS3.2 to PS3.8, PS3.15, PS3.16, PS3.18; RFC 9325, RFC
8996, RFC 5424."""


def _write_model(gateway: GatewaySettings, courier: CourierSettings) -> str:
    return f"""\
## 3 Implementation Model

```
 modality, PACS ──C-STORE──▶ GATEWAY ──films──▶ workers ──results──▶ COURIER ──C-STORE───▶ PACS
 workstation, RIS ─C-FIND──▶   │  ▲                                     └─────N-ACTION────▶ PACS
 PACS ◀──C-FIND, C-GET, C-MOVE─┘  └──N-EVENT-REPORT, C-STORE of a C-MOVE──────────────────── PACS
```

- **GATEWAY** (AE title `{gateway.ae_title}`, setting `gateway.ae_title`): takes films, durable before they
are
  answered with success; answers C-ECHO and queries on the worklist; takes reports on storage commitment.
- **COURIER** (AE title `{courier.ae_title}`, setting `courier.ae_title`): sends what was made of films to
each
  peer that is to get it; asks for storage commitment.
- **PULL** (AE title of the courier): `tbscreen pull` and schedules; finds studies and has films sent.

A film is judged after its C-STORE was answered: what cannot or may not be screened is refused by a row in the
database with a code, and by a setting with an SR. The codes:

{write_list(f"`{refusal.value}`" for refusal in Refusal)}"""


def _write_network(gateway: GatewaySettings, courier: CourierSettings) -> str:
    rows = [
        ("`gateway.ae_title`", "AE title called", gateway.ae_title),
        ("`gateway.port`", "TCP port, unencrypted", str(gateway.port)),
        ("`gateway.tls.port`", "TCP port for TLS, where `[gateway.tls]` is set", "2762"),
        ("`gateway.dicomweb.port`", "TCP port for DICOMweb, where `[gateway.dicomweb]` is set", "none"),
        (
            "`gateway.require_called_ae_title`",
            "reject other AE titles",
            str(gateway.require_called_ae_title).lower(),
        ),
        (
            "`gateway.network_timeout_s`",
            "ARTIM, DIMSE and idle timeout as acceptor",
            f"{gateway.network_timeout_s:g} s",
        ),
        ("`courier.ae_title`", "AE title calling", courier.ae_title),
        (
            "`courier.network_timeout_s`",
            "ACSE and DIMSE timeout as requestor",
            f"{courier.network_timeout_s:g} s",
        ),
        ("", "TCP and TLS connection timeout as requestor", f"at most {CONNECTION_TIMEOUT_S:g} s"),
        ("`[[peers]]`", "AE title, host name or address, port of each other node", "none"),
    ]
    return f"""\
## 7 Network, configuration, character sets, security

### 7.1 Network and configuration

TCP/IP, IPv4 or IPv6; host names by the operating system's resolver. All
[settings](../administrator/settings.md) are read at start, from a file and the environment.

{write_table(("setting", "meaning", "value here"), rows)}

No media interchange."""


def _write_character_sets() -> str:
    return """\
### 7.2 Character sets

Received: all single- and multi-byte character sets of PS3.3 C.12.1.1.2, with and without code extensions.
Bytes that a set does not have are replaced for display and kept in the header. Sent: Specific Character
Set (0008,0005) is the film's where it carries the text, else ISO_IR 192 (UTF-8). Answers to queries are
in ISO_IR 192."""


def _write_security(gateway: GatewaySettings) -> str:
    suites = write_list(f"{name} (`{openssl}`)" for openssl, name in CIPHER_SUITES_1_2.items())
    messages = ", ".join(event.value[1] for event in EventId)
    plain = "open" if gateway.accept_plain else "closed"
    return f"""\
### 7.3 Security

Secure transport: the BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile (PS3.15 B.12), as
acceptor (`[gateway.tls]`) and as requestor (`[peers.tls]`), with or without a client's certificate. TLS
1.3 where both sides have it, else TLS 1.2; nothing older. The suites of TLS 1.3 are OpenSSL's; of TLS 1.2

{suites}

Certificates and keys are PEM files that a site provides; none come with the product. The unencrypted port
is {plain} here (`gateway.accept_plain`). Association level: callers by AE title and address (4.1). User
Identity negotiation is ignored.

Audit: messages of the Audit Trail Message Format Profile (PS3.15 A.5) are written to a file and, by a
setting, sent by the Audit Trail Message Transmission Profiles SYSLOG-TLS or SYSLOG-UDP (A.6, A.7):
{messages}. A Security Alert tells of rejected associations, failed TLS handshakes and storage commitment
results that were not believed (Node Authentication), of changed accounts (User Security Attributes Changed,
Security Roles Changed), and of the settings at a start (Security Configuration).
[callers-tls-audit.md](callers-tls-audit.md) has the details."""
