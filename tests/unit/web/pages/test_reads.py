"""The radiologist's read, as the page takes it: of films that were on the screen."""

from __future__ import annotations

import pytest
from httpx import Response
from sqlalchemy import update
from starlette.testclient import TestClient

from db.clock import now
from db.database import Database
from db.erasure import patient_data
from db.erasure.patient_data import PatientData
from db.films import films
from db.tables import Read, Study
from db.worklist import claims, reads
from db.worklist.reads import ReadEntry
from domain.codes import Refusal, Verdict
from tests.unit import rows
from tests.unit.web.browsers import let_in, list_shown, read_csrf, send, send_read
from tests.unit.web.reading_room import add_reader
from web.application import build_application
from web.settings import WebSettings

STUDY = "/studies/1.2.3"


@pytest.fixture(autouse=True)
def _screened(peopled: Database) -> None:
    rows.register_model(peopled)
    rows.screen(peopled, rows.receive_and_queue(peopled))


def list_reads(database: Database) -> list[ReadEntry]:
    with database.read() as session:
        return list(reads.list_reads(session, "1.2.3"))


def undo(client: TestClient, answer: Response) -> Response:
    return send(client, f"{STUDY}/reads/{answer.json()['read_id']}/undo")


def test_a_read_is_kept_with_its_reader_and_a_changed_one_with_its_history(
    client: TestClient, peopled: Database
) -> None:
    answer = send_read(client, STUDY, verdict="tb", comment=" <b>apex</b> ")
    assert (answer.status_code, answer.json()) == (201, {"read_id": 1, "verdict": "tb", "reader": "rosa"})
    let_in(client, peopled, "ada")
    send_read(client, STUDY, verdict="not_tb")
    now_, former = list_reads(peopled)
    assert (now_.verdict, now_.reader, now_.comment, now_.current) == ("not_tb", "ada", None, True)
    assert (former.verdict, former.reader, former.comment, former.current) == (
        "tb",
        "rosa",
        "<b>apex</b>",
        False,
    )
    assert [(read.origin, read.films) for read in (now_, former)] == [("page", [1]), ("page", [1])]
    page = client.get(STUDY).text
    assert "read as TB by rosa" in page
    assert "read as not TB by ada" in page
    assert "&lt;b&gt;apex&lt;/b&gt;" in page


def test_a_read_of_a_film_that_was_not_on_the_screen_is_refused(
    client: TestClient, peopled: Database
) -> None:
    (token,) = list_shown(client, STUDY)
    let_in(client, peopled, "rosa")  # a new session: nothing was shown in it
    for shown in ("", token, "1.", "1." + "0" * 64, token.replace("1.", "2.", 1), "\u0661." + token[2:]):
        answer = send(client, f"{STUDY}/reads", verdict="tb", shown=shown)
        assert answer.status_code == 409
        assert answer.text == (
            "a film of this study (DX CHEST PA) was not on your screen: look at it, then read."
        )
    assert list_reads(peopled) == []


def test_a_read_of_an_erased_study_is_not_that_of_the_study_that_has_its_number_now(
    client: TestClient, peopled: Database
) -> None:
    """SQLite gives the number of the last row again, and a page of the erased study may still be open."""
    open_page = "/studies/1"
    shown = " ".join(list_shown(client, open_page))
    with peopled.write() as session:
        patient_data.erase(session, PatientData(films=[1]))
    film = rows.receive(peopled, "1.9.1", study="1.9").instance_id
    with peopled.write() as session:
        films.refuse(session, film, Refusal.NOT_FRONTAL, "ViewPosition is LL", b"a jpeg")
    assert film == 1
    answer = send(client, f"{open_page}/reads", verdict="tb", shown=shown)
    assert (answer.status_code, "was not on your screen" in answer.text) == (409, True)
    assert send_read(client, open_page, verdict="not_tb").status_code == 201


def test_each_film_of_the_study_must_have_been_shown(client: TestClient, peopled: Database) -> None:
    (first,) = list_shown(client, STUDY)
    lateral = rows.receive(peopled, "1.2.3.2", view_position="LL").instance_id
    answer = send(client, f"{STUDY}/reads", verdict="tb", shown=first)
    assert (answer.status_code, "is being prepared" in answer.text) == (409, True)
    with peopled.write() as session:
        films.refuse(session, lateral, Refusal.NOT_FRONTAL, "ViewPosition is LL", b"a jpeg")
    answer = send(client, f"{STUDY}/reads", verdict="tb", shown=first)
    assert (answer.status_code, "(DX CHEST LL) was not on your screen" in answer.text) == (409, True)
    assert send_read(client, STUDY, verdict="tb").status_code == 201
    assert list_reads(peopled)[0].films == [1, lateral]


def test_a_study_without_any_picture_is_read_elsewhere(client: TestClient, peopled: Database) -> None:
    broken = rows.receive(peopled, "1.2.4.1", study="1.2.4").instance_id
    with peopled.write() as session:
        films.refuse(session, broken, Refusal.UNDECODABLE, "cut short")
    answer = send_read(client, "/studies/1.2.4", verdict="tb")
    assert (answer.status_code, "no film of this study has a picture here" in answer.text) == (409, True)


def test_a_key_pressed_twice_is_one_read(client: TestClient, peopled: Database) -> None:
    for verdict in ("not_tb", "not_tb", "tb", "tb"):
        assert send_read(client, STUDY, verdict=verdict).status_code == 201
    assert [read.verdict for read in list_reads(peopled)] == ["tb", "not_tb"]
    with peopled.write() as session:
        session.execute(update(Read).values(read_at=now() - reads.REPEAT * 2))
    send_read(client, STUDY, verdict="tb")
    assert len(list_reads(peopled)) == 3, "later it is a read of its own"


def test_readers_who_differ_are_shown_and_a_third_decides(client: TestClient, peopled: Database) -> None:
    send_read(client, STUDY, verdict="tb")
    let_in(client, peopled, "ada")
    assert "rosa</small>" not in client.get("/").text, "the claim ended with the read"
    send_read(client, STUDY, verdict="not_tb")
    page = client.get(STUDY).text
    assert "Readers differ: not TB, TB. The read of another reader decides." in page
    assert '<small class="doubt">readers differ</small>' in client.get("/?read=differ").text
    add_reader(peopled, "ben")
    let_in(client, peopled, "ben")
    assert "Your read decides." in client.get(STUDY).text
    send_read(client, STUDY, verdict="tb")
    page = client.get(STUDY).text
    assert "Readers differ" not in page
    assert "read as TB by ben, which decides" in page
    assert "No studies match these filters" in client.get("/?read=differ").text


def test_only_arbiters_decide_where_the_settings_name_them(peopled: Database) -> None:
    add_reader(peopled, "ben")
    application = build_application(peopled, "1.2.3", WebSettings(arbiters=("ada",)))
    with TestClient(application, base_url="http://127.0.0.1:8080") as client:
        for name, verdict in (("rosa", "tb"), ("ben", "not_tb")):
            let_in(client, peopled, name)
            send_read(client, STUDY, verdict=verdict)
        add_reader(peopled, "carl")
        let_in(client, peopled, "carl")
        assert "The read of another reader decides." in client.get(STUDY).text
        send_read(client, STUDY, verdict="tb")
        assert "Readers differ" in client.get(STUDY).text
        let_in(client, peopled, "ada")
        assert "Your read decides." in client.get(STUDY).text
        send_read(client, STUDY, verdict="tb")
        assert "Readers differ" not in client.get(STUDY).text


def test_an_open_study_shows_who_has_it_open(client: TestClient, peopled: Database) -> None:
    client.get(STUDY)
    let_in(client, peopled, "max")
    client.get(STUDY)  # a manager reads nothing, and claims nothing
    let_in(client, peopled, "ada")
    assert "rosa has this study open." in client.get(STUDY).text
    assert "open: rosa" in client.get("/").text
    with peopled.write() as session:
        session.execute(update(Study).values(opened_at=now() - claims.TIME_OUT * 2))
    assert "open: rosa" not in client.get("/").text
    assert "has this study open" not in client.get(STUDY).text
    assert "open: ada" not in client.get("/").text, "she knows"
    let_in(client, peopled, "max")
    assert "open: ada" in client.get("/").text


def test_what_comes_next_is_passed_over_when_read_or_open(client: TestClient, peopled: Database) -> None:
    for number in (4, 5, 6):
        rows.screen(peopled, rows.receive_and_queue(peopled, f"1.2.{number}.1", study=f"1.2.{number}"))
    with peopled.write() as session:
        reads.record(session, "1.2.4", Verdict.TB, "ben")
        claims.claim(session, 3, "ben")
    asked = "/studies/ahead?studies=" + ",".join(("2", "3", "x", "4", "9", "9" * 40, "1", "\u0663"))
    assert client.get(asked).json() == {
        "passed": ["2", "3", "9"],
        "films": ["/studies/4/films/4/film.jpg", "/studies/1/films/1/film.jpg"],
    }
    assert client.get("/studies/ahead").json() == {"passed": [], "films": []}


def test_a_read_is_undone_and_the_one_before_stands_again(client: TestClient, peopled: Database) -> None:
    first = send_read(client, STUDY, verdict="tb")
    second = send_read(client, STUDY, verdict="not_tb")
    assert undo(client, second).status_code == 204
    last, former = list_reads(peopled)
    assert (last.current, former.current, last.withdrawn_at is not None) == (False, True, True)
    assert "read as not TB by rosa, and undone" in client.get(STUDY).text
    assert undo(client, second).status_code == 409
    assert undo(client, first).status_code == 204
    with peopled.read() as session:
        study = session.get_one(Study, 1)
        assert (study.verdict, study.is_read) == (None, False)


def test_a_read_is_undone_by_its_reader_and_soon_or_not_at_all(client: TestClient, peopled: Database) -> None:
    answer = send_read(client, STUDY, verdict="tb")
    let_in(client, peopled, "ada")
    assert undo(client, answer).status_code == 404
    assert send(client, f"{STUDY}/reads/{2**31}/undo").status_code == 404
    assert send(client, "/studies/1.2.9/reads/1/undo").status_code == 404
    let_in(client, peopled, "rosa")
    with peopled.write() as session:
        session.execute(update(Read).values(read_at=now() - reads.UNDO * 2))
    late = undo(client, answer)
    assert (late.status_code, "within 60 seconds" in late.text) == (409, True)
    assert [read.current for read in list_reads(peopled)] == [True]


@pytest.mark.parametrize(
    ("uid", "fields", "status"),
    [
        ("1.2.3", {"verdict": "maybe"}, 400),
        ("1.2.3", {}, 400),
        ("1.2.9", {"verdict": "tb"}, 404),
        ("x", {"verdict": "tb"}, 404),
        ("1.2.3", {"verdict": "tb", "comment": "x" * 2001}, 422),
    ],
)
def test_what_is_no_read_is_refused(
    client: TestClient, peopled: Database, uid: str, fields: dict[str, str], status: int
) -> None:
    assert send(client, f"/studies/{uid}/reads", **fields).status_code == status
    assert list_reads(peopled) == []


def test_a_manager_s_word_is_no_read(client: TestClient, peopled: Database) -> None:
    let_in(client, peopled, "max")
    csrf = read_csrf(client.get("/").text)
    for path in ("reads", "reads/1/undo"):
        assert client.post(f"{STUDY}/{path}", data={"verdict": "tb", "csrf": csrf}).status_code == 403
    assert list_reads(peopled) == []
