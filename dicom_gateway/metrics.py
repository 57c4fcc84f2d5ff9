"""Metrics of gateway and courier. Labels are few and hold no patient data."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Histogram

from dicom_gateway.association.statuses import (
    CANNOT_UNDERSTAND,
    DATASET_MISMATCH,
    OUT_OF_RESOURCES,
    SUCCESS,
)
from domain.codes import Refusal

RECEPTIONS: Final = Counter(
    "tbscreen_receptions", "Films by C-STORE and STOW-RS, by the status that answered them.", ["status"]
)
DICOMWEB_REQUESTS: Final = Counter(
    "tbscreen_dicomweb_requests",
    "DICOMweb requests by transaction (store, search, retrieve) and by the HTTP status of the answer.",
    ["transaction", "status"],
)
RECEIVED_BYTES: Final = Counter("tbscreen_received_bytes", "Bytes of the datasets that were received.")
RECEPTION_SECONDS: Final = Histogram(
    "tbscreen_reception_seconds",
    "Seconds from the end of a dataset to its answer.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
REFUSALS: Final = Counter("tbscreen_refusals", "Films that are not screened, by code.", ["refusal"])
PREPARATION_SECONDS: Final = Histogram(
    "tbscreen_preparation_seconds",
    "Seconds from a file of the spool to the array, or to a refusal.",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
PREPARATIONS_LOST: Final = Counter("tbscreen_preparations_lost", "Preparations that died or hung.")
DISPATCHES: Final = Counter("tbscreen_dispatches", "Films that were sent to the broker.")
CONFLICTS: Final = Counter(
    "tbscreen_conflicting_films", "Films of another patient or study under a known SOP Instance UID."
)
FALSE_CANARIES: Final = Counter(
    "tbscreen_false_canaries", "Films under the UID of a canary film that are none."
)
DELIVERIES: Final = Counter(
    "tbscreen_delivery_attempts", "Objects sent to a peer, by result.", ["peer", "result"]
)
PEER_TROUBLES: Final = Counter(
    "tbscreen_peer_troubles", "Failures of a peer: away, silent, full or disconnected.", ["peer"]
)
MESSAGES: Final = Counter(
    "tbscreen_hl7_attempts", "HL7 messages sent to a receiver, by result.", ["receiver", "result"]
)

LABORATORY_MESSAGES: Final = Counter(
    "tbscreen_laboratory_messages", "HL7 messages of laboratories, by the code of the answer.", ["answer"]
)

# The series of alerts exist from the start, since `increase` misses the first value of a new series.
for _status in (SUCCESS, OUT_OF_RESOURCES, DATASET_MISMATCH, CANNOT_UNDERSTAND):
    RECEPTIONS.labels(f"0x{_status:04X}")
for _refusal in Refusal:
    REFUSALS.labels(_refusal.value)
