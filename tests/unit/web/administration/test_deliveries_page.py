"""The pages on deliveries and HL7 messages: what the command shows and sends again, in a browser."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from db.database import Database
from db.delivery import deliveries, delivery_events, outbox, report_objects
from db.hl7 import hl7_messages
from db.states import DeliveryState
from db.tables import Delivery, ReportObject, Study
from dicom_gateway.hl7.message_round import MessageRound
from dicom_gateway.hl7.message_settings import MessageSettings
from dicom_gateway.results.structured_report import build_report
from dicom_gateway.settings import CourierSettings
from tests import screened_films
from tests.films import real_film
from tests.unit import rows
from tests.unit.web.administration.conftest import Trail
from tests.unit.web.browsers import send

PAGE = "/administration/deliveries"


@pytest.fixture
def parked(peopled: Database, admin: TestClient) -> int:
    """The number of a parked delivery of the second film of the morning."""
    with peopled.write() as session:
        assert deliveries.replay(session, [2], delivered=True) == 1
        (due,) = deliveries.lease_due(session, rows.LEASE, 9)
        deliveries.park(session, due.delivery_id, "status 0xA900")
    return due.delivery_id


def list_numbers(page: str) -> list[int]:
    """Return the numbers of the deliveries that a page lists."""
    return [int(number) for number in re.findall(rf'href="{PAGE}/(\d+)"', page)]


def test_deliveries_are_listed_by_state_peer_kind_and_day(admin: TestClient, parked: int) -> None:
    every = list_numbers(admin.get(PAGE).text)
    assert len(every) > 5
    assert every == sorted(every, reverse=True)
    assert list_numbers(admin.get(f"{PAGE}?state=parked").text) == [parked]
    assert list_numbers(admin.get(f"{PAGE}?peer=nobody").text) == []
    assert list_numbers(admin.get(f"{PAGE}?kind=refusal&state=&peer=&since=").text) == []
    assert list_numbers(admin.get(f"{PAGE}?since=2999-01-01").text) == []
    assert list_numbers(admin.get(f"{PAGE}?before={every[2]}").text) == every[3:]
    for wrong in ("state=lost", "kind=pdf", "since=yesterday"):
        assert admin.get(f"{PAGE}?{wrong}").status_code == 400


def test_a_parked_delivery_is_sent_again_in_the_user_s_name(
    admin: TestClient, peopled: Database, parked: int
) -> None:
    answer = send(admin, f"{PAGE}/replay")
    assert "1 parked deliveries are sent again" in answer.text, "it asks first"
    assert read_state(peopled, parked) == "parked"
    done = send(admin, f"{PAGE}/replay", sure="yes")
    assert "1 parked report is sent again." in done.text
    assert read_state(peopled, parked) == "pending"
    with peopled.read() as session:
        event = delivery_events.list_events(session, parked)[-1]
    assert (event.event, event.detail) == ("pending", "by hand, ada")
    assert "Not done: delivery" in send(admin, f"{PAGE}/{parked}/replay").text, "it is not parked any more"


def test_a_replay_is_told_in_the_user_s_language(admin: TestClient, parked: int) -> None:
    admin.headers["Accept-Language"] = "fr"
    assert "1 rapport suspendu est renvoyé." in send(admin, f"{PAGE}/replay", sure="yes").text
    again = send(admin, f"{PAGE}/{parked}/replay").text
    assert f"Non fait : la livraison {parked} n’est pas suspendue ; son état : en attente." in again


def test_delivered_objects_are_sent_again_to_a_named_peer_alone(
    admin: TestClient, peopled: Database, parked: int
) -> None:
    assert send(admin, f"{PAGE}/replay", delivered="yes").status_code == 422
    with peopled.read() as session:
        peer = session.scalars(select(Delivery.peer)).first()
        before = len(session.scalars(select(Delivery).where(Delivery.state == DeliveryState.PENDING)).all())
    assert before == 0
    question = send(admin, f"{PAGE}/replay", delivered="yes", peer=peer).text
    assert f"parked or delivered deliveries are sent again to {peer}" in question
    assert f'name="peer" value="{peer}"' in question, "the question repeats the form"
    send(admin, f"{PAGE}/replay", delivered="yes", peer=peer, sure="yes")
    with peopled.read() as session:
        assert not session.scalars(select(Delivery).where(Delivery.state != DeliveryState.PENDING)).all()


def test_one_delivery_shows_what_its_object_says_and_the_view_is_recorded(
    admin: TestClient, peopled: Database, trail: Trail
) -> None:
    number = deliver_a_real_report(peopled)
    page = admin.get(f"{PAGE}/{number}").text
    assert "Certainty of Finding = 90.0 %" in page
    assert "COMPLETE, UNVERIFIED" in page
    with peopled.read() as session:
        study = session.scalars(select(Study).order_by(Study.id.desc())).first()
        assert study is not None
    assert f'href="/studies/{study.study_instance_uid}"' in page
    assert trail.accesses == [("ada", study.study_instance_uid, study.patient_id or "")]
    assert admin.get(f"{PAGE}/{number + 1}").status_code == 404
    assert admin.get(f"{PAGE}/99999999999").status_code == 404


@pytest.mark.parametrize("damage", [b"no DICOM", b"", "cut"])
def test_a_stored_object_that_cannot_be_read_is_told(
    admin: TestClient, peopled: Database, damage: bytes | str
) -> None:
    number = deliver_a_real_report(peopled)
    with peopled.write() as session:
        uid = session.get_one(Delivery, number).sop_instance_uid
        stored = session.scalars(select(ReportObject).where(ReportObject.sop_instance_uid == uid)).one()
        stored.part10 = stored.part10[:400] if isinstance(damage, str) else damage
    page = admin.get(f"{PAGE}/{number}")
    assert page.status_code == 200
    assert "Not shown: the stored object cannot be read as DICOM" in page.text
    assert "<h2>History</h2>" in page.text
    admin.headers["Accept-Language"] = "fr"
    assert "Non affiché : l’objet enregistré n’est pas lisible en DICOM" in admin.get(f"{PAGE}/{number}").text


def test_messages_are_listed_shown_and_sent_again(admin: TestClient, peopled: Database, trail: Trail) -> None:
    receivers = [{"name": "ris", "host": "h", "port": 1}]
    settings = MessageSettings.model_validate({"receivers": receivers})
    MessageRound(peopled, settings, CourierSettings()).make_due(threading.Event())
    with peopled.write() as session:
        (due,) = hl7_messages.lease_due(session, timedelta(minutes=5), 1, "ris")
        hl7_messages.park(session, due.message_id, "AE 101: <b>", "AE")
    parked = f"/administration/messages/{due.message_id}"
    listed = admin.get("/administration/messages?state=parked&receiver=ris").text
    assert f'href="{parked}"' in listed
    assert "AE 101: &lt;b&gt;" in listed
    assert parked not in admin.get("/administration/messages?state=delivered").text
    assert "Okafor^Chidi" in admin.get(parked).text
    assert trail.accesses == [("ada", "1.2.1", "P-4137")]
    assert "All parked messages are sent again" in send(admin, "/administration/messages/replay").text
    done = send(admin, "/administration/messages/replay", message=due.message_id)
    assert "1 HL7 message is sent again." in done.text
    assert send(admin, "/administration/messages/replay", delivered="yes").status_code == 422
    assert admin.get("/administration/messages/77").status_code == 404


def deliver_a_real_report(database: Database) -> int:
    """Screen a real film, build its SR, and return the number of its delivery."""
    screened_films.activate_model(database)
    screened_films.screen(database, screened_films.receive(database, real_film()))
    with database.write() as session:
        entries = outbox.lease(session, rows.LEASE, 99)
        report = build_report(entries[-1], None, CourierSettings(), "9.9")
        report_objects.store(session, report, ["pacs"], screening_id=entries[-1].screening_id)
    with database.read() as session:
        number = session.scalar(select(Delivery.id).order_by(Delivery.id.desc()))
    assert number is not None
    return number


def read_state(database: Database, number: int) -> str:
    """Return the state of a delivery."""
    with database.read() as session:
        return session.get_one(Delivery, number).state
