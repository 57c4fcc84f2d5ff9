"""The radiologist's read, as the page takes it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from db.database import Database
from db.worklist import reads
from tests.unit import rows
from tests.unit.web.browsers import let_in, read_csrf, send


@pytest.fixture(autouse=True)
def _received(peopled: Database) -> None:
    rows.receive(peopled)


def test_a_read_is_kept_with_its_reader_and_a_changed_one_with_its_history(
    client: TestClient, peopled: Database
) -> None:
    answer = send(client, "/studies/1.2.3/reads", verdict="tb", comment=" <b>apex</b> ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/studies/1.2.3")
    let_in(client, peopled, "ada")
    send(client, "/studies/1.2.3/reads", verdict="not_tb")
    with peopled.read() as session:
        now, former = reads.list_reads(session, "1.2.3")
    assert (now.verdict, now.reader, now.comment, now.current) == ("not_tb", "ada", None, True)
    assert (former.verdict, former.reader, former.comment, former.current) == (
        "tb",
        "rosa",
        "<b>apex</b>",
        False,
    )
    page = client.get("/studies/1.2.3").text
    assert "read as TB by rosa" in page
    assert "read as not TB by ada" in page
    assert "&lt;b&gt;apex&lt;/b&gt;" in page


def test_a_script_is_answered_in_json(client: TestClient) -> None:
    csrf = read_csrf(client.get("/").text)
    answer = client.post(
        "/studies/1.2.3/reads",
        data={"verdict": "unsure"},
        headers={"X-CSRF-Token": csrf, "Accept": "application/json"},
    )
    assert (answer.status_code, answer.json()) == (201, {"verdict": "unsure", "reader": "rosa"})


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
    with peopled.read() as session:
        assert reads.list_reads(session, "1.2.3") == []


def test_a_manager_s_word_is_no_read(client: TestClient, peopled: Database) -> None:
    let_in(client, peopled, "max")
    assert send(client, "/studies/1.2.3/reads", verdict="tb").status_code == 403
    with peopled.read() as session:
        assert reads.list_reads(session, "1.2.3") == []
