"""The pages over a real database: what they show, to whom, and with which headers."""

from __future__ import annotations

import html
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from db.clock import now
from db.database import Database
from db.films import films
from db.settings import DatabaseSettings
from db.tables import Study
from db.worklist.studies import StudyHeader
from db.worklist.worklist import Page
from db.worklist.worklist_totals import Total
from domain.codes import Doubt, Finding, Observation, Priority, Refusal
from domain.notices import NOTICE
from tests.servers.page import serving_page
from tests.servers.ports import free_port
from tests.unit import rows
from tests.unit.web import reading_room
from tests.unit.web.browsers import let_in
from tests.unit.web.conftest import HERE
from web.application import build_application
from web.pages.worklist_page import describe_place
from web.settings import WebSettings

OPEN = re.compile(r'class="open" href="/studies/([0-9]+)"')
FOLLOWING = re.compile(r'href="([^"]+)" rel="next"')
PLACE = re.compile(r'class="place"><span>([^<]+)<')
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def client_without_database() -> Iterator[TestClient]:
    """A browser on this machine while nobody answers at the database's address."""
    database = Database.open(DatabaseSettings(url=f"postgresql://me:s3cret@127.0.0.1:{free_port()}/nowhere"))
    with TestClient(build_application(database, "1.2.3"), base_url=HERE) as made:
        made.cookies.set("tbscreen-session", "a session of yesterday")
        yield made
    database.close()


def test_an_empty_worklist_says_what_to_do(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "No studies yet" in page.text
    assert "tbscreen 1.2.3" in page.text


def test_every_page_says_that_nothing_is_verified(client: TestClient, peopled: Database) -> None:
    rows.receive(peopled)
    for path in ("/", "/login", "/studies/1.2.3", "/account"):
        assert NOTICE in client.get(path).text, path
    assert NOTICE in client.get("/nowhere", headers={"Accept": "text/html"}).text


def test_hostile_names_are_text_not_markup(client: TestClient, peopled: Database) -> None:
    header = StudyHeader("1.2.3", f'"><img src=x onerror=alert(2)>{HOSTILE}', HOSTILE, HOSTILE)
    instance_id = rows.receive(
        peopled, study=header, modality="<b>DX", view_position="{{ 7 * 7 }}", station_name=HOSTILE
    ).instance_id
    with peopled.write() as session:
        films.refuse(session, instance_id, Refusal.NOT_CHEST, f"BodyPartExamined is '{HOSTILE}'")
    for path, times in (("/", 4), ("/studies/1.2.3", 6)):
        page = client.get(path).text
        for markup in ("<script>", "<img", "<b>"):
            assert markup not in page
        assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= times
        assert "{{ 7 * 7 }}" in page
    for parameter in ("state", "priority", "text", "from", "after", "station"):
        answer = client.get("/", params={parameter: HOSTILE}, headers={"Accept": "text/html"})
        assert answer.status_code in (200, 400)
        assert HOSTILE not in answer.text


def test_the_worklist_is_filtered_and_turned_page_by_page(client: TestClient, peopled: Database) -> None:
    reading_room.fill(peopled)
    people = {"priority=HIGH": 4, "read=no&priority=HIGH": 3, "read=yes": 2, "finding=undetermined": 1}
    people |= {
        "refusal=under_age": 1,
        "state=received": 1,
        "text=okaf": 1,
        "text=p-4137": 1,
        "station=ROOM1": 6,
    }
    people |= {
        "station=ROOM?": 13,
        "from=2026-11-25&to=2026-11-25": 13,
        "to=2026-11-24": 0,
        "sender=MOD*": 13,
    }
    people |= {"state=&priority=&text=": 13}
    for query, count in people.items():
        assert client.get(f"/?{query}").text.count('class="open"') == count, query
    assert 'value="HIGH" selected' in client.get("/?priority=HIGH").text

    path, seen, places = "/?read=no&limit=4", [], []
    while path:
        page = client.get(path).text
        seen += OPEN.findall(page)
        places += PLACE.findall(page)
        turned = FOLLOWING.search(page)
        path = html.unescape(turned[1]) if turned else ""
    assert seen == [str(number) for number in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13)]
    assert places == ["1–4 of 11", "5–8 of 11", "9–11 of 11"]


@pytest.mark.parametrize(
    ("at", "shown", "total", "place"),
    [
        (1, 50, Total(2340), "1–50 of 2,340"),
        (101, 50, Total(10_000, is_exact=False), "101–150 of more than 10,000"),
        (20_001, 50, Total(10_000, is_exact=False), "20,001–20,050 of more than 20,050"),
        (51, 50, Total(90), "51–100 of 101"),
    ],
)
def test_a_page_says_its_place_in_the_list(at: int, shown: int, total: Total, place: str) -> None:
    studies: Any = [None] * shown
    assert describe_place(Page(studies, "more"), at, total) == place
    assert describe_place(Page(studies, None), at, total).endswith(f" of {at + shown - 1:,}")


def test_read_studies_of_long_ago_are_left_out_until_they_are_asked_for(
    client: TestClient, peopled: Database
) -> None:
    reading_room.fill(peopled)
    old = now() - timedelta(days=100)
    with peopled.write() as session:
        session.execute(update(Study).values(received_at=old, received_day=f"{old:%Y%m%d}"))
    page = client.get("/").text
    assert PLACE.findall(page) == ["1–11 of 11"]
    assert f"received before {now() - timedelta(days=90):%Y-%m-%d} are left out" in page
    for query in ("days=all", "text=P-4", "from=2026-11-25"):
        everything = client.get(f"/?{query}").text
        assert (PLACE.findall(everything), "left out" in everything) == (["1–13 of 13"], False), query
    assert 'name="days" value="all"' in client.get("/?days=all").text
    assert 'href="/?priority=HIGH&amp;days=all"' in client.get("/?priority=HIGH").text
    assert client.get("/?read=yes").text.count('class="open"') == 0
    whole = build_application(peopled, "1.2.3", WebSettings(worklist_days=0))
    assert "1–13 of 13" in let_in(TestClient(whole, base_url=HERE), peopled).get("/").text


@pytest.mark.parametrize(
    "query",
    [
        "state=maybe",
        "priority=high",
        "from=today",
        "read=perhaps",
        "limit=0",
        "limit=501",
        "limit=1e3",
        "limit=²",
        "after=nothing",
        "after=W10",
        "text=" + "x" * 300,
        "&".join(["station=a"] * 60),
        "text=%00",
    ],
)
def test_a_filter_that_cannot_be_is_told(client: TestClient, query: str) -> None:
    answer = client.get(f"/?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 400
    assert NOTICE in answer.text


@pytest.mark.parametrize("text", ["' OR 1=1 --", "'; DROP TABLE users; --", "%", "\\", "\x00"])
def test_what_is_typed_is_never_sql(client: TestClient, peopled: Database, text: str) -> None:
    rows.receive(peopled)
    for parameter in ("text", "station", "sender", "modality"):
        answer = client.get("/", params={parameter: text})
        assert "No studies match" in answer.text if text.isprintable() else answer.status_code == 400
    assert client.get(f"/studies/{quote(text)}").status_code == 404
    assert client.get("/").status_code == 200


def test_a_screened_film_shows_its_result_model_and_doubts(client: TestClient, peopled: Database) -> None:
    rows.register_model(peopled, trained=False)
    header = StudyHeader("1.2.3", "A7", "P1", "Doe^Jane", study_date="20240301")
    instance_id = rows.receive(peopled, study=header).instance_id
    rows.queue(peopled, instance_id, [Doubt.AGE_UNKNOWN])
    rows.screen(peopled, instance_id, 0.876, Finding.UNDETERMINED, Priority.MEDIUM)
    shown = ("MEDIUM", "—", "undetermined", "Doe, Jane", "P1", "A7", "2024-03-01", "age unknown")
    for path, more in (("/", "untrained model"), ("/studies/1.2.3", "its score means nothing")):
        page = client.get(path).text
        for words in (*shown, more):
            assert words in page, (path, words)
    assert "test-model 1.0" in page


def test_a_film_shows_what_was_judged_from_its_picture(client: TestClient, peopled: Database) -> None:
    rows.register_model(peopled)
    instance_id = rows.receive(peopled).instance_id
    rows.queue(peopled, instance_id, observations=[Observation.VIEW_FROM_PIXELS, Observation.TURNED_180])
    rows.screen(peopled, instance_id, 0.2, Finding.ABSENT, Priority.LOW)
    page = client.get("/studies/1.2.3").text
    assert "Judged from the picture" in page
    assert "turned 180" in page


def test_a_refused_film_shows_why(client: TestClient, peopled: Database) -> None:
    instance_id = rows.receive(peopled).instance_id
    with peopled.write() as session:
        films.refuse(session, instance_id, Refusal.NOT_CHEST, "BodyPartExamined is HAND")
    page = client.get("/").text
    assert "refused: not chest" in page
    assert "BodyPartExamined is HAND" in page
    assert "waiting</" not in page
    assert "Not screened: not chest" in client.get("/studies/1.2.3").text


def test_a_film_that_waits_is_shown_as_waiting(client: TestClient, peopled: Database) -> None:
    rows.receive(peopled)
    assert "waiting" in client.get("/").text
    assert "Waiting to be screened" in client.get("/studies/1.2.3").text


def test_a_study_shows_all_that_is_known_of_it(client: TestClient, peopled: Database) -> None:
    reading_room.fill(peopled, reading_room.MORNING[:1])
    page = client.get("/studies/1.2.1").text
    for words in (
        "Okafor, Chidi",
        "93.0 %",
        "tbscreen-default 1.0",
        "91 %",
        "89 %",
        "where 10.0 % of the people screened have it",
        "rule-in 75</text>",
        "SR to pacs",
        "delivered to pacs",
        "from MODALITY",
    ):
        assert words in page, words
    film = client.get("/studies/1.2.1/films/1/film.jpg")
    assert (film.headers["content-type"], film.content[:2]) == ("image/jpeg", b"\xff\xd8")
    heat = client.get("/studies/1.2.1/films/1/heat.json").json()
    assert (heat["rows"], heat["columns"], heat["margin"], len(heat["cells"])) == (14, 14, 0.05, 196)


@pytest.mark.parametrize(
    "path",
    [
        "/studies/1.2.9",
        "/studies/1.2.9/films/1/film.jpg",
        "/studies/1.2.1/films/99999999999/film.jpg",
        "/studies/1.2.1/films/2/heat.json",
        "/studies/1.2.1/films/x/film.jpg",
        "/studies/1..2",
        "/studies/" + "1." * 40 + "1",
        "/studies/..%2f..%2fetc%2fpasswd",
        "/report",
        "/static/../application.py",
        "/static/%2e%2e/settings.py",
        "/templates/base.html",
    ],
)
def test_what_is_not_there_is_not_there(client: TestClient, peopled: Database, path: str) -> None:
    reading_room.fill(peopled, reading_room.MORNING[:1])
    user = "rosa" if path != "/report" else "max"
    assert let_in(client, peopled, user).get(path).status_code == 404


def test_another_study_s_film_is_not_shown_under_this_one(client: TestClient, peopled: Database) -> None:
    reading_room.fill(peopled, reading_room.MORNING[:2])
    assert client.get("/studies/1.2.1/films/2/film.jpg").status_code == 404
    assert client.get("/studies/1.2.2/films/2/film.jpg").status_code == 200


@pytest.mark.parametrize("path", ["/", "/login", "/studies/1.2.3", "/healthz", "/nowhere"])
def test_answers_carry_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


def test_pages_hold_no_script_and_no_style_of_their_own(client: TestClient, peopled: Database) -> None:
    reading_room.fill(peopled, reading_room.MORNING[:1])
    for path in ("/", "/studies/1.2.1", "/login"):
        page = client.get(path).text
        for word in ("<script>", " style=", " onclick", "http://", "https://", "javascript:"):
            assert word not in page, (path, word)


@pytest.mark.parametrize("path", ["/", "/login", "/healthz", "/readyz"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "192.168.1.5"]
)
def test_a_foreign_host_name_is_refused(client: TestClient, path: str, host: str) -> None:
    assert client.get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "localhost:9", "[::1]:8080", "[::1]"]
)
def test_this_machine_s_names_are_served(client: TestClient, host: str) -> None:
    assert client.get("/login", headers={"Host": host}).status_code == 200


def test_names_that_the_site_gave_are_served(peopled: Database) -> None:
    settings = WebSettings(names=("tb.hospital.example",))
    with TestClient(
        build_application(peopled, "1", settings), base_url="http://tb.hospital.example"
    ) as there:
        assert there.get("/login").status_code == 200


def test_a_healthy_process_says_so_to_anybody(stranger: TestClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = stranger.get(path)
        assert (answer.status_code, answer.text) == (200, "ok\n")


def test_without_database_the_process_is_alive_and_not_ready(client_without_database: TestClient) -> None:
    assert client_without_database.get("/healthz").status_code == 200
    ready = client_without_database.get("/readyz")
    assert ready.status_code == 503
    assert ready.text.startswith("database: the database does not answer")
    for path in ("/", "/studies/1.2.3"):
        answer = client_without_database.get(path)
        assert (answer.status_code, answer.text) == (503, "the database does not answer")
    page = client_without_database.get("/", headers={"Accept": "text/html"})
    assert page.status_code == 503
    assert "the database does not answer" in page.text
    assert NOTICE in page.text
    problem = client_without_database.get("/api/v1/worklist", headers={"Authorization": "Bearer tbs_x"})
    assert (problem.status_code, problem.json()["status"]) == (503, 503)
    assert problem.headers["content-type"] == "application/problem+json"


def test_static_files_are_those_of_their_folder(peopled: Database) -> None:
    with serving_page(build_application(peopled, "1")) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        for path in (
            "/static/style.css",
            "/static/../settings.py",
            "/static/%2e%2e/settings.py",
            "/static/..%2fsettings.py",
            "/static/..%5csettings.py",
            "/static/%252e%252e/settings.py",
            "/static//etc/passwd",
            "/static/%2fetc%2fpasswd",
            "/static/style.css%00.py",
            "/static/",
        ):
            with socket.create_connection((host, int(port)), 10) as connection:
                connection.sendall(
                    f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
                )
                answer = connection.makefile("rb").read()
            status = int(answer.split()[1])
            assert status == (200 if path == "/static/style.css" else 404), path
            assert b"root:x:0" not in answer, path
            assert b"WebSettings" not in answer, path


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/login", "/studies/1.2.3", "/studies/1.2.3/reads"])
def test_other_methods_are_not_taken(client: TestClient, path: str, method: str) -> None:
    assert client.request(method, path).status_code == 405
