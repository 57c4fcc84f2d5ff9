"""The tables. Times are UTC; sizes are bytes; durations are milliseconds.

- `record`: the base class: names of constraints, times with their zone.
- `films`: studies with their search keys, film revisions, renditions, screenings, heat maps, reads.
- `models`: bundles with their files, admission, signatures, activations, comparisons, site thresholds.
- `bacteriology`: results of bacteriological tests.
- `calibration_studies`: calibration studies and their people.
- `patients`: conflicts between films under one UID, corrections of patients.
- `deliveries`: outboxes, report objects, deliveries with their history, storage commitments.
- `hl7`: films of which HL7 receivers are to be told, and the messages to each.
- `notices`: events of which receivers are told, and the notice to each.
- `erasures`: the register of erasures, files that gateways delete for them.
- `tiles`: parts of films that pages ask gateways for.
- `pulls`: pulls and the studies that they fetch from peers.
- `canaries`: canary films, their expected scores, the last verdict of each gateway.
- `backups`: completed backups.
- `accounts`: users, sessions, API tokens, failed logins.
"""

from db.tables.accounts import ApiToken, LoginAttempt, User, WebSession
from db.tables.backups import Backup
from db.tables.bacteriology import BacteriologyResult
from db.tables.calibration_studies import CalibrationPerson, CalibrationStudy
from db.tables.canaries import Canary, CanaryScore, CanaryVerdict
from db.tables.deliveries import (
    Commitment,
    CommitmentItem,
    Delivery,
    DeliveryEvent,
    OutboxEntry,
    RefusalOutboxEntry,
    ReportObject,
)
from db.tables.erasures import ErasedFile, Erasure
from db.tables.films import (
    HeatMap,
    Instance,
    Read,
    Rendition,
    Screening,
    ShadowScreening,
    Study,
    StudyKey,
)
from db.tables.hl7 import Hl7Message, Hl7OutboxEntry, Hl7ReceivedMessage
from db.tables.models import (
    Activation,
    BundleAdmission,
    BundleChunk,
    BundleSignature,
    ComparisonRecord,
    Model,
    SiteKey,
    SiteThreshold,
    SiteThresholdChange,
)
from db.tables.notices import NoticeEvent, NoticeRow
from db.tables.patients import Conflict, Reconciliation
from db.tables.pulls import Pull, PulledStudy
from db.tables.record import DIGEST_LENGTH, READ_PLACES, UID_LENGTH, Record, UtcDateTime
from db.tables.tiles import FilmTile

__all__ = [
    "DIGEST_LENGTH",
    "READ_PLACES",
    "UID_LENGTH",
    "Activation",
    "ApiToken",
    "Backup",
    "BacteriologyResult",
    "BundleAdmission",
    "BundleChunk",
    "BundleSignature",
    "CalibrationPerson",
    "CalibrationStudy",
    "Canary",
    "CanaryScore",
    "CanaryVerdict",
    "Commitment",
    "CommitmentItem",
    "ComparisonRecord",
    "Conflict",
    "Delivery",
    "DeliveryEvent",
    "ErasedFile",
    "Erasure",
    "FilmTile",
    "HeatMap",
    "Hl7Message",
    "Hl7OutboxEntry",
    "Hl7ReceivedMessage",
    "Instance",
    "LoginAttempt",
    "Model",
    "NoticeEvent",
    "NoticeRow",
    "OutboxEntry",
    "Pull",
    "PulledStudy",
    "Read",
    "Reconciliation",
    "Record",
    "RefusalOutboxEntry",
    "Rendition",
    "ReportObject",
    "Screening",
    "ShadowScreening",
    "SiteKey",
    "SiteThreshold",
    "SiteThresholdChange",
    "Study",
    "StudyKey",
    "User",
    "UtcDateTime",
    "WebSession",
]
