"""Queries to a PACS, and answers that do not match them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import pytest
from pydicom.dataset import Dataset

from db.pulls.listed_studies import ListedStudy
from dicom_gateway.retrieval import study_query
from dicom_gateway.retrieval.pull_association import CutShortError
from dicom_gateway.retrieval.study_query import FoundSeries, StudyList
from domain.errors import PermanentError

DAY = date(2026, 11, 3)
MODALITIES = ("CR", "DX")
PATIENT = {"PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber"}


def study(uid: str, **values: object) -> Dataset:
    match = Dataset()
    match.StudyInstanceUID = uid
    for keyword, value in values.items():
        setattr(match, keyword, value)
    return match


@dataclass
class Peer:
    """Answers by a function, and remembers what it was asked."""

    answer: Callable[[Dataset], list[Dataset]]
    most: int = 1000
    asked: list[Dataset] = field(default_factory=list)

    def find(self, identifier: Dataset) -> Iterator[Dataset]:
        self.asked.append(identifier)
        found = self.answer(identifier)
        yield from found[: self.most]
        if len(found) > self.most:
            raise CutShortError("0xFE00")


def test_a_day_is_asked_for_each_modality_and_nothing_about_patients() -> None:
    peer = Peer(lambda _: [])
    assert study_query.find_studies(peer, DAY, DAY, MODALITIES) == StudyList({}, {"CR": 0, "DX": 0})
    asked = [(question.StudyDate, question.ModalitiesInStudy) for question in peer.asked]
    assert asked == [("20261103", "CR"), ("20261103", "DX")]
    study_query.list_series(peer, "1.2")
    study_query.list_films(peer, "1.2", "1.2.3")
    assert [question.QueryRetrieveLevel for question in peer.asked[-2:]] == ["SERIES", "IMAGE"]
    for identifier in peer.asked:
        assert {element.keyword for element in identifier} & PATIENT == set()


def test_a_peer_that_matches_neither_date_nor_modality_is_believed_in_what_it_says() -> None:
    everything = [
        study("1.1", StudyDate="20261103", ModalitiesInStudy=["DX", "SR"], NumberOfStudyRelatedInstances=3),
        study("1.2", StudyDate="20261103", ModalitiesInStudy="CT"),
        study("1.3", StudyDate="20261031", ModalitiesInStudy="DX"),
        study("1.4"),
    ]
    found = study_query.find_studies(Peer(lambda _: everything), DAY, DAY, MODALITIES)
    assert [*found.studies.values()] == [ListedStudy("1.1", 3), ListedStudy("1.4", None)]
    assert found.counts == {"CR": 4, "DX": 4}
    week = study_query.find_studies(Peer(lambda _: everything), date(2026, 10, 31), DAY, MODALITIES)
    assert [*week.studies] == ["1.1", "1.3", "1.4"]


def test_what_is_no_uid_or_cannot_be_read_is_left_out() -> None:
    broken = study("1.5")
    broken.add_new("NumberOfStudyRelatedInstances", "IS", None)
    broken["NumberOfStudyRelatedInstances"]._value = "many"
    answers = [study("../../etc/passwd"), study(""), study("1.2\\1.3"), broken]
    found = study_query.find_studies(Peer(lambda _: answers), DAY, DAY, ("CR",))
    assert [*found.studies.values()] == [ListedStudy("1.5", None)]


def day_of(*hours: int) -> Callable[[Dataset], list[Dataset]]:
    """Return a peer's answers about a day with a study at each of these hours."""
    return lambda identifier: [
        study(f"1.{number}")
        for number, hour in enumerate(hours, start=1)
        if not identifier.StudyTime or identifier.StudyTime[:2] <= f"{hour:02d}" <= identifier.StudyTime[7:9]
    ]


def test_a_day_that_is_cut_short_is_asked_by_its_parts_and_a_cut_hour_is_an_error() -> None:
    peer = Peer(day_of(8, 8, 9), most=2)
    found = study_query.find_studies(peer, DAY, DAY, ("CR",))
    assert (set(found.studies), found.counts) == ({"1.1", "1.2", "1.3"}, {"CR": 3})
    asked = [question.StudyTime for question in peer.asked]
    assert asked[:3] == ["", "000000-115959.999999", "120000-235959.999999"]
    assert asked[-2:] == ["060000-085959.999999", "090000-115959.999999"]
    with pytest.raises(
        PermanentError, match=r"one hour \(2026-11-03 08:00, CR\); raise the limit of query results"
    ):
        study_query.find_studies(Peer(day_of(8, 8, 9), most=1), DAY, DAY, ("CR",))


@pytest.mark.parametrize(
    "hours",
    [
        [hour for hour in range(24) for _ in range(9)],
        [8, 9, 10, 11] * 30,
        [7] * 90 + [19] * 90,
    ],
    ids=["all day", "in the morning", "two busy hours"],
)
def test_nothing_is_lost_of_a_day_that_is_cut_in_silence(hours: list[int]) -> None:
    answer = day_of(*hours)
    peer = Peer(lambda identifier: answer(identifier)[:100])
    found = study_query.find_studies(peer, DAY, DAY, ("CR",))
    assert len(found.studies) == found.counts["CR"] == len(hours)


def test_a_long_list_of_a_day_is_believed_where_its_halves_add_up_or_time_is_not_matched() -> None:
    by_time = Peer(day_of(*[8, 9, 13, 14] * 10))
    without_time = Peer(lambda _: day_of(*[8] * 40)(study("", StudyTime="")))
    for peer in (by_time, without_time):
        assert study_query.find_studies(peer, DAY, DAY, ("CR",)).counts == {"CR": 40}
        assert len(peer.asked) == 3


def test_several_days_that_are_cut_short_are_not_asked_by_the_hour() -> None:
    peer = Peer(lambda _: [study("1.1"), study("1.2")], most=1)
    with pytest.raises(CutShortError):
        study_query.find_studies(peer, date(2026, 11, 1), DAY, ("CR",))
    assert [question.StudyDate for question in peer.asked] == ["20261101-20261103"]


@pytest.mark.parametrize(
    ("modality", "body_part", "wanted"),
    [
        ("DX", "CHEST", True),
        ("CR", "", True),
        ("CR", "CHEST_PA", True),
        ("CR", "UNKNOWN", True),
        ("DX", "GENERICA", True),
        ("DX", "N/A", True),
        ("DX", "HAND", False),
        ("SR", "CHEST", False),
        ("CT", "CHEST", False),
    ],
)
def test_a_series_is_wanted_when_it_may_be_a_chest_film(modality: str, body_part: str, wanted: bool) -> None:
    series = FoundSeries("1.2.3", modality, body_part)
    assert series.is_wanted(MODALITIES, ("CHEST", "THORAX")) is wanted
    assert series.is_wanted(MODALITIES, ()) is (modality in MODALITIES)


def test_raw_detector_data_is_no_film_and_a_class_that_is_not_said_is_taken_for_one() -> None:
    def instance(uid: str, sop_class: str) -> Dataset:
        match = Dataset()
        match.SOPInstanceUID, match.SOPClassUID = uid, sop_class
        return match

    raw, presented = "1.2.840.10008.5.1.4.1.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
    answers = [instance("1.1", presented), instance("1.2", raw), instance("1.3", "")]
    assert study_query.list_films(Peer(lambda _: answers), "1.2", "1.2.3") == (["1.1", "1.3"], 3)


def test_some_films_of_a_series_are_retrieved_by_their_uids() -> None:
    identifier = study_query.make_films_identifier("1.2", "1.2.3", ["1.1", "1.3"])
    assert identifier.QueryRetrieveLevel == "IMAGE"
    assert list(identifier.SOPInstanceUID) == ["1.1", "1.3"]
    assert (identifier.StudyInstanceUID, identifier.SeriesInstanceUID) == ("1.2", "1.2.3")
