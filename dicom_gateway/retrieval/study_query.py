"""A pull's queries by C-FIND (PS3.4 C.4.1, C.6.2): studies of some days, their series, their instances.

The queries request no patient attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

import structlog
from pydicom.dataset import Dataset

from db.pulls.listed_studies import ListedStudy
from dicom_gateway.association.presentation_contexts import FILM_SOP_CLASSES
from dicom_gateway.retrieval.pull_association import CutShortError
from dicom_gateway.rules.default_rules import says_nothing
from domain.errors import PermanentError

UID: Final = re.compile(r"[0-9.]{1,64}")

SHORT: Final = 25
"""Matches of a list that no PACS is expected to cut."""

log = structlog.get_logger(__name__)


class QueryProvider(Protocol):
    """The side that answers a C-FIND."""

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        """Yield the matches."""


@dataclass(frozen=True)
class FoundSeries:
    """A series that a peer lists."""

    series_instance_uid: str
    modality: str
    body_part: str

    def is_wanted(self, modalities: Sequence[str], body_parts: Sequence[str]) -> bool:
        """True for a series of these modalities and body parts.

        A body part that is empty or says nothing counts as a match: the gateway's rules decide on the films.
        """
        if self.modality not in modalities:
            return False
        if not body_parts or not self.body_part or says_nothing(self.body_part):
            return True
        return any(part in self.body_part for part in body_parts)


@dataclass(frozen=True)
class StudyList:
    """Studies that a peer lists for some days."""

    studies: Mapping[str, ListedStudy]
    """By Study Instance UID."""
    counts: Mapping[str, int]
    """Matches of the query for each modality, also of those that are not taken."""

    def join(self, other: StudyList) -> StudyList:
        """Return this list with the studies of another; the counts stay."""
        return StudyList({**other.studies, **self.studies}, self.counts)


def find_studies(provider: QueryProvider, first: date, last: date, modalities: Sequence[str]) -> StudyList:
    """Return the studies from `first` to `last` that hold one of `modalities`.

    There is one query per modality. A single day whose list is long or cut is queried by parts, down to the
    hour, unless those of its two halves add up to it. A peer that does not support Modalities in Study
    (0008,0061) lists all studies; their series are checked before they are fetched.

    Raises:
        AnswerError: see `PullAssociation.find`.
        CutShortError: when the peer says that it lists several days incompletely.
        PermanentError: when the peer lists even an hour incompletely.
    """
    found: dict[str, ListedStudy] = {}
    counts = {}
    for modality in modalities:
        span = _Span(first, last, modality, modalities)
        find = _find_day if first == last else _find
        counts[modality] = find(provider, span, found)
    return StudyList(found, counts)


def list_series(provider: QueryProvider, study_instance_uid: str) -> list[FoundSeries]:
    """Return a study's series."""
    identifier = _make_identifier("SERIES", StudyInstanceUID=study_instance_uid)
    for keyword in ("SeriesInstanceUID", "Modality", "BodyPartExamined"):
        setattr(identifier, keyword, "")
    series = []
    for match in provider.find(identifier):
        uid = _read(match, "SeriesInstanceUID")
        if UID.fullmatch(uid):
            modality, body_part = _read(match, "Modality").upper(), _read(match, "BodyPartExamined").upper()
            series.append(FoundSeries(uid, modality, body_part))
    return series


def list_films(
    provider: QueryProvider, study_instance_uid: str, series_instance_uid: str
) -> tuple[list[str], int]:
    """Return the SOP Instance UIDs of a series' films, and the number of all its instances.

    Raw detector data and other objects that are never screened do not count as films. An instance without a
    SOP class in the answer counts as a film.
    """
    identifier = _make_identifier(
        "IMAGE", StudyInstanceUID=study_instance_uid, SeriesInstanceUID=series_instance_uid
    )
    identifier.SOPInstanceUID = ""
    identifier.SOPClassUID = ""
    films, total = [], 0
    for match in provider.find(identifier):
        uid = _read(match, "SOPInstanceUID")
        if UID.fullmatch(uid):
            total += 1
            if _read(match, "SOPClassUID") in ("", *FILM_SOP_CLASSES):
                films.append(uid)
    return list(dict.fromkeys(films)), total


def make_series_identifier(study_instance_uid: str, series_instance_uid: str) -> Dataset:
    """Return the identifier that retrieves a whole series (PS3.4 C.4.2.1.4)."""
    return _make_identifier(
        "SERIES", StudyInstanceUID=study_instance_uid, SeriesInstanceUID=series_instance_uid
    )


def make_films_identifier(study_instance_uid: str, series_instance_uid: str, films: Sequence[str]) -> Dataset:
    """Return the identifier that retrieves some instances of a series."""
    identifier = make_series_identifier(study_instance_uid, series_instance_uid)
    identifier.QueryRetrieveLevel = "IMAGE"
    identifier.SOPInstanceUID = list(films)
    return identifier


@dataclass(frozen=True)
class _Span:
    first: date
    last: date
    modality: str
    modalities: Sequence[str]

    def write_dates(self) -> str:
        """Return the days for range matching (PS3.4 C.2.2.2.5)."""
        return (
            f"{self.first:%Y%m%d}" if self.first == self.last else f"{self.first:%Y%m%d}-{self.last:%Y%m%d}"
        )

    def holds(self, text: str) -> bool:
        """True for a date within, and for none."""
        return not text or f"{self.first:%Y%m%d}" <= text <= f"{self.last:%Y%m%d}"


def _find_day(provider: QueryProvider, span: _Span, found: dict[str, ListedStudy]) -> int:
    """Add the studies of a day to those found; returns the number of matches."""
    count: int | None = None
    with suppress(CutShortError):
        count = _find(provider, span, found)
    return _find_hours(provider, span, found, (0, 24), count)


def _find_hours(
    provider: QueryProvider,
    span: _Span,
    found: dict[str, ListedStudy],
    hours: tuple[int, int],
    count: int | None,
) -> int:
    """Query the halves of some hours, down to the hour, unless their list is believed.

    Args:
        provider: the side that answers.
        span: one day.
        found: studies found so far, to which those of the halves are added.
        hours: first hour, and the hour after the last one.
        count: matches of the query for these hours; None where the peer says that its list is cut.
    """
    first, last = hours
    if count is not None and (count <= SHORT or last - first == 1):
        return count
    middle = (first + last) // 2
    halves = ((first, middle), (middle, last))
    lists: tuple[dict[str, ListedStudy], dict[str, ListedStudy]] = ({}, {})
    counts = [_ask_hours(provider, span, *asked) for asked in zip(lists, halves, strict=True)]
    for uid, study in (lists[0] | lists[1]).items():
        found.setdefault(uid, study)
    if count is not None and (lists[0].keys() & lists[1].keys() or _add_up(count, counts)):
        return count  # the same study in both halves: the peer does not match by time
    log.info("the peer may list a day incompletely: querying parts of it", day=span.first.isoformat())
    parts = zip(halves, counts, strict=True)
    return max(count or 0, sum(_find_hours(provider, span, found, half, part) for half, part in parts))


def _add_up(count: int, counts: Sequence[int | None]) -> bool:
    known = [part for part in counts if part is not None]
    return len(known) == len(counts) and sum(known) == count and max(known) < count


def _ask_hours(
    provider: QueryProvider, span: _Span, listed: dict[str, ListedStudy], hours: tuple[int, int]
) -> int | None:
    """Add the studies of some hours to a list; returns the number of matches, None for a list that is cut."""
    first, last = hours
    try:
        return _find(provider, span, listed, f"{first:02d}0000-{last - 1:02d}5959.999999")
    except CutShortError as error:
        if last - first > 1:
            return None
        raise PermanentError(
            f"{error}: it does not list all studies of one hour ({span.first.isoformat()} {first:02d}:00, "
            f"{span.modality}); raise the limit of query results in the PACS"
        ) from None


def _find(provider: QueryProvider, span: _Span, found: dict[str, ListedStudy], times: str = "") -> int:
    """Add the studies of a span to those found; returns the number of matches."""
    identifier = _make_identifier(
        "STUDY", StudyDate=span.write_dates(), StudyTime=times, ModalitiesInStudy=span.modality
    )
    identifier.StudyInstanceUID = ""
    identifier.NumberOfStudyRelatedInstances = None
    count = 0
    for match in provider.find(identifier):
        count += 1
        uid = _read(match, "StudyInstanceUID")
        if not UID.fullmatch(uid):
            log.warning("the peer lists a study without a valid UID", day=span.last.isoformat())
            continue
        if not span.holds(_read(match, "StudyDate")):
            continue  # the peer does not match by date
        listed = {modality.upper() for modality in _read_list(match, "ModalitiesInStudy")}
        if not listed or listed & set(span.modalities):
            found.setdefault(uid, ListedStudy(uid, _read_number(match, "NumberOfStudyRelatedInstances")))
    return count


def _make_identifier(level: str, **keys: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    return identifier


def _read(match: Dataset, keyword: str) -> str:
    return "\\".join(_read_list(match, keyword))


def _read_list(match: Dataset, keyword: str) -> list[str]:
    """Return an element's values; an empty list where they cannot be read."""
    try:
        value: Any = match.get(keyword)
    except Exception as error:  # noqa: BLE001  pydicom converts here and raises many types
        log.warning("the peer lists a value that cannot be read", keyword=keyword, error=type(error).__name__)
        return []
    values = [value] if isinstance(value, str | int) or value is None else list(value)
    return [str(item).strip() for item in values if item is not None and str(item).strip()]


def _read_number(match: Dataset, keyword: str) -> int | None:
    text = _read(match, keyword)
    return int(text) if text.isdecimal() and len(text) < 9 else None
