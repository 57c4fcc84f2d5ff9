"""The worklist of users who read blinded: HIGH first, then nothing of the result, by an index alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import update

from db.database import Database
from db.tables import Study
from db.worklist import blinded_order, worklist
from db.worklist.blinded_order import Start
from db.worklist.worklist import InvalidCursorError, Page
from db.worklist.worklist_filter import HiddenFilterError, WorklistFilter
from tests.query_plans import explain, statements_of
from tests.unit.worklists import DAY, START, choose, insert_studies, make_studies

FILTERS = [
    WorklistFilter(),
    WorklistFilter(read=False),
    WorklistFilter(read=True, modalities=("DX",)),
    WorklistFilter(stations=("ROOM*",), senders=("PACS",)),
    WorklistFilter(states=("refused",), refusals=("not_chest",)),
    WorklistFilter(study_date_from="20260305", study_date_to="20260307"),
    WorklistFilter(read_since=START + 10 * DAY),
    WorklistFilter(text="doe"),
    WorklistFilter(text="jane"),
    WorklistFilter(text="a-"),
    WorklistFilter(text="nobody"),
    WorklistFilter(stations=("nowhere",)),
    WorklistFilter(study_instance_uids=("1.2.5", "1.2.6")),
]


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        part = 2 if row["is_read"] else 0 if row["priority"] == "HIGH" else 1
        return part, row["received_day"], row["id"] % 32749 * 20239 % 32749, row["id"]

    return [row["study_instance_uid"] for row in sorted(rows, key=place)]


def find(database: Database, wanted: WorklistFilter, limit: int, after: str | None = None) -> Page:
    with database.read() as session:
        return worklist.find_page(session, wanted, limit=limit, after=after, hidden_from="rosa")


def turn_pages(database: Database, wanted: WorklistFilter, limit: int) -> list[str]:
    found: list[str] = []
    after: str | None = None
    while True:
        page = find(database, wanted, limit, after)
        found += [study.study_instance_uid for study in page.studies]
        after = page.following
        if after is None:
            return found


def test_every_filter_chooses_as_plain_python_does_by_indexes_alone(database: Database) -> None:
    made = make_studies(1100)
    insert_studies(database, made)
    for wanted in FILTERS:
        expected = in_order(choose(made, wanted))
        with statements_of(database) as statements:
            assert turn_pages(database, wanted, 400) == expected, wanted
        for plan in explain(database, statements):
            for line in plan:
                assert not any(word in line for word in ("Seq Scan", "Bitmap")), plan
                assert not line.startswith("SCAN studies") or "USING" in line, plan


def test_high_comes_first_and_within_a_day_no_time_steps_back_only_where_high_ends(
    database: Database,
) -> None:
    made = [{**row, "is_read": False, "received_day": "20260301"} for row in make_studies(60)]
    insert_studies(database, made)
    by_uid = {row["study_instance_uid"]: row for row in made}
    shown = [by_uid[uid] for uid in turn_pages(database, WorklistFilter(), 7)]
    high = [row["priority"] == "HIGH" for row in shown]
    assert high == sorted(high, reverse=True)
    steps = [later["received_at"] < earlier["received_at"] for earlier, later in pairwise(shown)]
    assert 20 < sum(steps) < 40, "the list steps back again and again, not once"


def test_a_page_goes_on_behind_a_study_that_was_read_meanwhile(database: Database) -> None:
    made = make_studies(40)
    insert_studies(database, made)
    unread = WorklistFilter(read=False)
    expected = in_order(choose(made, unread))
    first = find(database, WorklistFilter(), 5)
    seen = [study.study_instance_uid for study in first.studies]
    with database.write() as session:
        session.execute(update(Study).where(Study.study_instance_uid.in_(seen)).values(is_read=True))
    second = find(database, WorklistFilter(), 5, first.following)
    assert seen + [study.study_instance_uid for study in second.studies] == expected[:10]


def test_a_cursor_tells_a_study_and_nothing_of_its_result(sqlite_database: Database) -> None:
    made = make_studies(3)
    insert_studies(sqlite_database, made)
    cursor = find(sqlite_database, WorklistFilter(), 1).following
    assert cursor is not None
    (shown,) = find(sqlite_database, WorklistFilter(), 1).studies
    assert blinded_order.read_cursor(cursor) == Start(shown.key, shown.is_read)
    for wrong in ("", "x", "W10", "WzEsMl0", blinded_order.write_cursor(Start(99, False)), "A" * 999):
        with pytest.raises(InvalidCursorError):
            find(sqlite_database, WorklistFilter(), 1, wrong)
    with sqlite_database.read() as session, pytest.raises(InvalidCursorError):
        worklist.find_page(session, after=cursor)
    for hidden in (WorklistFilter(priorities=("HIGH",)), WorklistFilter(findings=("absent",))):
        with pytest.raises(HiddenFilterError, match="you read blinded"):
            find(sqlite_database, hidden, 1)
