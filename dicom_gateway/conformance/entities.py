"""The chapters on the application entities: associations, presentation contexts, services, statuses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dicom_gateway.association.peer_association import MAXIMUM_PDU_BYTES
from dicom_gateway.association.presentation_contexts import DECODABLE, RECORDED_ONLY
from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES
from dicom_gateway.conformance import services, statuses
from dicom_gateway.conformance.markdown import write_table
from dicom_gateway.identifiers import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_gateway.query.procedure_step import PROCEDURE_STEP
from dicom_gateway.query.worklist_attributes import IMAGE, SERIES, STUDY, Attribute
from dicom_gateway.settings import CourierSettings, GatewaySettings
from domain.codes import Refusal
from sending.outbox_loop import SENDING_BATCH


def write_gateway_entity(gateway: GatewaySettings) -> str:
    """Return chapter 4."""
    offers = services.list_accepted(gateway)
    storage = set(STORAGE_SOP_CLASSES)
    contexts = [offer for offer in offers if offer.sop_class not in storage]
    syntaxes = next(offer for offer in offers if offer.sop_class in storage).transfer_syntaxes
    pull = (
        ""
        if gateway.query.accept_ups_pull
        else " UPS Pull is accepted where `gateway.query.accept_ups_pull` is set."
    )
    return f"""\
## 4 AE GATEWAY

### 4.1 Association policies

| | |
|---|---|
| application context | 1.2.840.10008.3.1.1.1 |
| maximum PDU received | {gateway.maximum_pdu_bytes} bytes (`gateway.maximum_pdu_bytes`) |
| associations at once, as acceptor | {gateway.maximum_associations} (`gateway.maximum_associations`), \
{gateway.maximum_associations_per_address} from one address |
| outstanding asynchronous transactions | 1: asynchronous operations are not negotiated |
| implementation class UID | {IMPLEMENTATION_CLASS_UID} |
| implementation version name | {IMPLEMENTATION_VERSION_NAME} |

It initiates no association. It accepts one from every node, or, where `gateway.callers` or
`gateway.allowed_calling_ae_titles` are set, from those alone, by AE title and address. It is rejected
(A-ASSOCIATE-RJ, PS3.8 9.3.4) with

{write_table(("result", "source", "reason", "when"), statuses.list_rejections())}

An association is aborted when nothing comes for {gateway.network_timeout_s:g} s
(`gateway.network_timeout_s`), in the middle of a PDU too, and after {gateway.maximum_association_s:g} s
in any case.

### 4.2 Presentation contexts accepted

{_write_contexts(contexts)}

And the {len(storage)} storage SOP classes of 8.4, as SCP, each with the transfer syntaxes

{write_table(("name", "UID", "pixels"), [(services.name(uid), uid, _tell_pixels(uid)) for uid in syntaxes])}

Of those proposed in one presentation context the first in this list is taken. No extended negotiation is
answered; role selection is, for storage commitment.{pull}

### 4.3 Verification

C-ECHO is answered with 0x0000.

### 4.4 Storage

All attributes are kept as they came (level 2, full) until the file leaves the spool; the header without
pixels stays in the database. tbscreen is no archive: it answers for no storage, and
only Retrieve (9.5) gives films, while it has them.
Nothing is coerced. The same instance with the same dataset is one film; with another dataset it is a
correction, screened anew unless it is the same film in another encoding (docs/dicom/delivery.md); for
another patient or study it is a film of its own, in conflict with the first.

{write_table(("status", "when"), statuses.list_answers(statuses.STORAGE))}

### 4.5 Query

The worklist, as Unified Procedure Steps (one for each study), as Study Root (levels STUDY, SERIES, IMAGE;
hierarchical) and as Patient Root (also PATIENT, with the patient's keys of level STUDY; below it, Patient ID
is required). Answers of both roots hold Query/Retrieve Level (0008,0052), and Retrieve AE Title (0008,0054)
of `gateway.query.retrieve_ae_title` or of the peers that listed the study in a pull or committed a report in
it to storage; without any, Instance Availability (0008,0056) is UNAVAILABLE.

No relational queries, no fuzzy matching of names, no time zone adjustment are
negotiated. Answers come in the order of the worklist, the most suspicious first. C-CANCEL is obeyed.

{write_table(("status", "when"), statuses.list_answers(statuses.QUERY))}

Unified Procedure Step:

{_write_keys(PROCEDURE_STEP)}

Study Root, level STUDY:

{_write_keys(STUDY)}

Level SERIES:

{_write_keys(SERIES)}

Level IMAGE:

{_write_keys(IMAGE)}

### 4.6 Storage commitment, as SCU

The SCP reports on an association of its own, in the role of the SCP (role selection, PS3.7 D.3.3.4); without
it the context is refused, except for peers with `peers.commitment_roles = "lenient"`.

{write_table(("status", "when"), statuses.list_answers(statuses.COMMITMENT_REPORT))}"""


def write_courier_entity(courier: CourierSettings) -> str:
    """Return chapter 5."""
    return f"""\
## 5 AE COURIER

### 5.1 Association policies

It initiates associations, at most two at once to each peer, when there is something to send or to ask
for, and accepts none. Up to {SENDING_BATCH} objects go over one association. Maximum PDU received:
{MAXIMUM_PDU_BYTES} bytes; asynchronous operations: none; implementation as in 4.1.

### 5.2 Presentation contexts proposed

To send:

{_write_contexts(services.list_sent())}

To ask for storage commitment:

{_write_contexts(services.list_commitment())}

### 5.3 Storage, as SCU

{write_table(("status of the peer", "meaning", "what follows"), statuses.list_store_answers())}

No association, an abort or no answer within {courier.network_timeout_s:g} s: the courier pauses deliveries to
the peer and tries again later. An object that is sent again is the same SOP instance, byte for byte.

### 5.4 Storage Commitment Push Model, as SCU

One N-ACTION (action type 1) names up to `commitment.batch` objects. The report is taken on the same
association for `commitment.wait_s`, later on one that the SCP opens to the GATEWAY (4.6).

{write_table(("status of the N-ACTION", "what follows"), statuses.list_action_answers())}

What the SCP does not answer for is sent again, up to `commitment.maximum_resends` times."""


def write_pull_entity(courier: CourierSettings) -> str:
    """Return chapter 6."""
    return f"""\
## 6 AE PULL

### 6.1 Association policies

It initiates associations under AE title `{courier.ae_title}`: one to find, and up to
`pull.studies_at_once` to fetch.

### 6.2 Presentation contexts proposed

{_write_contexts(services.list_pulled())}

For the storage SOP classes the role of the SCP is proposed, for C-GET; each of their transfer syntaxes
has a presentation context of its own.

### 6.3 Query and retrieve, Study Root, as SCU

C-FIND at levels STUDY (keys Study Date, Study Time, Modalities in Study; one query for each span of days and
modality), SERIES and IMAGE. C-GET or C-MOVE (`pull.method`) at levels SERIES and IMAGE; of C-MOVE the
destination is the GATEWAY. C-STORE sub-operations are answered as in 4.4.

{write_table(("status of the peer", "what follows"), statuses.list_answers(statuses.RETRIEVE))}

Every other status is written down and the study tried again."""


def _write_contexts(offers: Sequence[services.Offer]) -> str:
    rows = [
        (
            services.name(offer.sop_class),
            offer.sop_class,
            _name_syntaxes(offer.transfer_syntaxes),
            offer.role,
        )
        for offer in services.merge(offers)
    ]
    return write_table(("abstract syntax", "UID", "transfer syntaxes", "our role"), rows)


def _name_syntaxes(syntaxes: Sequence[str]) -> str:
    if list(syntaxes) == list(DECODABLE):
        return "those whose pixels are decoded (4.2)"
    return ", ".join(services.name(syntax) for syntax in syntaxes)


def _tell_pixels(syntax: str) -> str:
    if syntax in DECODABLE:
        return "decoded"
    assert syntax in RECORDED_ONLY
    return f"not decoded: refused as `{Refusal.UNSUPPORTED_TRANSFER_SYNTAX.value}`"


def _write_keys(attributes: Sequence[Attribute]) -> str:
    return write_table(("tag", "attribute", "matching", "type"), _list_keys(attributes))


def _list_keys(attributes: Sequence[Attribute], depth: int = 0) -> Iterator[tuple[str, str, str, str]]:
    for attribute in attributes:
        if attribute.element:
            continue  # private: 8.2
        tag = f"({attribute.tag >> 16:04X},{attribute.tag & 0xFFFF:04X})"
        yield (
            tag,
            "> " * depth + attribute.keyword,
            attribute.matching.value,
            "required" if attribute.required else "optional",
        )
        yield from _list_keys(attribute.items, depth + 1)
