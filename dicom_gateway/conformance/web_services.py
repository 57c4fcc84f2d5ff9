"""The chapter on web services (PS3.18), with the statuses of the Store transaction."""

from __future__ import annotations

from typing import Final

from dicom_gateway.association import statuses
from dicom_gateway.association.presentation_contexts import ACCEPTED_TRANSFER_SYNTAXES
from dicom_gateway.association.storage_sop_classes import STORAGE_SOP_CLASSES
from dicom_gateway.conformance.markdown import write_table
from dicom_gateway.conformance.statuses import FOLLOWS
from dicom_gateway.conformance.web_reading import write_retrieve, write_search
from dicom_gateway.delivery.stow_answer import BY_STATUS, judge
from dicom_gateway.dicomweb.retrieve_url import PATH
from dicom_gateway.dicomweb.store_answer import JSON, XML
from dicom_gateway.dicomweb.store_endpoint import PIECE_BYTES
from dicom_gateway.dicomweb.store_transaction import MEDIA_TYPE
from dicom_gateway.retrieval.pull_web import LARGEST_LIST, NOT_READY
from dicom_gateway.settings import GatewaySettings
from http_server.request_deadline import REQUEST_S
from sending.send_result import SendResult

HTTP_STATUSES: Final = {
    200: "All instances are durable and recorded.",
    202: "Some are. The others are in the Failed SOP Sequence, or in the Other Failures Sequence.",
    400: "No multipart body, no part, or a body that ends before its first instance does.",
    401: "Neither a valid token nor a verified client certificate.",
    403: "The token lacks the permission `store`, the certificate no entry in `gateway.dicomweb.senders`, or "
    "`gateway.callers` does not name the sender.",
    406: f"Accept names neither {JSON} nor {XML}.",
    408: f"Less than {PIECE_BYTES} bytes of the body within `gateway.network_timeout_s`.",
    409: "No instance is stored; the dataset has the reasons.",
    413: "More bytes or instances than `[gateway.dicomweb]` allows, or every instance larger than "
    "`gateway.maximum_dataset_bytes`.",
    415: f'Another media type than multipart/related; type="{MEDIA_TYPE}", or a Content-Encoding.',
    503: "Too many requests, disk nearly full, or database away. Retry-After says when to try again.",
}
"""Store (PS3.18 10.5.3)."""

FAILURE_REASONS: Final = {
    statuses.OUT_OF_RESOURCES: "As for C-STORE (4.4).",
    statuses.DATASET_MISMATCH: "The file meta information and the dataset name different SOP classes or "
    "instances, an image without pixel data, or another study than the target names.",
    statuses.CANNOT_UNDERSTAND: "As for C-STORE (4.4); also a part that is no PS3.10 file.",
    statuses.SOP_CLASS_NOT_SUPPORTED: "No storage SOP class of 8.4.",
    statuses.TRANSFER_SYNTAX_NOT_SUPPORTED: "A transfer syntax that 4.2 does not list.",
}
"""Failure Reason (0008,1197)."""


JUDGED: Final = (200, 202, 307, *sorted(BY_STATUS), 422, 503)
"""Statuses of a peer with an empty answer; 307, 422 and 503 stand for others of their hundred."""


def write_web_services(gateway: GatewaySettings) -> str:
    """Return chapter 9."""
    transactions = [
        ("Studies", "Store (STOW-RS)", "origin server", f"`POST {PATH}/studies`, `POST {PATH}/studies/UID`"),
        ("Studies", "Store (STOW-RS)", "user agent", "`POST URL/studies` of a peer"),
        ("Studies", "Search (QIDO-RS)", "origin server", "9.4"),
        ("Studies", "Retrieve (WADO-RS)", "origin server", "9.5"),
        ("Studies", "Search, Retrieve", "user agent", "of a peer that is pulled from: 9.6"),
        ("Studies", "Delete", "none", ""),
        ("Worklist, Non-Patient Instance, Storage Commitment", "all", "none", ""),
    ]
    web = [(str(status), meaning) for status, meaning in sorted(HTTP_STATUSES.items())]
    reasons = [(f"0x{reason:04X}", meaning) for reason, meaning in sorted(FAILURE_REASONS.items())]
    return f"""\
## 9 Web services (PS3.18)

### 9.1 Services and transactions

{write_table(("service", "transaction", "role", "target"), transactions)}

HTTP/1.1, at the port of `[gateway.dicomweb]`; there is none without that table. With `[gateway.tls]` it
speaks TLS (7.3) alone. The header of a request comes within {REQUEST_S:g} s.

### 9.2 Store, as origin server

| | |
|---|---|
| request | `multipart/related; type="{MEDIA_TYPE}"`: PS3.10 files; with Content-Length or chunked |
| answer | `{JSON}` (default), `{XML}` |
| SOP classes | the {len(STORAGE_SOP_CLASSES)} storage SOP classes of 8.4 |
| transfer syntaxes | the {len(ACCEPTED_TRANSFER_SYNTAXES)} of 4.2, by the file meta information |
| requests at once | {gateway.maximum_associations}, \
{gateway.maximum_associations_per_address} from one address |
| coercion | none |
| Retrieve URL (0008,1190) | empty: films stay for a time only |

Reception is that of C-STORE (4.4): an instance is durable and recorded before the next is read, and the same
instance by either service is one film.

{write_table(("status", "when"), web)}

{write_table(("Failure Reason", "when"), reasons)}

### 9.3 Store, as user agent

To peers with `protocol = "dicomweb"`, one object in each request, in the SOP classes of 5.2, as stored; a
compressed picture is sent again decompressed after 0xC122 or 415. Storage commitment is not offered for these
peers. A Failure Reason of the object counts before the HTTP status: see 5.3 for all but 0xC122, which is
parked. Without one:

{write_table(("status", "meaning", "what follows"), [_judge(status) for status in JUDGED])}

{write_search(gateway.query)}

{write_retrieve()}

### 9.6 Search and Retrieve, as user agent

A pull (6) from a peer with `protocol = "dicomweb"` searches `URL/studies`, `/studies/UID/series` and
`/studies/UID/series/UID/instances` with the keys of C-FIND, and retrieves series and instances as
`multipart/related; type="{MEDIA_TYPE}"; transfer-syntax=*`. A list counts as cut with status 413, a
Warning of additional results, or more than {LARGEST_LIST} bytes. 401, 403, and 404 to a search for
studies, end the pull; {", ".join(map(str, sorted(NOT_READY)))} are tried again; after any other failure the
study is.

### 9.7 Security

A request carries a bearer token (RFC 6750) or a client certificate, with the permission `store` for Store and
`worklist` for Search and Retrieve. The token's label, or the entry of the
certificate in `gateway.dicomweb.senders`, is the AE title of the sender, to which `gateway.callers`
applies."""


def _judge(status: int) -> tuple[str, str, str]:
    verdict = judge(status, b"", "")
    follows = FOLLOWS[verdict.result]
    if verdict.in_trouble:
        follows = "the courier pauses deliveries to the peer and tries again"
    meaning = verdict.reason.partition(": ")[2] or (
        "all are stored" if verdict.result is SendResult.DELIVERED else verdict.reason
    )
    return str(status), meaning, follows
