"""Unread studies are counted by site, with the oldest HIGH one."""

from __future__ import annotations

from db.counts import unread_studies
from db.database import Database
from db.worklist import reads
from domain.codes import Finding, Priority, Verdict
from tests.unit import rows


def test_unread_studies_are_counted_by_site_those_with_high_first(database: Database) -> None:
    rows.register_model(database)
    priorities = {"1.1": Priority.LOW, "1.2": Priority.HIGH, "1.3": Priority.HIGH, "1.4": Priority.HIGH}
    for study, priority in priorities.items():
        site = "North" if study == "1.1" else "South"
        film = rows.receive_and_queue(database, f"{study}.1", study=study, institution_name=site)
        rows.screen(database, film, 0.5, Finding.PRESENT, priority)
    rows.receive(database, "1.5.1", study="1.5", institution_name=None)
    with database.write() as session:
        reads.record(session, "1.4", Verdict.TB, "rosa")
    with database.read() as session:
        counted = unread_studies.count_unread(session)
    assert [(site.site, site.high, site.studies) for site in counted] == [
        ("South", 2, 2),
        ("AE title MODALITY", 0, 1),
        ("North", 0, 1),
    ]
    assert counted[0].oldest_high == counted[0].oldest
    assert counted[1].oldest_high is None
