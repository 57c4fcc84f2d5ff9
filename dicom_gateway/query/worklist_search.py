"""The search of the worklist that answers C-FIND and QIDO-RS.

Records come in the worklist's order and are read page by page, so that a slow peer keeps no transaction open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydicom.dataset import Dataset
from sqlalchemy.orm import Session

from db.database import Database
from db.worklist import worklist
from db.worklist.study_entries import FilmEntry, StudyEntry, read_headers
from db.worklist.study_keepers import find_keepers
from db.worklist.worklist_filter import WorklistFilter
from dicom_gateway.query.query_identifier import Query
from dicom_gateway.query.query_settings import QuerySettings
from dicom_gateway.query.worklist_attributes import StudyRecord, locate
from domain.errors import PermanentError

PAGE: Final = 100


@dataclass(frozen=True)
class Plan:
    """A query with the filter of its studies and the level of its answers."""

    query: Query
    study_filter: WorklistFilter
    split: Callable[[StudyRecord], Sequence[StudyRecord]] = lambda record: [record]
    """Splits a study's record into records of the queried level."""
    level: str = ""
    """Query/Retrieve Level (0008,0052); empty for procedure steps."""

    def answer(self, record: StudyRecord) -> Dataset:
        """Return the answer for a record."""
        answer = self.query.answer(record)
        if self.level:
            answer.update(locate(record, self.level))
        return answer


Completion = Callable[[Session, list[StudyRecord], Plan], list[StudyRecord]]


class LimitError(PermanentError):
    """The query exceeds a limit. Permanent: a narrower query is needed."""


class WorklistSearch:
    """Finds the records of a query.

    Args:
        settings: limits and labels.
        database: holds the worklist.
        peers: AE titles of the peers, by name.
        complete: adds to the records of a page the objects that are held beside the films.
    """

    def __init__(
        self,
        settings: QuerySettings,
        database: Database,
        peers: Mapping[str, str] | None = None,
        complete: Completion = lambda _session, records, _plan: records,
    ) -> None:
        self._settings = settings
        self._peers = peers or {}
        self._database = database
        self._complete = complete

    def list_records(self, plan: Plan) -> Iterator[StudyRecord | None]:
        """Yield the matching records in order, and None after each page, so that a cancellation is noticed.

        Raises:
            LimitError: when the query needs more studies than may be examined.
        """
        after: str | None = None
        examined = 0
        while True:
            records, after = self._read_page(plan, after)
            for record in records:
                examined += 1
                yield from filter(plan.query.matches, plan.split(record))
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
            keepers = find_keepers(session, uids) if plan.level and self._peers else {}
            labels = (self._settings.worklist_label, self._settings.procedure_step_label)
            archive = self._settings.retrieve_ae_title
            records = [
                StudyRecord(
                    study,
                    _list_films(study),
                    headers.get(study.study_instance_uid, {}),
                    labels,
                    archive,
                    [
                        self._peers[name]
                        for name in keepers.get(study.study_instance_uid, ())
                        if name in self._peers
                    ],
                )
                for study in page.studies
            ]
            return self._complete(session, records, plan), page.following


def _list_films(study: StudyEntry) -> list[FilmEntry]:
    """Return the films of a study, one for each SOP Instance UID, which is a unique key (PS3.4 C.2.2.1.1)."""
    films: dict[str, FilmEntry] = {}
    for film in study.films:
        films.setdefault(film.sop_instance_uid, film)
    return list(films.values())


def split_series(record: StudyRecord) -> list[StudyRecord]:
    """Return a record for each series of a study."""
    series: dict[str | None, list[FilmEntry]] = {}
    for film in record.films:
        series.setdefault(film.series_instance_uid, []).append(film)
    return [replace(record, films=films) for films in series.values()]


def split_instances(record: StudyRecord, series_instance_uid: str | None = None) -> list[StudyRecord]:
    """Return a record for each instance of a study, or of a series of it."""
    return [
        replace(record, films=[film])
        for film in record.films
        if series_instance_uid in (None, film.series_instance_uid)
    ]
