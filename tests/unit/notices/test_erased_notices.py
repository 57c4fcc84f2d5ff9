"""Notices that are erased while they are sent, on SQLite, which gives their numbers to the next ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from sqlalchemy import select

from db.database import Database
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from db.notices import notice_outbox
from db.notices.notice_outbox import DueNotice
from db.tables import Instance
from notices.notice_attempt import NoticeAttempt
from notices.notice_courier import NoticeOutbox
from notices.notice_round import NoticeRound
from notices.notice_settings import NoticeSettings
from sending.outbox_loop import OutboxLoop, Pace
from sending.send_result import SendResult
from tests.unit import rows
from tests.unit.notices.couriers import look, make_settings, screen

PACE = Pace(0.02, 60.0, 60.0, 50, 60.0, lambda _: 60.0)


class ErasedMeanwhile(NoticeOutbox):
    """Sends the first notice of a batch; meanwhile the patients are erased, and others' notices come."""

    def __init__(self, database: Database, settings: NoticeSettings, result: SendResult) -> None:
        super().__init__(settings, None)
        self._database, self._settings, self._result = database, settings, result

    def send(self, receiver: str, rows: Sequence[DueNotice]) -> Iterator[NoticeAttempt]:
        """Return one attempt."""
        with self._database.write() as session:
            patient_data.erase(session, PatientData(films=list(session.scalars(select(Instance.id)))))
        fresh = lease_notices(self._database, self._settings, [3, 4])
        assert [row.number for row in fresh] == [row.number for row in rows]
        yield NoticeAttempt(rows[0], self._result, "status 422")


def lease_notices(database: Database, settings: NoticeSettings, films: Sequence[int]) -> list[DueNotice]:
    """Lease the notices of new films."""
    for film in films:
        screen(database, film)
    NoticeRound(database, settings, ()).make_due(threading.Event())
    with database.write() as session:
        return notice_outbox.lease_due(session, rows.LEASE, 9, "ops")


@pytest.mark.parametrize("result", SendResult)
def test_what_ends_is_not_recorded_for_the_notices_that_have_the_numbers_now(
    sqlite_database: Database, result: SendResult
) -> None:
    """The first of two notices ends, and the second is handed back: both are other patients' by then."""
    rows.register_model(sqlite_database)
    settings = make_settings({"url": "https://a.example/", "secret_variable": "HOOK"})
    outbox = ErasedMeanwhile(sqlite_database, settings, result)
    loop = OutboxLoop(sqlite_database, outbox, ["ops"], PACE)
    batch = lease_notices(sqlite_database, settings, [1, 2])
    with closing(loop.jobs):
        loop.send({"ops": batch})
    assert [(row.state, row.attempts, row.last_error) for row in look(sqlite_database)] == [
        ("pending", 1, None)
    ] * 2
    with sqlite_database.write() as session:
        assert not notice_outbox.lease_due(session, rows.LEASE, 9, "ops"), "another courier has them"
