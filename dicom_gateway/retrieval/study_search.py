"""Search of a peer's studies over many days with few queries, without believing lists that were cut.

Some PACS end a long list early and report success (Orthanc with LimitFindResults). A list of several days is
believed when it is short, or when those of its two halves are shorter and add up to it: had the peer cut the
list, then the halves would hold more, or one of them as many. Otherwise the halves are searched in the same
way, down to the day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from dicom_gateway.retrieval.study_query import SHORT, StudyList

WIDEST: Final = timedelta(days=366)
"""Longest span of one query: even a large site answers it within the time for an answer."""

Ask = Callable[[date, date], StudyList | None]
"""Queries the studies from one day to another, both included; None where the peer admits a cut."""


@dataclass(frozen=True)
class SearchedSpan:
    """Days whose studies are all known."""

    first: date
    last: date
    studies: StudyList


def search_studies(ask: Ask, first: date, last: date) -> Iterator[SearchedSpan]:
    """Yield the studies of all days from `first` to `last`, newest days first.

    Args:
        ask: queries the peer. For a single day it returns a list.
        first: first study date.
        last: last study date.
    """
    while last >= first:
        begin = max(first, last - WIDEST + timedelta(days=1))
        yield from _search(ask, begin, last, ask(begin, last))
        last = begin - timedelta(days=1)


def _search(ask: Ask, first: date, last: date, listed: StudyList | None) -> Iterator[SearchedSpan]:
    if listed is not None and (first == last or all(count <= SHORT for count in listed.counts.values())):
        yield SearchedSpan(first, last, listed)
        return
    middle = first + (last - first) // 2
    newer = ask(middle + timedelta(days=1), last)
    older = ask(first, middle)
    if listed is not None and newer is not None and older is not None and _add_up(listed, newer, older):
        yield SearchedSpan(first, last, listed.join(newer).join(older))
        return
    yield from _search(ask, middle + timedelta(days=1), last, newer)
    yield from _search(ask, first, middle, older)


def _add_up(whole: StudyList, newer: StudyList, older: StudyList) -> bool:
    return all(
        count <= SHORT
        or (
            newer.counts[modality] + older.counts[modality] == count
            and max(newer.counts[modality], older.counts[modality]) < count
        )
        for modality, count in whole.counts.items()
    )
