"""Erasure on the page: the patient ID is typed twice, the record is kept, and the list names nobody."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from db.database import Database
from db.delivery import deliveries
from db.tables import Delivery, Study
from db.worklist.studies import StudyHeader
from domain.film_key import film_key
from tbscreen.administration.local_installation import LocalInstallation
from tbscreen.settings import load_settings
from tests.unit import rows
from tests.unit.web.browsers import let_in, send
from tests.unit.web.conftest import HERE
from web.access.audit import NoAuditTrail
from web.application import build_application

ERASURES = "/administration/erasures"
JANE = StudyHeader("1.2.777", "ACC777", "P777", patient_name="Doe^Jane")
MARY = StudyHeader("1.3", "ACC888", "P888", patient_name="Roe^Mary")
WISH = {"patient_id": "P777", "reason": "request of 3 March"}


class Trail(NoAuditTrail):
    """Keeps decisions on patients."""

    def __init__(self) -> None:
        self.records: list[tuple[Any, ...]] = []

    def record_reconciliation(self, *record: Any) -> None:
        """Keep a record."""
        self.records.append(record)


@pytest.fixture
def trail() -> Trail:
    """An audit trail in memory."""
    return Trail()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory of the page's host."""
    return tmp_path / "data"


@pytest.fixture
def ada(peopled: Database, trail: Trail, data: Path) -> TestClient:
    """A browser in which `ada` is logged in, over films of Jane and Mary."""
    rows.register_model(peopled)
    for uid, header in (("1.2.777.1", JANE), ("1.3.1", MARY)):
        path = f"ab/{film_key(uid)}.dcm"
        rows.screen(peopled, rows.receive_and_queue(peopled, uid, study=header, spool_path=path))
    rows.report(peopled, ["pacs"])
    with peopled.write() as session:
        for delivery in session.scalars(select(Delivery.id)).all():
            deliveries.mark_delivered(session, delivery)
    here = LocalInstallation(load_settings(data_directory=data), peopled)
    application = build_application(peopled, "1.2.3", audit=trail, installation=here)
    return let_in(TestClient(application, base_url=HERE), peopled, "ada")


def list_patients(database: Database) -> list[str | None]:
    with database.read() as session:
        return sorted(session.scalars(select(Study.patient_id)), key=str)


def test_nothing_goes_before_the_patient_id_is_typed_again(
    ada: TestClient, peopled: Database, trail: Trail
) -> None:
    asked = send(ada, ERASURES, **WISH)
    assert "<dt>Studies</dt><dd>1</dd>" in asked.text
    assert "were sent to pacs" in asked.text
    for again in ("", "P888", "yes"):
        assert "not the same patient ID" in send(ada, ERASURES, **WISH, again=again).text
    assert list_patients(peopled) == ["P777", "P888"]
    assert trail.records == []


def test_an_erasure_is_recorded_and_the_list_names_nobody(
    ada: TestClient, peopled: Database, trail: Trail, data: Path
) -> None:
    done = send(ada, ERASURES, **WISH, again=" P777 ")
    assert done.status_code == 200, done.text
    assert list_patients(peopled) == ["P888"]
    ((user, _, change, patients, studies),) = trail.records
    assert (user, patients, studies) == ("ada", ["P777"], ["1.2.777"])
    assert change.startswith("patient erased: ")
    assert "1 instances" in change
    page = ada.get(ERASURES).text
    assert "request of 3 March" in page
    assert "ada (page)" in page
    register = (data / "erasures.jsonl").read_text("utf-8")
    for trace in ("P777", "p777", "1.2.777", "Jane"):
        assert trace not in page + register + done.text


def test_an_erasure_is_told_in_the_user_s_language(ada: TestClient) -> None:
    ada.headers["Accept-Language"] = "fr"
    done = send(ada, ERASURES, **WISH, again="P777")
    told = [line for line in done.text.splitlines() if "examens : 1" in line]
    assert len(told) == 2, "the message and the list name the rows"
    assert all("clichés : 1" in line for line in told)
    assert not re.search(r"\b(instances|studies|screenings|deliveries|outbox)\b", " ".join(told))


def test_what_cannot_be_erased_is_told(ada: TestClient, peopled: Database) -> None:
    assert "There is nothing about this patient ID." in send(ada, ERASURES, **WISH | {"patient_id": "X"}).text
    assert send(ada, ERASURES, patient_id="P777", again="P777").status_code == 422
    rows.receive(
        peopled, "1.2.777.2", study=StudyHeader("1.2.777", "ACC777", "P999", patient_name="Poe^Edgar")
    )
    mixed = send(ada, ERASURES, **WISH, again="P777")
    assert (mixed.status_code, "films of different patients" in mixed.text) == (409, True)
    ada.headers["Accept-Language"] = "fr"
    assert "des clichés de patients différents" in send(ada, ERASURES, **WISH, again="P777").text
    assert list_patients(peopled) == ["P777", "P888"]
