"""Agreement of blinded reads, apart from that of all reads."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from db.counts.report_counts import Grouping
from db.database import Database
from db.tables import Read
from reports.csv_form import render_csv
from reports.text_form import render_text
from tests.unit.reports.small_database import Film, fill
from tests.unit.reports.test_composition import make

FILMS = (
    Film("2026-03-01 08:00", 0.9, verdict="tb"),
    Film("2026-03-02 08:00", 0.1, verdict="tb"),
    Film("2026-03-03 08:00", 0.1, verdict="not_tb", station="ROOM 2"),
    Film("2026-03-04 08:00", 0.9, verdict="not_tb"),
)


def read_again(database: Database, study_id: int, verdict: str, reader: str, *, blinded: bool) -> None:
    """Let a further read follow; it becomes the current one."""
    with database.write() as session:
        former = session.scalars(select(Read).where(Read.study_id == study_id, Read.current)).one()
        former.current = False
        session.flush()
        session.add(
            Read(
                study_id=study_id,
                verdict=verdict,
                reader=reader,
                read_at=former.read_at + timedelta(minutes=1),
                current=True,
                blinded=blinded,
            )
        )


def mark_blinded(database: Database, *study_ids: int) -> None:
    with database.write() as session:
        for read in session.scalars(select(Read).where(Read.study_id.in_(study_ids))):
            read.blinded = True


def test_blinded_reads_have_figures_of_their_own_also_when_read_again(
    database: Database,
) -> None:
    fill(database, FILMS)
    assert make(database).total.blinded is None
    assert "Blinded reads alone" not in render_text(make(database))
    mark_blinded(database, 1, 2, 3)
    read_again(database, 2, "not_tb", "reader", blinded=False)  # the reader saw the score and changed
    report = make(database, by=Grouping.STATION)
    every, blinded = report.total.agreement, report.total.blinded
    assert blinded is not None
    assert (every.true_positive, every.false_negative, every.true_negative) == (1, 0, 2)
    assert (blinded.read, blinded.unsure, blinded.screened) == (3, 0, 4)
    assert (blinded.true_positive, blinded.false_negative, blinded.true_negative) == (1, 1, 1)
    assert (blinded.sensitivity.value if blinded.sensitivity else None) == 0.5
    rooms = {group.name: group.blinded.read if group.blinded else 0 for group in report.groups}
    assert rooms == {"ROOM 1": 2, "ROOM 2": 1}
    assert "Blinded reads alone" in render_text(report)
    assert "blinded reads,all films,false negative,1,," in render_csv(report)


def test_blinded_readers_who_differ_are_unsure_and_undone_reads_are_none(database: Database) -> None:
    fill(database, FILMS)
    mark_blinded(database, 1, 4)
    read_again(database, 1, "not_tb", "another", blinded=True)
    with database.write() as session:
        undone = session.scalars(select(Read).where(Read.study_id == 4)).one()
        undone.withdrawn_at = undone.read_at
    blinded = make(database).total.blinded
    assert blinded is not None
    assert (blinded.read, blinded.unsure, blinded.readers_differ, blinded.true_positive) == (1, 1, 1, 0)
