"""Blinded reading: until a reader's own read of a study, no answer tells its result."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from httpx import Response
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from db.accounts import users
from db.database import Database
from db.tables import Delivery, HeatMap, Instance, Read, Screening, Study
from db.worklist import claims, reads
from domain.codes import Verdict
from reports.settings import ReportSettings
from tbscreen.processes.report_page import build_report_page
from tests.unit import rows
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in, send, send_read
from tests.unit.web.conftest import HERE
from tests.unit.web.rest.test_rest import issue
from web.application import build_application
from web.settings import WebSettings

BLINDED: Final = WebSettings(blinded_reading=True)

FILM: Final = "/studies/{uid}/films/{film:int}"
ASKED: Final[dict[str, tuple[str, ...]]] = {
    "/login": ("/login",),
    "/": ("/", "/?text=novak", "/?state=screened&read=no", "/?priority=MEDIUM", "/?finding=present"),
    "/studies/ahead": ("/studies/ahead?studies=1,2,3",),
    "/studies/{uid}": ("/studies/1", "/studies/2", "/studies/1.2.3", "/studies/1?film=1"),
    f"{FILM}/film.jpg": ("/studies/1/films/1/film.jpg",),
    f"{FILM}/tile.jpg": ("/studies/1/films/1/tile.jpg",),
    f"{FILM}/heat.json": ("/studies/1/films/1/heat.json",),
    "/fonts/NotoSansDevanagari-Regular.ttf": ("/fonts/NotoSansDevanagari-Regular.ttf",),
    "/account": ("/account",),
    "/patients": ("/patients",),
    "/report": ("/report",),
    "/report/document": ("/report/document",),
    "/report/disagreements": ("/report/disagreements",),
    "/api/v1/openapi.json": ("/api/v1/openapi.json",),
    "/api/docs": ("/api/docs",),
    "/healthz": ("/healthz",),
    "/readyz": ("/readyz",),
} | {
    root + path: tuple(root + address for address in addresses)
    for root in ("/api/v1", "/api")
    for path, addresses in {
        "/worklist": (
            "/worklist",
            "/worklist?limit=1",
            "/worklist?station=ROOM*&limit=2",
            "/worklist?priority=HIGH",
            "/worklist?finding=absent",
        ),
        "/report": ("/report", "/report?format=csv"),
        "/studies/{uid:path}": ("/studies/1.2.1", "/studies/1.2.3"),
        "/studies/{uid:path}/films/{film:int}/film.jpg": ("/studies/1.2.1/films/1/film.jpg",),
        "/studies/{uid:path}/films/{film:int}/heat.json": ("/studies/1.2.1/films/1/heat.json",),
    }.items()
}
"""Addresses that are asked for, by the path that answers GET."""


def build(database: Database, settings: WebSettings = BLINDED) -> Starlette:
    report = build_report_page(database, ReportSettings(timezone="UTC"), "1.2.3")
    return build_application(database, "1.2.3", settings, render_report=report)


@pytest.fixture
def read_by_ben(peopled: Database) -> Database:
    """Three screened studies, MEDIUM, LOW and LOW; the last is read by ben, who saw the score and says so."""
    reading_room.fill(peopled, reading_room.MORNING[4:7])
    with peopled.write() as session:
        reads.record(session, "1.2.3", Verdict.NOT_TB, "ben", "the AI says 30")
    return peopled


@pytest.fixture
def blinded(read_by_ben: Database) -> Iterator[TestClient]:
    """A browser and a program of `rosa`, who reads blinded by the site's setting."""
    with TestClient(build(read_by_ben), base_url=HERE) as made:
        made.headers.update(issue(read_by_ben))
        yield let_in(made, read_by_ben)


def change_results(database: Database) -> None:
    """Give each study another result, without HIGH; each delivery failed, and ben says something else."""
    with database.write() as session:
        session.execute(
            update(Screening).values(
                score=1 - Screening.score, probability=0.55, priority="MEDIUM", finding="present"
            )
        )
        session.execute(
            update(Study).values(
                probability=0.55,
                sort_probability=0.55,
                priority="MEDIUM",
                priority_rank=2,
                finding="present",
            )
        )
        session.execute(update(Instance).values(doubts=["guard_unsure"]))
        session.execute(update(HeatMap).values(cells=bytes(196)))
        session.execute(update(Delivery).values(state="parked", delivered_at=None, last_error="x"))
        session.execute(update(Read).values(comment="the AI says 61", verdict="tb"))
        session.execute(update(Study).where(Study.verdict.is_not(None)).values(verdict="tb"))


def ask_all(client: TestClient) -> dict[str, tuple[int, list[tuple[str, str]], bytes]]:
    """Return status, headers and body of everything that is asked for."""
    answers = {}
    for address in (address for addresses in ASKED.values() for address in addresses):
        answer = client.get(address, follow_redirects=False)
        answers[address] = (answer.status_code, sorted(answer.headers.items()), answer.content)
    return answers


def list_changed(client: TestClient, database: Database) -> list[str]:
    """Return the addresses whose answers change with the results."""
    for number in (1, 2, 3):  # who has a study open is in the answers
        client.get(f"/studies/{number}")
    before = ask_all(client)
    change_results(database)
    after = ask_all(client)
    return [address for address in before if before[address] != after[address]]


def test_each_path_that_answers_is_asked(peopled: Database) -> None:
    routes = [route for route in build(peopled).routes if isinstance(route, Route)]
    assert {route.path for route in routes if "GET" in (route.methods or ())} == ASKED.keys()


def test_no_answer_to_a_blinded_reader_depends_on_a_result(
    blinded: TestClient, read_by_ben: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RENEWAL", timedelta(hours=1))  # a claim's time is in the answers
    assert list_changed(blinded, read_by_ben) == []


def test_the_same_answers_to_others_do_depend_on_it(
    blinded: TestClient, read_by_ben: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RENEWAL", timedelta(hours=1))
    with read_by_ben.write() as session:
        users.set_blinded(session, "rosa", False)
    changed = list_changed(blinded, read_by_ben)
    assert {"/", "/studies/1", "/studies/1/films/1/heat.json"} <= set(changed)
    assert {"/api/v1/worklist", "/api/v1/studies/1.2.3", "/api/v1/studies/1.2.1/films/1/heat.json"} <= set(
        changed
    )


def assert_hidden(client: TestClient, uid: str, number: int) -> None:
    study = client.get(f"/api/v1/studies/{uid}").json()["study"]
    assert study["hidden"]
    assert {study[name] for name in ("finding", "priority", "probability", "tb_score", "verdict")} == {None}
    assert [(film["screening"], film["deliveries"], film["doubts"]) for film in study["films"]] == [
        (None, [], [])
    ]
    page = client.get(f"/studies/{number}").text
    assert "You read blinded: the result is shown when your read is stored." in page
    assert 'data-heat=""' in page
    answer = client.get(f"/studies/{number}/films/{number}/heat.json")
    assert (answer.status_code, answer.text) == (403, "You read blinded: read the study first.")


def assert_shown(client: TestClient, uid: str, number: int) -> None:
    study = client.get(f"/api/v1/studies/{uid}").json()["study"]
    assert not study["hidden"]
    assert study["films"][0]["screening"]["score"] > 0
    assert "Numbers behind it" in client.get(f"/studies/{number}").text
    assert client.get(f"/studies/{number}/films/{number}/heat.json").status_code == 200


def find_line(client: TestClient, uid: str) -> dict[str, object]:
    listed = client.get("/api/v1/worklist").json()["studies"]
    return next(study for study in listed if study["study_instance_uid"] == uid)


def list_blinded(database: Database, uid: str) -> list[tuple[str, bool]]:
    with database.read() as session:
        return [(read.reader, read.blinded) for read in reads.list_reads(session, uid)][::-1]


def test_the_result_opens_with_the_reader_s_own_read_which_is_kept_as_blinded(
    blinded: TestClient, read_by_ben: Database
) -> None:
    assert_hidden(blinded, "1.2.1", 1)
    assert_hidden(blinded, "1.2.3", 3)  # ben's read opens it for nobody else
    assert find_line(blinded, "1.2.1")["hidden"]
    assert send_read(blinded, "/studies/1", verdict="tb").status_code == 201
    assert_shown(blinded, "1.2.1", 1)
    assert find_line(blinded, "1.2.1")["tb_score"] == 54
    assert_hidden(blinded, "1.2.2", 2)
    blinded.post("/api/v1/studies/1.2.1/reads", json={"verdict": "not_tb"})
    assert list_blinded(read_by_ben, "1.2.1") == [("rosa", True), ("rosa", False)]
    answer = blinded.post("/api/v1/studies/1.2.2/reads", json={"verdict": "not_tb"})
    assert answer.json()["blinded"]
    assert_shown(blinded, "1.2.2", 2)


def test_what_others_read_is_hidden_with_the_result(blinded: TestClient) -> None:
    page = blinded.get("/studies/3").text
    assert "the AI says" not in page
    assert "read as not TB" not in page
    assert "Not read by you yet." in page
    assert blinded.get("/api/v1/studies/1.2.3").json()["study"]["reads"] == []
    send_read(blinded, "/studies/3", verdict="tb")
    page = blinded.get("/studies/3").text
    assert "the AI says 30" in page
    assert "Readers differ: not TB, TB." in page


def test_an_undone_read_opens_the_result_for_good_and_no_second_read_is_blinded(
    blinded: TestClient, read_by_ben: Database
) -> None:
    read = send_read(blinded, "/studies/1", verdict="tb").json()["read_id"]
    assert send(blinded, f"/studies/1/reads/{read}/undo").status_code == 204
    assert_shown(blinded, "1.2.1", 1)
    send_read(blinded, "/studies/1", verdict="not_tb")
    assert list_blinded(read_by_ben, "1.2.1") == [("rosa", True), ("rosa", False)]


def test_a_film_that_comes_after_the_read_hides_the_study_again(
    blinded: TestClient, read_by_ben: Database
) -> None:
    send_read(blinded, "/studies/1", verdict="tb")
    rows.register_model(read_by_ben)
    rows.screen(read_by_ben, rows.receive_and_queue(read_by_ben, "1.2.1.2", study="1.2.1"))
    assert blinded.get("/api/v1/studies/1.2.1").json()["study"]["hidden"]
    assert "You read blinded" in blinded.get("/studies/1").text
    assert send_read(blinded, "/studies/1", verdict="tb").status_code == 201
    assert list_blinded(read_by_ben, "1.2.1") == [("rosa", True), ("rosa", False)]
    assert not blinded.get("/api/v1/studies/1.2.1").json()["study"]["hidden"]


def test_filters_and_cursors_of_the_order_of_suspicion_are_refused(
    blinded: TestClient, read_by_ben: Database
) -> None:
    words = "priority and finding are hidden from you: you read blinded."
    for query in ("priority=HIGH", "finding=present", "priority=&finding=absent"):
        answer = blinded.get(f"/api/v1/worklist?{query}")
        assert (answer.status_code, answer.json()["detail"]) == (403, words)
        assert blinded.get(f"/?{query}").status_code == 403
    page = blinded.get("/").text
    assert 'name="priority"' not in page
    assert 'name="finding"' not in page
    let_in(blinded, read_by_ben, "ada")
    other = blinded.get("/api/v1/worklist?limit=1", headers=issue(read_by_ben, "ada")).json()["following"]
    assert blinded.get(f"/api/v1/worklist?after={other}").status_code == 400
    assert 'name="priority"' in blinded.get("/").text


@pytest.mark.parametrize(
    ("name", "site", "own", "is_hidden"),
    [
        ("rosa", True, None, True),
        ("rosa", True, False, False),
        ("rosa", False, None, False),
        ("rosa", False, True, True),
        ("max", True, None, False),
        ("ada", True, None, False),
    ],
)
def test_site_and_user_decide_who_reads_blinded_and_only_readers_do(
    peopled: Database, name: str, site: bool, own: bool | None, is_hidden: bool
) -> None:
    reading_room.fill(peopled, reading_room.MORNING[4:5])
    with peopled.write() as session:
        users.set_blinded(session, name, own)
    with TestClient(build(peopled, WebSettings(blinded_reading=site)), base_url=HERE) as client:
        answer: Response = let_in(client, peopled, name).get("/studies/1")
    assert ("You read blinded" in answer.text) == is_hidden
    assert ("Numbers behind it" in answer.text) != is_hidden
