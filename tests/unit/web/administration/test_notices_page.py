"""The pages on notices: what the command shows and sends again, in a browser."""

from __future__ import annotations

import threading

from sqlalchemy import select
from starlette.testclient import TestClient

from db.database import Database
from db.notices import notice_events, notice_outbox
from db.tables import Instance, Study
from notices.notice_round import NoticeRound
from tests.unit import rows
from tests.unit.notices.couriers import make_settings
from tests.unit.web.administration.conftest import Trail
from tests.unit.web.browsers import send

PAGE = "/administration/notices"


def tell(database: Database, occasion: int, *fields: str) -> tuple[int, Study]:
    """Park a notice on a HIGH finding of the newest film; return its number and the film's study."""
    receiver = {"url": "https://a.example", "secret_variable": "S", "patient_fields": fields}
    with database.write() as session:
        notice_events.clear(session)
        film = session.scalars(select(Instance).order_by(Instance.id.desc())).first()
        assert film is not None
        film.station_name = "CR<b>"
        notice_events.record_high_finding(session, occasion, film)
        study = film.study
    NoticeRound(database, make_settings(receiver), ()).make_due(threading.Event())
    with database.write() as session:
        (due,) = notice_outbox.lease_due(session, rows.LEASE, 99, "ops")
        notice_outbox.park(session, due.number, "status 422")
    return due.number, study


def test_notices_are_listed_shown_and_sent_again(admin: TestClient, peopled: Database, trail: Trail) -> None:
    plain, study = tell(peopled, 901)
    named, _ = tell(peopled, 902, "patient_id")
    patient_id = study.patient_id or ""
    assert patient_id
    listed = admin.get(f"{PAGE}?state=parked&receiver=ops&event=high_finding").text
    assert f'href="{PAGE}/{named}"' in listed
    assert f'href="{PAGE}/{named}"' not in admin.get(f"{PAGE}?state=delivered").text
    assert admin.get(f"{PAGE}?event=nonsense").status_code == 400
    shown = admin.get(f"{PAGE}/{plain}").text
    assert "CR&lt;b&gt;" in shown
    assert patient_id not in shown
    assert trail.accesses == []
    assert patient_id in admin.get(f"{PAGE}/{named}").text
    assert trail.accesses == [("ada", study.study_instance_uid, patient_id)]
    assert "All parked notices are sent again" in send(admin, f"{PAGE}/replay").text
    assert "1 notice is sent again." in send(admin, f"{PAGE}/replay", notice=named).text
    assert send(admin, f"{PAGE}/replay", delivered="yes").status_code == 422
    assert admin.get(f"{PAGE}/7777").status_code == 404
