"""C-FIND on the worklist: UPS Query (PS3.4 CC.2.8) and Study Root (PS3.4 C.6.2).

Answers are sent in the worklist's order and read page by page, so that a slow peer keeps no transaction open.
C-CANCEL is checked between any two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepQuery,
)
from sqlalchemy.exc import SQLAlchemyError

from db.database import Database
from db.worklist import worklist
from db.worklist.study_entries import FilmEntry, StudyEntry, read_headers
from db.worklist.worklist_filter import WorklistFilter
from dicom_gateway.association.statuses import (
    CANCELLED,
    IDENTIFIER_MISMATCH,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_INCOMPLETE,
    UNABLE_TO_PROCESS,
)
from dicom_gateway.query.procedure_step import PROCEDURE_STEP
from dicom_gateway.query.query_identifier import IdentifierError, Query, QueryKey, read_query
from dicom_gateway.query.query_narrowing import narrow_steps, narrow_studies
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.query.worklist_attributes import IMAGE, SERIES, SERIES_UID, STUDY, STUDY_UID, StudyRecord
from domain.errors import PermanentError

STUDY_ROOT: Final[str] = str(StudyRootQueryRetrieveInformationModelFind)
UPS_QUERY: Final[str] = str(UnifiedProcedureStepQuery)
UPS_PULL: Final[str] = str(UnifiedProcedureStepPull)
TRANSFER_SYNTAXES: Final = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)
"""Without a deflated syntax, in which an identifier of a few bytes could inflate to gigabytes."""

MAXIMUM_IDENTIFIER_BYTES: Final = 1_000_000
PAGE: Final = 100

Answer = tuple[int | Dataset, Dataset | None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Plan:
    """A query with the filter of its studies and the level of its answers."""

    query: Query
    study_filter: WorklistFilter
    split: Callable[[StudyRecord], Sequence[StudyRecord]] = lambda record: [record]
    """Splits a study's record into records of the queried level."""


class LimitError(PermanentError):
    """The query exceeds a limit. Permanent: a narrower query is needed."""


class WorklistScp:
    """Answers C-FIND.

    Args:
        settings: limits and labels.
        database: holds the worklist.
    """

    def __init__(self, settings: QuerySettings, database: Database) -> None:
        self._settings = settings
        self._database = database

    def find(self, event: evt.Event) -> Iterator[Answer]:
        """Answer one C-FIND request with the statuses of PS3.4 Tables C.4-1 and CC.2.8-2."""
        caller = str(event.assoc.requestor.ae_title or "").strip()
        query_log = log.bind(caller=caller)
        count = 0
        try:
            plan = _plan(event)
            status = PENDING if plan.query.complete else PENDING_INCOMPLETE
            for record in self._list_records(plan):
                if event.is_cancelled:
                    query_log.info("query cancelled", answers=count)
                    yield CANCELLED, None
                    return
                if record is not None:
                    count += 1
                    yield status, plan.query.answer(record)
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

    def _list_records(self, plan: Plan) -> Iterator[StudyRecord | None]:
        """Yield the matching records in order, and None after each page, so that C-CANCEL is checked."""
        after: str | None = None
        answered = examined = 0
        while True:
            records, after = self._read_page(plan, after)
            for record in records:
                examined += 1
                for entry in plan.split(record):
                    if plan.query.matches(entry):
                        if answered == self._settings.maximum_answers:
                            raise LimitError("more matches than a query may return: narrow it")
                        answered += 1
                        yield entry
            if after is None:
                return
            if examined >= self._settings.maximum_examined:
                raise LimitError("too many studies to examine: query by UID, ID or date")
            yield None

    def _read_page(self, plan: Plan, after: str | None) -> tuple[list[StudyRecord], str | None]:
        with self._database.read() as session:
            page = worklist.find_page(session, plan.study_filter, limit=PAGE, after=after)
            uids = [study.study_instance_uid for study in page.studies]
            headers = read_headers(session, uids) if plan.query.needs_headers() else {}
        labels = (self._settings.worklist_label, self._settings.procedure_step_label)
        archive = self._settings.retrieve_ae_title
        return [
            StudyRecord(study, _list_films(study), headers.get(study.study_instance_uid, {}), labels, archive)
            for study in page.studies
        ], page.following


def _list_films(study: StudyEntry) -> list[FilmEntry]:
    """Return the films of a study, one for each SOP Instance UID, which is a unique key (PS3.4 C.2.2.1.1)."""
    films: dict[str, FilmEntry] = {}
    for film in study.films:
        films.setdefault(film.sop_instance_uid, film)
    return list(films.values())


def add_contexts(ae: AE, settings: QuerySettings) -> None:
    """Add the presentation contexts of the query services, where they are enabled."""
    if settings.enabled:
        pull = (UPS_PULL,) if settings.accept_ups_pull else ()
        for sop_class in (UPS_QUERY, STUDY_ROOT, *pull):
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
    if level == "STUDY":
        query = read_query(identifier, STUDY)
        return Plan(query, narrow_studies(query))
    if level in ("SERIES", "IMAGE"):
        return _plan_level(identifier, level)
    raise IdentifierError("Query/Retrieve Level is STUDY, SERIES or IMAGE")


def _plan_level(identifier: Dataset, level: str) -> Plan:
    """Plan a query below STUDY level; the unique keys of higher levels are required (PS3.4 C.4.1.2.1)."""
    above = (STUDY_UID,) if level == "SERIES" else (STUDY_UID, SERIES_UID)
    query = read_query(identifier, (*above, *(SERIES if level == "SERIES" else IMAGE)))
    uids = [_read_unique(query, attribute.keyword) for attribute in above]
    study_filter = WorklistFilter(study_instance_uids=(uids[0],))
    if level == "SERIES":
        return Plan(query, study_filter, _split_series)
    return Plan(query, study_filter, lambda record: _split_instances(record, uids[1]))


def _read_unique(query: Query, keyword: str) -> str:
    key: QueryKey | None = query.find(keyword)
    values = [value for value in key.values if value] if key is not None else []
    if len(values) != 1 or not key or not key.compared:
        raise IdentifierError(f"{keyword} names one instance at the level above")
    return values[0]


def _split_series(record: StudyRecord) -> list[StudyRecord]:
    series: dict[str | None, list[FilmEntry]] = {}
    for film in record.films:
        series.setdefault(film.series_instance_uid, []).append(film)
    return [replace(record, films=films) for films in series.values()]


def _split_instances(record: StudyRecord, series_instance_uid: str) -> list[StudyRecord]:
    films = [film for film in record.films if film.series_instance_uid == series_instance_uid]
    return [replace(record, films=[film]) for film in films]


def _fail(status: int, comment: str) -> Dataset:
    """Return a failure status with an Error Comment (PS3.7 C.4.2)."""
    answer = Dataset()
    answer.Status = status
    answer.ErrorComment = comment[:64]
    return answer
