"""Studies of several films, corrected ones, and what stands in the history and on the scale."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from starlette.testclient import TestClient

from db.database import Database
from db.films import films
from db.models import site_thresholds
from db.models.site_thresholds import NAME
from db.models.threshold_groups import GROUP
from db.tables import Rendition, Screening
from db.worklist import reads, study_details
from db.worklist.studies import StudyHeader
from db.worklist.study_details import OperatingPoint, ScreeningDetails, StudyDetails
from domain.bundle.tb_score import MEANING
from domain.codes import Finding, Priority, Refusal, Verdict
from domain.percentages import format_percent
from domain.regions import CUT_OFF
from tests.unit import rows
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in, send_read
from tests.unit.web.conftest import HERE
from web.application import build_application
from web.pages.history import list_events
from web.pages.pages import format_day, format_moment, format_name, list_other_names
from web.pages.score_scale import draw_scale, list_points
from web.settings import WebSettings


def read_study(database: Database, uid: str = "1.2.3") -> StudyDetails:
    with database.read() as session:
        found = study_details.find_details(session, uid)
    assert found is not None
    return found


@pytest.fixture
def several(peopled: Database) -> Database:
    """A study with a harmless film, a suspicious one, a refused one, and a report of ours that came back."""
    rows.register_model(peopled)
    for uid, score, finding, priority in (
        ("1.2.3.1", 0.1, Finding.ABSENT, Priority.LOW),
        ("1.2.3.2", 0.9, Finding.PRESENT, Priority.HIGH),
    ):
        rows.screen(peopled, rows.receive_and_queue(peopled, uid), score, finding, priority)
    lateral = rows.receive(peopled, "1.2.3.3", view_position="LL").instance_id
    own = rows.receive(peopled, "1.2.3.4", modality="SR").instance_id
    with peopled.write() as session:
        films.refuse(session, lateral, Refusal.NOT_FRONTAL, "ViewPosition is LL")
        films.refuse(session, own, Refusal.OWN_OUTPUT, "ours")
    return peopled


def test_a_threshold_for_some_people_is_named_with_its_reason(client: TestClient, several: Database) -> None:
    reason = "threshold for women of 25 to 44 (812 enrolled, 31 with TB, 781 without)"
    record = {"operating_points": [], GROUP: {"table": NAME, "people": "women of 25 to 44", "reason": reason}}
    with several.write() as session:
        entry = site_thresholds.keep(session, rows.DIGEST, "me@here", record, lambda _: "0" * 64)
        session.execute(update(Screening).values(operating_point=entry.name))
    assert f"<small>{reason}</small>" in client.get("/studies/1.2.3").text


def test_the_most_suspicious_film_is_shown_and_each_can_be_chosen(
    client: TestClient, several: Database
) -> None:
    page = client.get("/studies/1.2.3").text
    assert '<span class="big">90</span>' in page
    assert 'data-film="/studies/1/films/2/film.jpg"' in page
    assert page.count("<li data-instance=") == 3, "what is ours is not listed"
    assert 'href="/studies/1?film=2" aria-current="true"' in page
    harmless = client.get("/studies/1.2.3?film=1").text
    assert 'data-film="/studies/1/films/1/film.jpg"' in harmless
    assert "Not screened: not frontal" in client.get("/studies/1.2.3?film=3").text
    assert 'data-film="/studies/1/films/2/film.jpg"' in client.get("/studies/1.2.3?film=999").text


def test_other_studies_of_the_patient_id_and_the_site_s_viewer_are_linked(peopled: Database) -> None:
    rows.register_model(peopled)
    for uid in ("1.2.3", "1.2.4"):
        header = StudyHeader(uid, patient_id="P-7", patient_name=f"Name of {uid}", study_date="20260102")
        rows.screen(peopled, rows.receive_and_queue(peopled, f"{uid}.1", study=header))
    address = "https://pacs.example/show?uid={study_instance_uid}"
    for blinded in (False, True):
        settings = WebSettings(viewer_url=address, blinded_reading=blinded)
        with TestClient(build_application(peopled, "1.2.3", settings), base_url=HERE) as browser:
            page = let_in(browser, peopled).get("/studies/1").text
        assert '<a href="/studies/2">2026-01-02</a> Name of 1.2.4' in page
        assert page.count(">HIGH</span>") == (0 if blinded else 2)
        assert ("https://pacs.example/show?uid=1.2.3" in page) is not blinded, (
            "the archive may hold the report"
        )


def test_the_outlines_of_the_reports_come_with_the_heat_of_a_finding(
    client: TestClient, peopled: Database
) -> None:
    reading_room.fill(peopled, reading_room.MORNING[:6])
    heat = client.get("/studies/1/films/1/heat.json").json()
    assert heat["cut_off"] == CUT_OFF
    places = [place for outline in heat["outlines"] for place in outline]
    assert len(places) > 4
    assert all(0 <= x <= 1000 and 0 <= y <= 1000 for x, y in places)
    # The opacity of the drawn film is centred at 34 % of its width and 30 % of its height.
    assert abs(sum(x for x, _ in places) / len(places) - 340) < 60
    with peopled.write() as session:
        session.execute(update(Screening).values(finding=Finding.ABSENT.value))
    assert client.get("/studies/1/films/1/heat.json").json()["outlines"] == []


def test_a_picture_that_was_deleted_is_said_to_be_so(client: TestClient, several: Database) -> None:
    with several.write() as session:
        session.execute(delete(Rendition))
    page = client.get("/studies/1.2.3").text
    assert (
        "The picture was deleted some time after the study was read. The film itself is in the PACS." in page
    )
    assert 'data-film=""' in page
    assert "not prepared yet" not in page


def test_the_pages_show_the_tb_score_with_its_meaning_and_percentages_only_behind_it(
    client: TestClient, several: Database
) -> None:
    page = client.get("/studies/1.2.3").text
    assert page.count(MEANING) == 1
    shown, _, behind = page.partition("Numbers behind it")
    assert "90.0 %" not in shown
    assert "90.0 %" in behind
    assert ">0.900<" in behind
    worklist = client.get("/").text
    assert worklist.count(MEANING) == 1
    assert ">90\n" in worklist
    assert "90.0 %" not in worklist


def test_an_untrained_model_has_no_bar_and_no_score(client: TestClient, peopled: Database) -> None:
    rows.register_model(peopled, trained=False)
    rows.screen(peopled, rows.receive_and_queue(peopled), 0.9, Finding.UNDETERMINED, Priority.MEDIUM)
    page = client.get("/studies/1.2.3").text
    assert '<span class="big">—</span>' in page
    assert "The model is untrained: its score means nothing." in page
    assert '<svg class="scale"' not in page
    assert MEANING not in page


@pytest.mark.parametrize("uid", ["1.2.003", "1.2.3\\1.2.4", "a/b/reads", "x<b>&", "5", "é #"])
def test_a_study_is_addressed_by_our_key_whatever_its_uid(
    client: TestClient, peopled: Database, uid: str
) -> None:
    rows.register_model(peopled)
    instance_id = rows.receive(peopled, "1.2.9.1", study=uid).instance_id
    rows.queue(peopled, instance_id)
    rows.screen(peopled, instance_id)
    key = read_study(peopled, uid).key
    assert f'href="/studies/{key}"' in client.get("/").text
    page = client.get(f"/studies/{key}")
    assert page.status_code == 200
    assert html.escape(uid, quote=False) in page.text
    assert "<b>" not in page.text
    assert f'data-film="/studies/{key}/films/{instance_id}/film.jpg"' in page.text
    assert client.get(f"/studies/{key}/films/{instance_id}/film.jpg").status_code == 200
    assert send_read(client, f"/studies/{key}", verdict="tb").status_code == 201
    assert "read as TB by rosa" in client.get(f"/studies/{key}").text
    assert client.get(f"/studies/{key + 1}").status_code == 404
    assert client.get(f"/studies/{2**31}").status_code == 404


def test_a_corrected_film_takes_the_place_of_the_first_one_by_its_result(
    client: TestClient, several: Database
) -> None:
    corrected = rows.receive_and_queue(several, "1.2.3.2", "other pixels")
    page = client.get("/studies/1.2.3").text
    assert "revision 2: queued" in page
    assert 'data-film="/studies/1/films/2/film.jpg"' in page, "the first stands until the other has a result"
    rows.screen(several, corrected, 0.05, Finding.ABSENT, Priority.LOW)
    page = client.get("/studies/1.2.3").text
    assert "superseded, revision 1" in page
    assert 'data-film="/studies/1/films/1/film.jpg"' in page, "the most suspicious that stands"
    assert "received as revision 2" in page


def test_a_revision_that_failed_is_shown_beside_the_result_that_stands(
    client: TestClient, several: Database
) -> None:
    damaged = rows.receive(several, "1.2.3.2", "damaged").instance_id
    with several.write() as session:
        films.refuse(session, damaged, Refusal.UNDECODABLE, "cut short")
    page = client.get("/studies/1.2.3").text
    assert '<span class="big">90</span>' in page
    assert "revision 2: undecodable" in page
    assert "A newer revision of this film could not be screened" in page


def test_a_film_after_the_read_is_told(client: TestClient, several: Database) -> None:
    with several.write() as session:
        reads.record(session, "1.2.3", Verdict.NOT_TB, "rosa")
    assert "A film came after the last read" not in client.get("/studies/1.2.3").text
    rows.receive(several, "1.2.3.9")
    assert "A film came after the last read" in client.get("/studies/1.2.3").text
    assert "a film came after it" in client.get("/").text


def test_the_history_is_everything_newest_first(peopled: Database) -> None:
    reading_room.fill(peopled, reading_room.MORNING[10:11])
    events = list_events(read_study(peopled, "1.2.1"))
    assert [event.what for event in events] == [
        "read as TB by rosa",
        "SR delivered to pacs",
        "screened: present",
        "queued",
        "prepared",
        "received",
    ]
    assert [event.at for event in events] == sorted((event.at for event in events), reverse=True)


def test_a_refusal_and_its_report_are_in_the_history(several: Database) -> None:
    what = [event.what for event in list_events(read_study(several))]
    assert "film 3 refused: not frontal" in what
    assert not any("film 4" in text for text in what)


def make_screening(**changes: object) -> ScreeningDetails:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    points = [OperatingPoint("screening", 0.3, 0.9, 0.8), OperatingPoint("rule_in", 0.6, 0.8, 0.9)]
    made = ScreeningDetails(
        score=0.75,
        probability=0.5,
        threshold=0.4,
        calibrated_threshold=0.1,
        operating_point="screening",
        finding="present",
        priority="HIGH",
        model="m",
        model_version="1",
        model_digest="d",
        trained=True,
        operating_points=points,
        prevalence=0.1,
        started_at=moment,
        finished_at=moment + timedelta(seconds=1),
        has_heat=False,
        tb_score=84,
        threshold_for=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_scale_has_both_thresholds_and_the_score_on_one_bar() -> None:
    scale = draw_scale(63)
    assert scale.position == 189.0
    assert scale.bands == (("low", 0.0, 150.0), ("medium", 150.0, 75.0), ("high", 225.0, 75.0))
    assert scale.thresholds == (("screening", 50, 150.0), ("rule-in", 75, 225.0))
    assert scale.label == "TB score 63 of 100; screening threshold 50; rule-in threshold 75"
    assert [draw_scale(end).position for end in (0, 100)] == [0.0, 300.0]


def test_operating_points_are_listed_with_the_threshold_that_was_used() -> None:
    points = list_points(make_screening())
    assert [(point.name, point.threshold) for point in points] == [("screening", 0.4), ("rule_in", 0.6)]
    assert [point.name for point in list_points(make_screening(threshold=0.7))] == ["screening"]
    assert [point.name for point in list_points(make_screening(operating_points=[]))] == ["screening"]


def test_names_days_and_probabilities_are_written_for_people() -> None:
    assert format_name("Doe^Jane^Q^Dr^") == "Doe, Jane Q"
    assert format_name("Yamada^Tarou=山田^太郎=やまだ^たろう") == "Yamada, Tarou"
    assert format_name("=山田^太郎") == "山田, 太郎"
    assert list_other_names("Yamada^Tarou=山田^太郎=やまだ^たろう") == ["山田 太郎", "やまだ たろう"]
    assert [list_other_names(name) for name in (None, "", "^=^", "Doe^Jane", "=山田^太郎")] == [[]] * 5
    assert [format_name(name) for name in (None, "", "^", "Doe", "^Jane")] == ["—", "—", "—", "Doe", "Jane"]
    assert [format_day(day) for day in ("20260301", "2026", None)] == ["2026-03-01", "2026", "—"]
    probabilities = (None, 0.0, 0.0004, 0.5, 0.9996, 1.0)
    assert [format_percent(probability) for probability in probabilities] == [
        "—",
        "0.0 %",
        "< 0.1 %",
        "50.0 %",
        "> 99.9 %",
        "100.0 %",
    ]
    assert "2026-01-01 00:00:00 UTC" in format_moment(datetime(2026, 1, 1, tzinfo=UTC))
