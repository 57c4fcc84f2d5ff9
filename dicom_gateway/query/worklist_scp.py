"""C-FIND on the worklist: UPS Query (PS3.4 CC.2.8), Study Root (PS3.4 C.6.2) and Patient Root (PS3.4 C.6.1).

C-CANCEL is checked between any two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepQuery,
)
from sqlalchemy.exc import SQLAlchemyError

from db.database import Database
from db.worklist.worklist_filter import WorklistFilter
from dicom_gateway.association.statuses import (
    CANCELLED,
    IDENTIFIER_MISMATCH,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_INCOMPLETE,
    UNABLE_TO_PROCESS,
    UNRECOGNISED_OPERATION,
)
from dicom_gateway.query.procedure_step import PROCEDURE_STEP
from dicom_gateway.query.query_identifier import IdentifierError, Query, QueryKey, read_query
from dicom_gateway.query.query_narrowing import narrow_steps, narrow_studies
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.query.worklist_attributes import (
    IMAGE,
    LOCATION,
    PATIENT,
    PATIENT_ID,
    SERIES,
    SERIES_UID,
    STUDY,
    STUDY_UID,
    Attribute,
    StudyRecord,
)
from dicom_gateway.query.worklist_search import (
    LimitError,
    Plan,
    WorklistSearch,
    split_instances,
    split_series,
)

PATIENT_ROOT: Final[str] = str(PatientRootQueryRetrieveInformationModelFind)
STUDY_ROOT: Final[str] = str(StudyRootQueryRetrieveInformationModelFind)
UPS_QUERY: Final[str] = str(UnifiedProcedureStepQuery)
UPS_PULL: Final[str] = str(UnifiedProcedureStepPull)
TRANSFER_SYNTAXES: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
"""Without a deflated syntax, in which an identifier of a few bytes could inflate to gigabytes."""

MAXIMUM_IDENTIFIER_BYTES: Final = 1_000_000

Answer = tuple[int | Dataset, Dataset | None]

log = structlog.get_logger(__name__)


class WorklistScp:
    """Answers C-FIND.

    Args:
        settings: limits and labels.
        database: holds the worklist.
        peers: AE titles of the peers, by name.
    """

    def __init__(
        self, settings: QuerySettings, database: Database, peers: Mapping[str, str] | None = None
    ) -> None:
        self._maximum_answers = settings.maximum_answers
        self._search = WorklistSearch(settings, database, peers)

    def find(self, event: evt.Event) -> Iterator[Answer]:
        """Answer one C-FIND request with the statuses of PS3.4 Tables C.4-1 and CC.2.8-2."""
        caller = str(event.assoc.requestor.ae_title or "").strip()
        query_log = log.bind(caller=caller)
        count = 0
        try:
            plan = _plan(event)
            status = PENDING if plan.query.complete else PENDING_INCOMPLETE
            for record in self._search.list_records(plan):
                if event.is_cancelled:
                    query_log.info("query cancelled", answers=count)
                    yield CANCELLED, None
                    return
                if record is not None:
                    if count == self._maximum_answers:
                        raise LimitError("more matches than a query may return: narrow it")
                    count += 1
                    yield status, plan.answer(record)
            query_log.info("query answered", answers=count)
        except IdentifierError as error:
            query_log.warning("query not understood", reason=str(error))
            yield _fail(IDENTIFIER_MISMATCH, str(error)), None
        except LimitError as error:
            query_log.warning("query exceeds a limit", answers=count)
            yield _fail(OUT_OF_RESOURCES, str(error)), None
        except SQLAlchemyError as error:
            query_log.error("query not answered: database unavailable", error=type(error).__name__)
            yield _fail(OUT_OF_RESOURCES, "the database does not answer"), None
        except Exception as error:  # noqa: BLE001  a query must not end the gateway; the error text may quote a header
            query_log.error("query failed", error=type(error).__name__)
            yield _fail(UNABLE_TO_PROCESS, "the query could not be carried out"), None


def refuse_operation(_event: evt.Event) -> tuple[int, None]:
    """Answer N-GET, N-SET or N-ACTION, which UPS Pull has (PS3.4 CC.2) and the worklist does not do."""
    return UNRECOGNISED_OPERATION, None


def add_contexts(ae: AE, settings: QuerySettings) -> None:
    """Add the presentation contexts of the query services, where they are enabled."""
    if settings.enabled:
        pull = (UPS_PULL,) if settings.accept_ups_pull else ()
        for sop_class in (UPS_QUERY, STUDY_ROOT, PATIENT_ROOT, *pull):
            ae.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))


def _plan(event: evt.Event) -> Plan:
    request: Any = event.request
    encoded = request.Identifier
    if encoded is None or len(encoded.getvalue()) > MAXIMUM_IDENTIFIER_BYTES:
        raise IdentifierError("the identifier is missing or too long")
    try:
        identifier = event.identifier
        identifier.walk(lambda _dataset, element: element.value)
        level = str(identifier.get("QueryRetrieveLevel", "") or "").strip()
    except Exception:  # noqa: BLE001  pydicom raises many types for malformed datasets
        raise IdentifierError("the identifier cannot be decoded") from None
    if str(request.AffectedSOPClassUID) in (UPS_QUERY, UPS_PULL):
        query = read_query(identifier, PROCEDURE_STEP)
        return Plan(query, narrow_steps(query))
    # The unique key of the level above the root's first is required, too (PS3.4 C.4.1.2.1).
    roots = (PATIENT_ID,) if str(request.AffectedSOPClassUID) == PATIENT_ROOT else ()
    if level == "PATIENT" and roots:
        query = read_query(identifier, PATIENT, LOCATION)
        return Plan(query, narrow_studies(query), _choose_patients(query), level)
    if level == "STUDY":
        query = read_query(identifier, STUDY, LOCATION)
        for attribute in roots:
            _read_unique(query, attribute.keyword)
        return Plan(query, narrow_studies(query), level=level)
    if level in ("SERIES", "IMAGE"):
        return _plan_level(identifier, level, roots)
    raise IdentifierError("Query/Retrieve Level is STUDY, SERIES or IMAGE; PATIENT in Patient Root")


def _plan_level(identifier: Dataset, level: str, roots: Sequence[Attribute]) -> Plan:
    """Plan a query below STUDY level; the unique keys of higher levels are required (PS3.4 C.4.1.2.1)."""
    above = (STUDY_UID,) if level == "SERIES" else (STUDY_UID, SERIES_UID)
    query = read_query(identifier, (*roots, *above, *(SERIES if level == "SERIES" else IMAGE)), LOCATION)
    for attribute in roots:
        _read_unique(query, attribute.keyword)
    uids = [_read_unique(query, attribute.keyword) for attribute in above]
    study_filter = WorklistFilter(study_instance_uids=(uids[0],))
    if level == "SERIES":
        return Plan(query, study_filter, split_series, level)
    return Plan(query, study_filter, lambda record: split_instances(record, uids[1]), level)


def _choose_patients(query: Query) -> Callable[[StudyRecord], Sequence[StudyRecord]]:
    """Return a function that passes the first matching study of each patient, by ID and issuer."""
    seen: set[tuple[str | None, str | None]] = set()

    def choose(record: StudyRecord) -> Sequence[StudyRecord]:
        patient = (record.study.patient_id, record.study.patient_id_issuer)
        if patient in seen or not query.matches(record):
            return []
        seen.add(patient)
        return [record]

    return choose


def _read_unique(query: Query, keyword: str) -> str:
    key: QueryKey | None = query.find(keyword)
    values = [value for value in key.values if value] if key is not None else []
    if len(values) != 1 or not key or not key.compared or set("*?") & set(values[0]):
        raise IdentifierError(f"{keyword} names one instance at the level above")
    return values[0]


def _fail(status: int, comment: str) -> Dataset:
    """Return a failure status with an Error Comment (PS3.7 C.4.2)."""
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment[:64]
    return answer
