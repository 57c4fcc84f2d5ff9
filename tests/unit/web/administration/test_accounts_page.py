"""The pages on users and tokens: each change as by the command, recorded in the administrator's name."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from db.accounts import api_tokens, users
from db.database import Database
from domain.secret_words import hash_secret
from tests.unit.web.administration.conftest import Trail
from tests.unit.web.browsers import let_in, send, try_to_log_in
from tests.unit.web.reading_room import PASSWORD

PAGE = "/administration/users"
NEW = "quite another password"


def test_a_user_is_added_changed_and_shut_out(admin: TestClient, peopled: Database, trail: Trail) -> None:
    added = send(admin, PAGE, name=" Ben", role="reader", blinded="yes", password=NEW, again=NEW)
    assert "ben may log in as reader." in added.text
    assert "shown once" in admin.get(f"{PAGE}/ben").text
    assert "ben becomes manager" in send(admin, f"{PAGE}/ben/role", role="manager").text, "it asks first"
    assert send(admin, f"{PAGE}/ben/blinded", blinded="no").status_code == 200
    assert "ben is manager now." in send(admin, f"{PAGE}/ben/role", role="manager", sure="yes").text
    assert send(admin, f"{PAGE}/ben/password", password=PASSWORD, again=PASSWORD).status_code == 200
    assert "is shut out at once" in send(admin, f"{PAGE}/ben/disabled").text, "it asks first"
    assert "ben is shut out." in send(admin, f"{PAGE}/ben/disabled", sure="yes").text
    assert "ben may log in again." in send(admin, f"{PAGE}/ben/disabled", disabled="no").text
    assert trail.changes == [
        ("ada", "account", "user ben added as reader, reads blinded: yes"),
        ("ada", "account", "blinded reading of user ben set to no"),
        ("ada", "role", "role of user ben set to manager"),
        ("ada", "account", "password of user ben set"),
        ("ada", "account", "user ben disabled"),
        ("ada", "account", "user ben enabled"),
    ]
    assert try_to_log_in(admin, "ben").status_code == 303, "with the password that was set last"


def test_sessions_are_counted_and_ended(admin: TestClient, peopled: Database, trail: Trail) -> None:
    kept = dict(admin.cookies)
    let_in(admin, peopled, "rosa")
    rosa = dict(admin.cookies)
    admin.cookies.clear()
    admin.cookies.update(kept)
    assert "<dt>Sessions</dt><dd>1</dd>" in admin.get(f"{PAGE}/rosa").text
    assert "what is not saved is lost" in send(admin, f"{PAGE}/rosa/logout").text
    assert "<dt>Sessions</dt><dd>0</dd>" in send(admin, f"{PAGE}/rosa/logout", sure="yes").text
    assert trail.changes == [("ada", "account", "sessions of user rosa ended")]
    admin.cookies.clear()
    admin.cookies.update(rosa)
    assert "/login" in str(admin.get("/account").url)


def test_administrators_do_not_shut_themselves_out(admin: TestClient, trail: Trail) -> None:
    for path, form in (
        ("disabled", {"sure": "yes"}),
        ("role", {"role": "reader", "sure": "yes"}),
        ("password", {"password": NEW, "again": NEW}),
    ):
        answer = send(admin, f"{PAGE}/ADA/{path}", **form)
        assert answer.status_code == 422, path
    assert trail.changes == []


def test_what_will_not_do_is_said_and_changes_nothing(admin: TestClient, trail: Trail) -> None:
    for form, status, said in (
        ({"name": "rosa", "password": NEW, "again": NEW}, 422, "there is a user rosa already"),
        ({"name": "Ben Luz", "password": NEW, "again": NEW}, 422, "name is 1 to 64"),
        ({"name": "ben", "password": "short", "again": "short"}, 422, "12 to 256 characters"),
        ({"name": "ben", "password": NEW, "again": PASSWORD}, 422, "not typed twice the same"),
        ({"name": "ben", "password": NEW, "again": NEW, "role": "god"}, 400, "role is one of"),
    ):
        answer = send(admin, PAGE, **form)
        assert (answer.status_code, said in answer.text) == (status, True), form
        assert NEW not in answer.text
    assert send(admin, f"{PAGE}/max/blinded", blinded="yes").status_code == 422, "a manager is never blinded"
    assert send(admin, f"{PAGE}/nobody/logout", sure="yes").status_code == 404
    assert admin.get(f"{PAGE}/nobody").status_code == 404
    assert trail.changes == []


def test_a_token_is_shown_once_and_revoked(admin: TestClient, peopled: Database, trail: Trail) -> None:
    tokens = f"{PAGE}/rosa/tokens"
    form = {"label": "RIS <1>", "scope-worklist": "yes", "days": "30"}
    made = send(admin, tokens, **form)
    found = re.search(r'id="secret">([^<]+)<', made.text)
    assert found is not None
    with peopled.read() as session:
        token = api_tokens.find(session, hash_secret(found[1]))
    assert token is not None
    assert (token.user.name, sorted(token.scopes)) == ("rosa", ["worklist"])
    listed = admin.get(PAGE).text
    assert "RIS &lt;1&gt;" in listed
    assert found[1] not in listed + admin.get(f"{PAGE}/rosa").text
    for wrong in ({"label": "x"}, {**form, "label": " "}, {**form, "days": "-1"}, {**form, "days": "99999"}):
        assert send(admin, tokens, **wrong).status_code == 400
    assert send(admin, tokens, **{**form, "scope-report": "yes"}).status_code == 422, "not a reader's"
    revoke = f"/administration/tokens/{token.id}/revoke"
    assert "its program is refused" in send(admin, revoke).text
    assert f"Token {token.id} is revoked." in send(admin, revoke, sure="yes").text
    with peopled.read() as session:
        assert api_tokens.find(session, hash_secret(found[1])) is None
    assert [change for _, _, change in trail.changes] == [
        "token 'RIS <1>' issued for user rosa: worklist",
        f"token {token.id} revoked",
    ]


def test_every_name_that_a_user_can_have_has_a_page(admin: TestClient) -> None:
    name = "a.b_c-d@hospital.example"
    assert users.NAME.fullmatch(name)
    send(admin, PAGE, name=name, password=NEW, again=NEW)
    assert f'href="{PAGE}/{name}"' in admin.get(PAGE).text
    assert admin.get(f"{PAGE}/{name}").status_code == 200
