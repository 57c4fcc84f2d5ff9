"""Studies of several films, corrected ones, and what stands in the history and on the scale."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from db.database import Database
from db.films import films
from db.worklist import reads, study_details
from db.worklist.study_details import OperatingPoint, ScreeningDetails, StudyDetails
from domain.codes import Finding, Priority, Refusal, Verdict
from domain.percentages import format_percent
from tests.unit import rows
from tests.unit.web import reading_room
from tests.unit.web.browsers import send
from web.pages.history import list_events
from web.pages.pages import format_day, format_moment, format_name
from web.pages.score_scale import draw_scale


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


def test_the_most_suspicious_film_is_shown_and_each_can_be_chosen(
    client: TestClient, several: Database
) -> None:
    page = client.get("/studies/1.2.3").text
    assert "90.0 %" in page
    assert 'data-film="/studies/1/films/2/film.jpg"' in page
    assert page.count("?film=") == 3, "what is ours is not listed"
    assert 'href="/studies/1?film=2" aria-current="true"' in page
    harmless = client.get("/studies/1.2.3?film=1").text
    assert 'data-film="/studies/1/films/1/film.jpg"' in harmless
    assert "Not screened: not frontal" in client.get("/studies/1.2.3?film=3").text
    assert 'data-film="/studies/1/films/2/film.jpg"' in client.get("/studies/1.2.3?film=999").text


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
    answer = send(client, f"/studies/{key}/reads", verdict="tb")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/studies/{key}")
    assert "read as TB by rosa" in client.get(f"/studies/{key}").text
    assert client.get(f"/studies/{key + 1}").status_code == 404
    assert client.get(f"/studies/{2**31}").status_code == 404


def test_a_corrected_film_takes_the_place_of_the_first_one(client: TestClient, several: Database) -> None:
    rows.receive(several, "1.2.3.2", "other pixels")
    page = client.get("/studies/1.2.3").text
    assert "superseded, revision 1" in page
    assert 'data-film="/studies/1/films/1/film.jpg"' in page, "the one that is still current"
    assert "received as revision 2" in page


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
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_scale_is_drawn_with_the_threshold_that_was_used() -> None:
    scale = draw_scale(make_screening())
    assert scale.position == 225.0
    assert scale.bands == [
        ("low", 0.0, 120.0),
        ("medium", 120.0, pytest.approx(60.0)),
        ("high", 180.0, pytest.approx(120.0)),
    ]
    assert [(point.name, point.threshold, at) for point, at in scale.points] == [
        ("screening", 0.4, 120.0),
        ("rule_in", 0.6, 180.0),
    ]
    assert scale.label == "Score 0.750 of 1; screening from 0.400; rule-in from 0.600"


def test_a_scale_has_no_rule_in_below_the_reported_point_and_no_bands_untrained() -> None:
    assert [name for name, _, _ in draw_scale(make_screening(threshold=0.7)).bands] == ["low", "high"]
    assert [name for name, _, _ in draw_scale(make_screening(operating_points=[])).bands] == ["low", "high"]
    assert draw_scale(make_screening(trained=False)).bands == [("none", 0.0, 300.0)]


def test_names_days_and_probabilities_are_written_for_people() -> None:
    assert format_name("Doe^Jane^Q^Dr^") == "Doe, Jane Q"
    assert format_name("Yamada^Tarou=山田^太郎=やまだ^たろう") == "Yamada, Tarou"
    assert format_name("=山田^太郎") == "山田, 太郎"
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
