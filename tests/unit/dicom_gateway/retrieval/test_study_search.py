"""Few queries for many days, and no list believed that a peer has cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from db.pulls.listed_studies import ListedStudy
from dicom_gateway.retrieval.study_query import SHORT, StudyList
from dicom_gateway.retrieval.study_search import search_studies

FIRST, LAST = date(2004, 1, 1), date(2026, 11, 29)
DAYS = (LAST - FIRST).days + 1


@dataclass
class Peer:
    """Lists studies by date, each query up to a limit: in silence, or with a word."""

    studies: Mapping[date, Mapping[str, int]]
    """Number of studies of each modality, by day."""
    limit: int = 1_000_000
    says_so: bool = False
    asked: list[tuple[date, date]] = field(default_factory=list)

    def ask(self, first: date, last: date) -> StudyList | None:
        self.asked.append((first, last))
        found: dict[str, list[str]] = {"CR": [], "DX": []}
        for day, modalities in self.studies.items():
            if first <= day <= last:
                for modality, number in modalities.items():
                    found[modality] += [f"{day:%Y%m%d}.{modality}.{index}" for index in range(number)]
        if self.says_so and first != last and any(len(uids) > self.limit for uids in found.values()):
            return None
        cut = {modality: uids if first == last else uids[: self.limit] for modality, uids in found.items()}
        listed = {uid: ListedStudy(uid, 1) for uids in cut.values() for uid in uids}
        return StudyList(listed, {modality: len(uids) for modality, uids in cut.items()})

    def everything(self) -> set[str]:
        every = self.limit
        self.limit = 1_000_000
        whole = self.ask(FIRST, LAST)
        self.limit = every
        self.asked.pop()
        assert whole is not None
        return set(whole.studies)


def search(peer: Peer) -> set[str]:
    spans = list(search_studies(peer.ask, FIRST, LAST))
    covered = [
        span.first + timedelta(days=step)
        for span in spans
        for step in range((span.last - span.first).days + 1)
    ]
    assert sorted(covered) == [FIRST + timedelta(days=step) for step in range(DAYS)], "each day once"
    assert [span.last for span in spans] == sorted((span.last for span in spans), reverse=True), (
        "newest first"
    )
    return {uid for span in spans for uid in span.studies.studies}


def every_day(number: int) -> dict[date, dict[str, int]]:
    return {FIRST + timedelta(days=step): {"CR": number, "DX": 1} for step in range(DAYS)}


def test_an_empty_archive_is_asked_once_a_year() -> None:
    peer = Peer({})
    assert search(peer) == set()
    assert len(peer.asked) == 23


def test_a_peer_without_a_limit_is_asked_three_times_a_year() -> None:
    peer = Peer(every_day(9))
    assert search(peer) == peer.everything()
    assert len(peer.asked) == 3 * 23


@pytest.mark.parametrize("says_so", [False, True])
@pytest.mark.parametrize("limit", [SHORT + 1, 100, 500])
def test_nothing_is_lost_at_a_peer_that_cuts_its_lists(limit: int, says_so: bool) -> None:
    few = {day: studies for day, studies in every_day(9).items() if day.year == 2025}
    peer = Peer(few, limit, says_so)
    assert search(peer) == peer.everything()
    assert len(peer.asked) < 23 + 2 * 365


@pytest.mark.parametrize("modality", ["CR", "DX"])
def test_a_cut_list_that_equals_one_of_its_halves_is_not_believed(modality: str) -> None:
    """All studies are in one half: both lists are cut at the same length, and the other half is empty."""
    busy = {date(2025, 2, day): {modality: 40} for day in range(1, 20)}
    spread = {date(2025, month, 1): {"CR" if modality == "DX" else "DX": 1} for month in range(1, 13)}
    peer = Peer(
        {**busy, **{day: {**busy.get(day, {}), **studies} for day, studies in spread.items()}}, limit=60
    )
    assert search(peer) == peer.everything()
