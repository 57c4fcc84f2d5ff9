"""The search text finds what a person types of names, numbers and stations; SQLite and PostgreSQL alike."""

from __future__ import annotations

import pytest

from db.database import Database
from db.worklist import worklist
from db.worklist.search_keys import KEY_LENGTH, MOST_KEYS, list_further_keys
from db.worklist.studies import StudyHeader
from db.worklist.worklist_filter import WorklistFilter
from tests.unit import rows

STUDIES = {
    "tran": ("Nguyễn^Thị Lan", "VN/77", "CXR-2026-00123", "ROOM1 NORD"),
    "muller": ("Müller-Lüdenscheidt^Jürgen", "P1", "ÄB_7", "Große Halle"),
    "yamada": ("Yamada^Tarou=山田^太郎=やまだ^たろう", "P2", "A3", "van"),
    "kim": ("김^희중", "P4", "A4", None),
    "ivanov": ("ИВАНОВ^Иван^Петрович", "P5", "A5", None),
    "cruz": ("de la Cruz^María^^Dr", "P6", "A6", None),
}
TYPED = {
    "lan": "tran",
    "thị": "tran",
    "LAN NGUYEN": "tran",
    "nguyen lan": "tran",
    "Nguyễn, Thị": "tran",
    "2026-001": "tran",
    "00123": "tran",
    "77": "tran",
    "nord": "tran",
    "jürgen": "muller",
    "JURGEN MUL": "muller",
    "lüdenscheidt": "muller",
    "äb_7": "muller",
    "grosse": "muller",
    "HALLE": "muller",
    "山田太郎": "yamada",
    "太郎": "yamada",
    "山田 太": "yamada",
    "やまだたろう": "yamada",
    "たろう": "yamada",
    "VAN": "yamada",
    "김희": "kim",
    "희중": "kim",
    "иван петр": "ivanov",
    "петрович": "ivanov",
    "maria": "cruz",
    "cruz maria": "cruz",
}


def test_what_a_person_types_finds_the_study_in_both_databases(database: Database) -> None:
    for number, (study, (name, patient_id, accession, station)) in enumerate(STUDIES.items()):
        header = StudyHeader(study, accession, patient_id, name)
        rows.receive(database, f"1.{number}", study=header, station_name=station)
    found = {typed: _find(database, typed) for typed in (*TYPED, "rgen", "0123", "%", "no", "schei")}
    assert found == {typed: {study} for typed, study in TYPED.items()} | {
        typed: set() for typed in ("rgen", "0123", "%", "no", "schei")
    }


def test_a_name_that_comes_with_a_later_film_is_found(database: Database) -> None:
    rows.receive(database, "1.1", study=StudyHeader("1"))
    rows.receive(database, "1.2", study=StudyHeader("1", patient_name="Doe^Jane"))
    assert _find(database, "jane") == {"1"}


@pytest.mark.parametrize("name", ["a " * 200, "-" * 200, "Ab^" + "cd-" * 400, "=" * 90, "^^^", None])
def test_further_keys_are_few_and_short_whatever_the_name(name: str | None) -> None:
    keys = list_further_keys(name, "9" * 300, "x-" * 300)
    assert len(keys) <= MOST_KEYS
    assert all(0 < len(key) <= KEY_LENGTH for key in keys)


def _find(database: Database, typed: str) -> set[str]:
    with database.read() as session:
        page = worklist.find_page(session, WorklistFilter(text=typed))
    return {study.study_instance_uid for study in page.studies}
