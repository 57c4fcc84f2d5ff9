"""Many different studies at once, and what a filter means in plain Python."""

from __future__ import annotations

import random
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from db.database import Database
from db.tables import Study, StudyKey
from db.worklist.search_keys import fold, fold_name, list_further_keys
from db.worklist.wildcards import compile_patterns
from db.worklist.worklist_filter import WorklistFilter
from domain.codes import Priority

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = [
    "Doe^Jane",
    "DOE^JOHN",
    "Müller^Jürgen",
    "Mullen^Ada",
    "Иванов^Иван",
    "Yamada^Tarou=山田^太郎",
    "%_^x",
]
MODALITIES = ["CR", "DX", "CR\\DX", ""]
STATIONS = ["ROOM1", "ROOM2", "ROOM1\\ROOM2", "VAN", ""]


def make_studies(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return rows of `studies`, of all kinds, many of them with the same score and time."""
    chance = random.Random(seed)
    made = []
    for number in range(1, count + 1):
        priority = chance.choice([None, *Priority])
        probability = None if priority is None else chance.choice([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1 / 3])
        received = START + timedelta(hours=chance.randrange(24 * 20))
        name, patient, accession = chance.choice(NAMES), f"P{chance.randrange(40)}", f"A-{number:05}"
        state = "screened" if priority else chance.choice(["received", "refused"])
        made.append(
            {
                "id": number,
                "study_instance_uid": f"1.2.{number}",
                "accession_number": accession,
                "patient_id": patient,
                "patient_name": name,
                "study_date": f"{received - timedelta(days=chance.randrange(3)):%Y%m%d}",
                "received_at": received,
                "received_day": f"{received:%Y%m%d}",
                "state": state,
                "refusal": chance.choice(["not_frontal", "not_chest"]) if state == "refused" else None,
                "finding": chance.choice(["present", "absent"]) if priority else None,
                "priority": priority,
                "priority_rank": 0 if priority is None else priority.rank,
                "probability": probability,
                "sort_probability": -1.0 if probability is None else probability,
                "is_read": chance.random() < 0.4,
                "modalities": chance.choice(MODALITIES),
                "stations": chance.choice(STATIONS),
                "senders": chance.choice(["PACS", "VAN", "PACS\\VAN"]),
                "accession_key": fold(accession),
                "patient_id_key": fold(patient),
                "name_key": fold_name(name),
            }
        )
    return made


def insert_studies(database: Database, rows: list[dict[str, Any]]) -> None:
    """Write them."""
    with database.write() as session:
        session.execute(insert(Study), rows)
        session.execute(insert(StudyKey), [key for row in rows for key in _list_keys(row)])


def _list_keys(row: dict[str, Any]) -> list[dict[str, Any]]:
    keys = list_further_keys(*(row[name] for name in ("patient_name", "patient_id", "accession_number")))
    return [{"study_id": row["id"], "key": key} for key in keys]


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    """Return their UIDs as the worklist has them."""
    ordered = sorted(
        rows,
        key=lambda row: (
            row["is_read"],
            -row["priority_rank"],
            -row["sort_probability"],
            row["received_at"],
            row["id"],
        ),
    )
    return [row["study_instance_uid"] for row in ordered]


def choose(rows: list[dict[str, Any]], wanted: WorklistFilter) -> list[dict[str, Any]]:
    """Return those that a filter lets through."""
    return [row for row in rows if _lets_through(row, wanted)]


def _lets_through(row: dict[str, Any], wanted: WorklistFilter) -> bool:
    typed = (wanted.text or "").strip()
    return all(
        [
            wanted.read is None or row["is_read"] == wanted.read,
            not wanted.states or row["state"] in wanted.states,
            not wanted.priorities or (row["priority"] or "") in wanted.priorities,
            not wanted.findings or row["finding"] in wanted.findings,
            not wanted.refusals or row["refusal"] in wanted.refusals,
            *(
                not patterns or any(map(compile_patterns(patterns), row[name].split("\\")))
                for name, patterns in (
                    ("modalities", wanted.modalities),
                    ("stations", wanted.stations),
                    ("senders", wanted.senders),
                )
            ),
            wanted.study_date_from is None or row["study_date"] >= wanted.study_date_from,
            wanted.study_date_to is None or row["study_date"] <= wanted.study_date_to,
            wanted.received_from is None or row["received_at"] >= wanted.received_from,
            wanted.received_before is None or row["received_at"] < wanted.received_before,
            wanted.read_since is None or not row["is_read"] or row["received_at"] >= wanted.read_since,
            not wanted.patient_ids or row["patient_id"] in wanted.patient_ids,
            not wanted.accession_numbers or row["accession_number"] in wanted.accession_numbers,
            not wanted.study_instance_uids or row["study_instance_uid"] in wanted.study_instance_uids,
            not typed or _finds(row, typed),
        ]
    )


def _finds(row: dict[str, Any], typed: str) -> bool:
    """True where a typed text of two words at most begins a name in either order, a number or a station."""
    typed = " ".join(_strip_accents(typed).split())
    for group in row["patient_name"].split("="):
        family, given = _strip_accents(group).split("^")
        if any(text.startswith(typed) for text in (f"{family} {given}", f"{given} {family}", family + given)):
            return True
    words = [row["patient_id"], row["accession_number"]]
    words += row["stations"].split("\\") if len(typed) > 2 else []
    return any(re.search(rf"(^|\W){re.escape(typed)}", _strip_accents(word)) for word in words)


def _strip_accents(text: str) -> str:
    letters = unicodedata.normalize("NFD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).lower()
