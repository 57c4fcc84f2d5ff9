"""Filters and pages: what plain Python would choose and sort, found by indexes alone."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from db.database import Database
from db.films import films
from db.tables import Study
from db.worklist import reads, worklist, worklist_totals
from db.worklist.worklist import InvalidCursorError
from db.worklist.worklist_filter import InvalidFilterError, WorklistFilter
from db.worklist.worklist_totals import Total, count_studies
from domain.codes import Finding, Priority, Refusal, Verdict
from tests.query_plans import explain, statements_of
from tests.unit import rows
from tests.unit.worklists import DAY, START, choose, in_order, insert_studies, make_studies

FILTERS = [
    WorklistFilter(),
    WorklistFilter(read=False),
    WorklistFilter(read=True, priorities=("HIGH", "LOW")),
    WorklistFilter(priorities=("MEDIUM",)),
    WorklistFilter(priorities=("LOW", "")),
    WorklistFilter(states=("received", "refused")),
    WorklistFilter(refusals=("not_chest",)),
    WorklistFilter(findings=("present",), states=("screened",)),
    WorklistFilter(modalities=("DX",)),
    WorklistFilter(modalities=("?R",), stations=("ROOM*",)),
    WorklistFilter(stations=("VAN", "ROOM2")),
    WorklistFilter(stations=("*",), senders=("V*N",)),
    WorklistFilter(stations=("room1",)),
    WorklistFilter(study_date_from="20260305", study_date_to="20260307"),
    WorklistFilter(study_date_from="20260305", study_date_to="20260305", priorities=("HIGH", "MEDIUM")),
    WorklistFilter(study_date_from="20260310"),
    WorklistFilter(study_date_to="20260305", modalities=("CR",)),
    WorklistFilter(study_date_from="20200101", study_date_to="20300101"),
    WorklistFilter(study_date_from="20260310", study_date_to="20260305"),
    WorklistFilter(received_from=START + 2 * DAY, received_before=START + 4 * DAY + timedelta(hours=3)),
    WorklistFilter(received_from=START + 15 * DAY),
    WorklistFilter(received_before=START + 3 * DAY, senders=("PACS",)),
    WorklistFilter(received_from=START + 3 * DAY, received_before=START),
    WorklistFilter(read_since=START + 10 * DAY),
    WorklistFilter(read_since=START + 10 * DAY, read=True, priorities=("HIGH", "LOW")),
    WorklistFilter(read_since=START + 10 * DAY, read=True),
    WorklistFilter(read_since=START + 10 * DAY, stations=("ROOM*",)),
    WorklistFilter(read_since=START + 10 * DAY, text="doe"),
    WorklistFilter(text="doe"),
    WorklistFilter(text="MULLER  jur"),
    WorklistFilter(text="mul", priorities=("HIGH",), read=False),
    WorklistFilter(text="Иванов"),
    WorklistFilter(text="yamada tarou"),
    WorklistFilter(text="Jürgen"),
    WorklistFilter(text="ADA", read=False),
    WorklistFilter(text="john doe"),
    WorklistFilter(text="太郎"),
    WorklistFilter(text="山田太"),
    WorklistFilter(text="0000"),
    WorklistFilter(text="van"),
    WorklistFilter(text="Room1", priorities=("HIGH",)),
    WorklistFilter(text="p1"),
    WorklistFilter(text="a-0000"),
    WorklistFilter(text="a-"),
    WorklistFilter(text="%"),
    WorklistFilter(text="_"),
    WorklistFilter(text=" "),
    WorklistFilter(text="nobody"),
    WorklistFilter(patient_ids=("P7", "P8", "p9")),
    WorklistFilter(accession_numbers=("A-00007",)),
    WorklistFilter(
        study_instance_uids=tuple(f"1.2.{number}" for number in range(1, 1200, 2)), states=("screened",)
    ),
]


@pytest.fixture
def studies(database: Database) -> list[dict[str, Any]]:
    """1100 studies: more than a text that fits all of them is gathered for."""
    made = make_studies(1100)
    insert_studies(database, made)
    return made


def test_every_filter_chooses_and_sorts_as_plain_python_does_by_indexes_alone(
    database: Database, studies: list[dict[str, Any]]
) -> None:
    for wanted in FILTERS:
        expected = in_order(choose(studies, wanted))
        with statements_of(database) as statements:
            assert _turn_pages(database, wanted, 400) == expected, wanted
        for plan in explain(database, statements):
            # Sorted are the first rows of many ranges, and the limited range of a text or of UIDs.
            names = ("unnest", "_key on", "_key (", "study_instance_uid")
            few = any(name in line for line in plan for name in names)
            for line in plan:
                # A hashed subplan, a merge and a materialized range read the keys of all studies.
                words = ("Seq Scan", "Bitmap", "hashed SubPlan", "Merge Join", "Materialize")
                assert not any(word in line for word in words), (wanted, "\n".join(plan))
                assert few or not any(word in line for word in ("->  Sort", "B-TREE")), plan
                assert not line.startswith("SCAN studies") or "USING" in line, plan
        with statements_of(database) as statements, database.read() as session:
            assert count_studies(session, wanted) == Total(len(expected)), wanted
        for plan in explain(database, statements):
            assert not any("Seq Scan" in line for line in plan), plan
            assert not any(line.startswith("SCAN studies") and "USING" not in line for line in plan), plan


def test_of_more_studies_than_are_counted_the_total_is_a_lower_bound(
    database: Database, studies: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist_totals, "EXAMINED", 100)
    monkeypatch.setattr(worklist_totals, "EXAMINED_BY_ROWS", 100)
    for wanted in FILTERS:
        expected = len(choose(studies, wanted))
        with database.read() as session:
            total = count_studies(session, wanted)
        assert total.studies <= min(expected, 100), wanted
        assert not total.is_exact or total.studies == expected, wanted
        assert total.is_exact or expected > 0, wanted


def test_pages_of_any_size_make_up_the_whole_list(database: Database, studies: list[dict[str, Any]]) -> None:
    expected = in_order(studies)
    for size in (1100, 333):
        assert _turn_pages(database, WorklistFilter(), size) == expected
    few = WorklistFilter(priorities=("HIGH",), read=False)
    assert _turn_pages(database, few, 1) == in_order(choose(studies, few))


@pytest.mark.parametrize("seed", range(3))
def test_while_studies_move_those_that_stay_are_seen_once(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    made = make_studies(200, seed)
    insert_studies(database, made)
    wanted = WorklistFilter(modalities=("CR",), study_date_from="20260302", study_date_to="20260318")
    expected = in_order(choose(made, wanted))
    moved: set[str] = set()
    seen: list[str] = []
    after: str | None = None
    while True:
        with database.read() as session:
            page = worklist.find_page(session, wanted, limit=7, after=after)
        seen.extend(study.study_instance_uid for study in page.studies)
        after = page.following
        if after is None:
            break
        moving = chance.sample(made, 5)
        moved |= {row["study_instance_uid"] for row in moving}
        with database.write() as session:
            for row in moving:
                session.execute(
                    update(Study)
                    .where(Study.id == row["id"])
                    .values(
                        is_read=chance.random() < 0.5,
                        priority_rank=chance.randrange(4),
                        sort_probability=chance.random(),
                    )
                )
    assert [uid for uid in seen if uid not in moved] == [uid for uid in expected if uid not in moved]
    assert len(moved) > 40


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "ä",
        "W10",
        "=",
        "W251bGwsbnVsbCxudWxsXQ",
        "WzEuMCwiMjAyNi0wMS0wMVQwMDowMDowMCIsMV0",
        "A" * 9999,
    ],
)
def test_what_is_no_cursor_is_refused(sqlite_database: Database, cursor: str) -> None:
    with sqlite_database.read() as session, pytest.raises(InvalidCursorError, match="first page"):
        worklist.find_page(session, after=cursor)


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"states": ("lost",)}, "states: 'lost': allowed are received, refused, screened"),
        ({"priorities": ("high",)}, "HIGH, LOW, MEDIUM"),
        ({"patient_ids": ("P\0",)}, "NUL"),
        ({"study_date_from": "20260230"}, "no date"),
        ({"study_date_to": "2026023"}, "no date"),
        ({"received_from": START.replace(tzinfo=None)}, "without zone"),
    ],
)
def test_filters_that_cannot_be_are_refused(filters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidFilterError, match=message):
        WorklistFilter(**filters)


def test_a_study_has_the_modalities_stations_and_senders_of_its_current_films(database: Database) -> None:
    rows.register_model(database)
    rows.receive(database, "1.2.3.1", modality="DX", station_name="ROOM1")
    rows.receive(database, "1.2.3.2", modality="CR", station_name="VAN", calling_ae_title="VAN")
    ours = rows.receive(database, "1.2.3.3", modality="SR", station_name=None).instance_id
    with database.write() as session:
        films.refuse(session, ours, Refusal.OWN_OUTPUT, "ours")
    rows.receive(database, "1.2.3.1", "corrected", modality="DX", station_name="ROOM2")
    with database.read() as session:
        (study,) = worklist.find_page(
            session, WorklistFilter(stations=("ROOM2",), modalities=("CR",))
        ).studies
        assert not worklist.find_page(session, WorklistFilter(stations=("ROOM1",))).studies
        assert not worklist.find_page(session, WorklistFilter(modalities=("SR",))).studies
    assert (study.modalities, study.stations, study.senders) == (
        ["CR", "DX"],
        ["ROOM2", "VAN"],
        ["MODALITY", "VAN"],
    )


def test_a_study_moves_by_its_result_and_by_its_read(database: Database) -> None:
    rows.register_model(database)
    for number, priority in ((1, Priority.LOW), (2, Priority.HIGH)):
        film = rows.receive_and_queue(database, f"1.{number}.1", study=f"1.{number}")
        rows.screen(database, film, 0.5, Finding.PRESENT, priority)
    assert _turn_pages(database, WorklistFilter(), 1) == ["1.2", "1.1"]
    with database.write() as session:
        reads.record(session, "1.2", Verdict.TB, "a reader")
    assert _turn_pages(database, WorklistFilter(), 1) == ["1.1", "1.2"]
    with database.read() as session:
        (study,) = worklist.find_page(session, WorklistFilter(read=True)).studies
    assert (study.is_read, study.verdict) == (True, "tb")


def test_what_a_version_without_places_writes_stands_in_its_place(database: Database) -> None:
    insert_studies(database, make_studies(5))
    uid = "1.2.3.4"
    unknown = ("modalities", "stations", "senders", "received_day", "name_key")
    row = replace_all(make_studies(1)[0], id=6, study_instance_uid=uid, is_read=False, priority_rank=3)
    insert_studies(database, [{k: v for k, v in row.items() if k not in unknown} | {"sort_probability": 1.0}])
    assert _turn_pages(database, WorklistFilter(), 2)[0] == uid


def replace_all(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**row, **changes}


def _turn_pages(database: Database, wanted: WorklistFilter, size: int) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while True:
        with database.read() as session:
            page = worklist.find_page(session, wanted, limit=size, after=after)
        assert len(page.studies) <= size
        found.extend(study.study_instance_uid for study in page.studies)
        after = page.following
        if after is None:
            return found
