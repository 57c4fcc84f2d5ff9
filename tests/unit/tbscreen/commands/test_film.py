"""`tbscreen film`: one film's history from the database, found by UID, by a report's UID, and by its id."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from db.database import Database
from db.delivery import commitment_requests, commitments, deliveries
from db.films import film_history, films
from domain.codes import Refusal
from domain.film_key import film_key
from tests.unit import rows
from tests.unit.tbscreen.conftest import Cli


def deliver(database: Database, uid: str) -> str:
    """Screen a film, and have its report put off once, delivered and committed; returns the report's UID."""
    rows.screen(database, rows.receive_and_queue(database, uid))
    (report,) = rows.report(database, ["pacs"])
    with database.write() as session:
        (due,) = deliveries.lease_due(session, rows.LEASE, 9)
        deliveries.retry_later(session, due.delivery_id, timedelta(0), "nothing answers")
        deliveries.mark_delivered(session, due.delivery_id)
        commitments.want(session, due.delivery_id, timedelta(0))
        commitment_requests.begin(session, "pacs", "2.25.99", timedelta(minutes=1), 9)
        commitment_requests.record_answer(session, "2.25.99", {report}, {})
    return report


WAY = [
    "offered",
    "received",
    "prepared",
    "queued",
    "prediction began",
    "screened",
    "report built",
    "postponed",
    "delivered",
    "commitment asked",
    "commitment committed",
]


def test_a_film_is_found_by_its_uid_its_reports_and_its_id(quick_cli: Cli, installed: Database) -> None:
    rows.register_model(installed)
    report = deliver(installed, "1.2.3.1")
    rows.receive(installed, "1.2.3.2")

    for named in ("1.2.3.1", report, film_key("1.2.3.1"), film_key("1.2.3.1")[:12].upper()):
        run = quick_cli("film", named, "--json")
        assert run.returncode == 0, run.stderr
        (history,) = json.loads(run.stdout)
        assert history["film_key"] == film_key("1.2.3.1")
        assert [event["what"] for event in history["happenings"]] == WAY
        assert history["happenings"][-4]["details"]["why"] == "nothing answers"
    assert "Doe" not in run.stdout, "no patient's name"

    shown = quick_cli("film", "1.2.3.1").stdout
    assert f"film {film_key('1.2.3.1')[:12]}, screened" in shown
    assert "commitment committed" in shown


def test_a_refused_film_and_its_correction_have_a_history_each(quick_cli: Cli, installed: Database) -> None:
    first = rows.receive(installed).instance_id
    with installed.write() as session:
        films.refuse(session, first, Refusal.NOT_CHEST, "a hand")
    rows.receive(installed, content="other pixels")

    histories = json.loads(quick_cli("film", "1.2.3.1", "--json").stdout)
    refused, corrected = ([event["what"] for event in history["happenings"]] for history in histories)
    assert refused == ["offered", "received", "refused"]
    assert corrected == ["offered", "received"]
    assert histories[0]["happenings"][-1]["details"] == {"refusal": "not_chest", "why": "a hand"}


@pytest.mark.parametrize(
    ("named", "said"),
    [("1.2.3.9", "no such film"), ("0123456789ab", "no such film"), ("MR-17", "give a SOP Instance UID")],
)
def test_what_is_no_film_is_said(quick_cli: Cli, installed: Database, named: str, said: str) -> None:
    run = quick_cli("film", named)
    assert run.returncode == 1
    assert said in run.stderr


def test_a_film_is_found_by_its_id_among_many_parts(
    installed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(film_history, "SCANNED_AT_ONCE", 2)
    for number in range(5):
        rows.receive(installed, f"1.2.3.{number}")
    with installed.read() as session:
        found = film_history.find_by_id(session, film_key("1.2.3.0")[:12])
        assert found == ["1.2.3.0"]
        assert film_history.find_by_id(session, "0" * 12) == []
