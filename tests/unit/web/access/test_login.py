"""Logins, the length of sessions, and the wait after failed logins."""

from __future__ import annotations

import hashlib
import sys
from datetime import timedelta
from types import FrameType

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete, func, select, update
from starlette.testclient import TestClient

from db.accounts import login_attempts, users
from db.clock import now
from db.database import Database
from db.films import films
from db.tables.accounts import LoginAttempt, User, WebSession
from domain.codes import Refusal
from domain.roles import Role
from tests.unit import rows
from tests.unit.web.browsers import SESSION, let_in, log_in, read_csrf, send, send_read, try_to_log_in
from tests.unit.web.conftest import HERE
from tests.unit.web.reading_room import PASSWORD
from web.access import login, passwords
from web.application import build_application
from web.settings import WebSettings

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGES = ["/", "/studies/1.2.3", "/studies/1.2.3/films/1/film.jpg", "/account", "/report"]


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_sees_the_login_and_nothing_else(
    stranger: TestClient, peopled: Database, path: str
) -> None:
    rows.receive(peopled)
    answer = stranger.get(path, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login")
    assert stranger.get(path, headers={"Sec-Fetch-Mode": "cors"}).status_code == 401
    assert stranger.post(path if path == "/account" else "/logout").status_code == 401


def test_who_logs_in_comes_to_where_they_wanted(stranger: TestClient, peopled: Database) -> None:
    rows.receive(peopled)
    asked = stranger.get("/studies/1.2.3?film=1")
    assert 'name="next" value="/studies/1.2.3?film=1"' in asked.text
    answer = try_to_log_in(stranger, " Rosa ", next_="/studies/1.2.3?film=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/studies/1.2.3?film=1")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\n/x",
        "",
        "/login",
    ],
)
def test_the_way_back_never_leads_elsewhere(elsewhere: str) -> None:
    assert login.choose_next(elsewhere) == "/"


def test_the_cookie_is_for_this_page_alone(stranger: TestClient, peopled: Database) -> None:
    cookie = try_to_log_in(stranger, "rosa").headers["set-cookie"].lower()
    for word in ("tbscreen-session=", "httponly", "samesite=strict", "path=/", "max-age=43200"):
        assert word in cookie
    assert "secure" not in cookie
    assert "domain" not in cookie
    with TestClient(build_application(peopled, "1"), base_url="https://127.0.0.1") as encrypted:
        page = encrypted.get("/login")
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        cookie = try_to_log_in(encrypted, "rosa").headers["set-cookie"]
        assert "__Host-tbscreen-session=" in cookie
        assert "secure" in cookie.lower()


def test_the_database_holds_no_password_and_no_cookie(client: TestClient, peopled: Database) -> None:
    secret = client.cookies[SESSION]
    with peopled.read() as session:
        digest = hashlib.sha256(secret.encode()).hexdigest()
        assert session.scalars(select(WebSession.token_hash)).all() == [digest]
        for hashed in session.scalars(select(User.password_hash)):
            assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
            assert PASSWORD not in hashed


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("rosa", "wrong"),
        ("rosa", ""),
        ("rosa", PASSWORD.upper()),
        ("nobody", PASSWORD),
        ("", ""),
        ("rosa' --", PASSWORD),
        ("ros\u0430", PASSWORD),
        ("rosa", PASSWORD + "x" * 300),
        ("x" * 20000, "y" * 20000),
    ],
)
def test_a_wrong_pair_is_told_the_same_whoever_it_is(stranger: TestClient, name: str, password: str) -> None:
    answer = try_to_log_in(stranger, name, password)
    assert answer.status_code == 401
    assert f">{login.WRONG}<" in answer.text, "this and nothing else"
    assert SESSION not in answer.cookies
    assert stranger.get("/", follow_redirects=False).status_code == 303


def test_an_unknown_user_s_password_is_hashed_like_a_known_one_s() -> None:
    verified = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is PasswordHasher.verify.__code__:
            verified.append(str(frame.f_locals["hash"]).rsplit("$", 2)[0])

    known = passwords.hash_password(PASSWORD)
    sys.setprofile(watch)
    try:
        assert passwords.verify(PASSWORD, known)
        assert not passwords.verify(PASSWORD, None)
        assert not passwords.verify("no user has this password", None)
    finally:
        sys.setprofile(None)
    assert len(verified) == 3
    assert len(set(verified)) == 1, "the same parameters: the same time"


def test_a_disabled_user_is_out_at_once(client: TestClient, peopled: Database) -> None:
    assert client.get("/").status_code == 200
    with peopled.write() as session:
        users.set_disabled(session, "rosa", True)
    assert client.get("/", follow_redirects=False).status_code == 303
    assert try_to_log_in(client, "rosa").status_code == 401
    with peopled.write() as session:
        users.set_disabled(session, "rosa", False)
    log_in(client)


def test_a_session_that_an_attacker_planted_is_not_the_one_that_logs_in(stranger: TestClient) -> None:
    stranger.cookies.set(SESSION, "planted", domain="127.0.0.1", path="/")
    try_to_log_in(stranger, "rosa")
    values = [cookie.value for cookie in stranger.cookies.jar if cookie.name == SESSION]
    assert "planted" not in values
    assert stranger.get("/").status_code == 200
    stranger.cookies.clear()
    stranger.cookies.set(SESSION, "planted")
    assert stranger.get("/", follow_redirects=False).status_code == 303
    # A session of the attacker's own: the user would work in it, and the attacker would see it.
    stranger.cookies.clear()
    try_to_log_in(stranger, "ada")
    attackers = stranger.cookies[SESSION]
    try_to_log_in(stranger, "rosa")
    assert stranger.cookies[SESSION] != attackers
    assert "rosa" in stranger.get("/").text
    stranger.cookies.clear()
    stranger.cookies.set(SESSION, attackers)
    assert stranger.get("/", follow_redirects=False).status_code == 303, "it ended with the login"


def test_a_new_login_ends_the_session_of_before(client: TestClient, peopled: Database) -> None:
    before = client.cookies[SESSION]
    log_in(client, "ada")
    assert client.cookies[SESSION] != before
    with peopled.read() as session:
        assert session.scalar(select(func.count()).select_from(WebSession)) == 1


def test_logging_out_ends_the_session_for_the_cookie_too(client: TestClient, peopled: Database) -> None:
    secret = client.cookies[SESSION]
    answer = send(client, "/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert answer.headers["clear-site-data"] == '"cache"'
    client.cookies.set(SESSION, secret)
    assert client.get("/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"used_at": timedelta(minutes=29)}, False),
        ({"used_at": timedelta(minutes=31)}, True),
        ({"expires_at": timedelta(seconds=1)}, True),
        ({"created_at": timedelta(days=9)}, False),
    ],
)
def test_a_session_ends_by_rest_and_by_age(
    client: TestClient, peopled: Database, values: dict[str, timedelta], gone: bool
) -> None:
    with peopled.write() as session:
        session.execute(update(WebSession).values({name: now() - ago for name, ago in values.items()}))
    assert (client.get("/", follow_redirects=False).status_code == 303) is gone


def test_what_the_page_asks_by_itself_keeps_nobody_logged_in(client: TestClient, peopled: Database) -> None:
    long_ago = now() - timedelta(minutes=20)
    with peopled.write() as session:
        session.execute(update(WebSession).values(used_at=long_ago))
    assert client.get("/", headers={"X-By-Itself": "1"}).status_code == 200
    with peopled.read() as session:
        assert session.scalar(select(WebSession.used_at)) == long_ago
    for headers in ({"X-By-Itself": "active"}, {}):  # its user has typed; its user has asked
        with peopled.write() as session:
            session.execute(update(WebSession).values(used_at=long_ago))
        client.get("/", headers=headers)
        with peopled.read() as session:
            used = session.scalar(select(WebSession.used_at))
        assert used is not None
        assert used > long_ago


def test_who_had_a_session_is_told_that_it_ended(client: TestClient, peopled: Database) -> None:
    ended = "Your session ended. Log in again"
    with peopled.write() as session:
        session.execute(delete(WebSession))
    answer = client.get("/studies/7?film=2", follow_redirects=False)
    assert answer.headers["location"] == "/login?next=%2Fstudies%2F7%3Ffilm%3D2&ended=yes"
    page = client.get(answer.headers["location"]).text
    assert ended in page
    assert "data-ended" in page
    fields = {"csrf": read_csrf(page), "name": "rosa", "password": "wrong", "next": "/", "ended": "yes"}
    again = client.post("/login", data=fields)
    assert (again.status_code, ended in again.text) == (401, True)
    client.cookies.clear()
    assert ended not in client.get("/").text


def test_a_page_that_has_not_changed_is_not_sent_again(client: TestClient, peopled: Database) -> None:
    rows.receive(peopled)
    for path in ("/", "/studies/1"):
        client.get(path)  # a study's first view claims it
        tag = {"If-None-Match": client.get(path).headers["etag"], "X-By-Itself": "idle"}
        answer = client.get(path, headers=tag)
        assert (answer.status_code, answer.content) == (304, b"")
    rows.receive(peopled, "1.2.4.1", study="1.2.4")
    tag = {"If-None-Match": tag["If-None-Match"]}
    assert client.get("/", headers=tag).status_code == 200


def test_settings_say_how_long_a_session_lasts(peopled: Database) -> None:
    settings = WebSettings(session_idle_minutes=1, session_hours=1)
    with TestClient(build_application(peopled, "1", settings), base_url=HERE) as client:
        log_in(client)
        with peopled.write() as session:
            session.execute(update(WebSession).values(used_at=now() - timedelta(seconds=61)))
        assert client.get("/", follow_redirects=False).status_code == 303


def test_who_fails_in_a_user_s_name_waits(stranger: TestClient, peopled: Database) -> None:
    for _ in range(login.FREE_FOR_USER):
        assert try_to_log_in(stranger, "rosa", "wrong").status_code == 401
    _set_pauses(peopled, timedelta(hours=1))
    answer = try_to_log_in(stranger, "rosa")
    assert answer.status_code == 429, "even the right password waits"
    assert "Too many failed logins" in answer.text
    assert 3000 < int(answer.headers["retry-after"]) <= 3600
    assert try_to_log_in(stranger, "ada").status_code == 303, "others are not held up"
    _set_pauses(peopled, timedelta(0))
    assert try_to_log_in(stranger, "rosa").status_code == 303
    with peopled.read() as session:
        kept = session.scalars(select(LoginAttempt.subject)).all()
    assert [key.partition(":")[0] for key in kept] == ["address"], "and the user begins anew"


def test_several_page_processes_count_failed_logins_together(peopled: Database) -> None:
    def fail(page: TestClient) -> int:
        return try_to_log_in(page, "rosa", "wrong").status_code

    with (
        TestClient(build_application(peopled, "1"), base_url=HERE) as first,
        TestClient(build_application(peopled, "1"), base_url=HERE) as second,
    ):
        assert [fail((first, second)[number % 2]) for number in range(login.FREE_FOR_USER)] == [
            401
        ] * login.FREE_FOR_USER
        _set_pauses(peopled, timedelta(hours=1))
        assert (fail(first), fail(second)) == (429, 429)


def test_an_unknown_name_waits_like_a_known_one(stranger: TestClient, peopled: Database) -> None:
    for name in ("rosa", "nobody"):
        for _ in range(login.FREE_FOR_USER):
            assert try_to_log_in(stranger, name, "wrong").status_code == 401
    with peopled.read() as session:
        rows_ = session.scalars(select(LoginAttempt).where(LoginAttempt.subject.startswith("user:"))).all()
    assert [row.failures for row in rows_] == [login.FREE_FOR_USER] * 2
    assert [(row.paused_until or now()) - row.failed_at for row in rows_] == [timedelta(seconds=1)] * 2
    _set_pauses(peopled, timedelta(hours=1))
    texts = {
        try_to_log_in(stranger, name).text.partition("Try again")[0][-40:] for name in ("rosa", "nobody")
    }
    assert len(texts) == 1
    assert "Too many failed logins" in texts.pop()


def test_one_address_that_tries_many_names_waits(stranger: TestClient, peopled: Database) -> None:
    for number in range(login.FREE_FOR_ADDRESS - 1):
        with peopled.write() as session:  # as a failed login does, without the time that a password takes
            subjects = login.count_subjects(f"user{number}", "testclient")
            assert login_attempts.begin(session, subjects) is None
    assert try_to_log_in(stranger, "nobody", "wrong").status_code == 401
    _set_pauses(peopled, timedelta(hours=1))
    assert try_to_log_in(stranger, "rosa").status_code == 429
    with peopled.write() as session:
        session.execute(update(LoginAttempt).values(paused_until=None, failed_at=now() - timedelta(hours=2)))
    assert try_to_log_in(stranger, "rosa").status_code == 303, "forgotten after an hour"


def test_a_login_form_of_another_site_is_refused(stranger: TestClient) -> None:
    form = {"name": "rosa", "password": PASSWORD}
    csrf = read_csrf(stranger.get("/login").text)
    for data, headers in (
        (form, {}),
        ({**form, "csrf": "0" * 64}, {}),
        ({**form, "csrf": csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({**form, "csrf": csrf}, {"Sec-Fetch-Site": "same-site"}),
    ):
        assert stranger.post("/login", data=data, headers=headers).status_code == 403
    stranger.cookies.clear()
    assert stranger.post("/login", data={**form, "csrf": csrf}).status_code == 403


@pytest.mark.parametrize("path", ["/logout", "/account", "/studies/1.2.3/reads"])
def test_nothing_changes_without_the_word_that_the_page_carries(
    client: TestClient, peopled: Database, path: str
) -> None:
    rows.receive(peopled)
    csrf = read_csrf(client.get("/").text)
    let_in(client, peopled, "ada")
    for word in ("", csrf, "0" * 64, "ß"):
        answer = client.post(path, data={"csrf": word, "verdict": "tb"})
        assert answer.status_code == 403, "another session's word is none"
    assert client.get("/").status_code == 200
    assert "Not read yet" in client.get("/studies/1.2.3").text


def test_a_form_is_small_and_a_form(client: TestClient) -> None:
    assert client.post("/logout", data={"csrf": "x" * 70_000}).status_code == 413
    assert client.post("/logout", json={"csrf": "x"}).status_code == 415
    assert client.post("/logout", data={"csrf": "\0"}).status_code == 400
    assert client.post("/logout", content=b"&".join([b"a=1"] * 99), headers=FORM).status_code == 400


def test_a_user_changes_the_password_and_other_sessions_end(client: TestClient, peopled: Database) -> None:
    with TestClient(build_application(peopled, "1"), base_url=HERE) as other:
        log_in(other)
        new = {"old": PASSWORD, "new": "an even longer walk", "again": "an even longer walk"}
        for wrong, said in (
            ({"old": "wrong"}, "the present password is another one"),
            ({"new": "short"}, "12 to 256 characters"),
            ({"new": "aaaaaaaaaaaaaaaa"}, "different characters"),
            ({"new": "rosa rosa rosa"}, "not the user's name"),
            ({"again": "something else"}, "not typed twice"),
        ):
            answer = send(client, "/account", **{**new, **wrong})
            assert answer.status_code in (403, 422)
            assert said in answer.text.replace("&#39;", "'")
        assert "The password is changed" in send(client, "/account", **new).text
        assert client.get("/").status_code == 200
        assert other.get("/", follow_redirects=False).status_code == 303
        assert try_to_log_in(other, "rosa").status_code == 401
        assert try_to_log_in(other, "rosa", "an even longer walk").status_code == 303


def test_who_waits_is_told_so_when_changing_the_password(client: TestClient, peopled: Database) -> None:
    new = {"new": "an even longer walk", "again": "an even longer walk"}
    for _ in range(login.FREE_FOR_USER):
        assert send(client, "/account", old="wrong", **new).status_code == 403
    _set_pauses(peopled, timedelta(hours=1))
    answer = send(client, "/account", old=PASSWORD, **new)
    assert answer.status_code == 429
    assert "too many wrong passwords" in answer.text
    assert 3000 < int(answer.headers["retry-after"]) <= 3600
    _set_pauses(peopled, timedelta(0))
    assert send(client, "/account", old=PASSWORD, **new).status_code == 200


def test_what_is_typed_while_waiting_is_not_kept(stranger: TestClient, peopled: Database) -> None:
    with peopled.write() as session:
        subjects = login.count_subjects("rosa", "testclient")
        assert login_attempts.begin(session, subjects) is None
        session.execute(update(LoginAttempt).values(paused_until=now() + timedelta(hours=1)))
    for number in range(20):
        assert try_to_log_in(stranger, f"guess{number}").status_code == 429
    with peopled.write() as session:
        assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 2
        session.execute(update(LoginAttempt).values(failed_at=now() - timedelta(hours=2), paused_until=None))
    assert try_to_log_in(stranger, "nobody", "wrong").status_code == 401
    with peopled.read() as session:
        assert session.scalar(select(func.count()).select_from(LoginAttempt)) == 2, "and a failure sweeps"


def test_a_caller_s_ipv6_addresses_are_one() -> None:
    keys = [
        login.count_subjects("rosa", address)[1].key
        for address in ("2001:db8::1", "2001:db8::ffff:2", "fe80::1%eth0", "::ffff:192.0.2.1", "192.0.2.1")
    ]
    assert keys[0] == keys[1]
    assert keys[3] == keys[4]
    assert len(set(keys)) == 3


def test_an_outdated_hash_is_made_anew_at_login(stranger: TestClient, peopled: Database) -> None:
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with peopled.write() as session:
        users.set_password(session, "rosa", hashed)
    log_in(stranger)
    with peopled.read() as session:
        assert "m=65536" in str(session.scalar(select(User.password_hash).where(User.name == "rosa")))
    send(stranger, "/logout")
    log_in(stranger)


@pytest.mark.parametrize(
    ("name", "path", "allowed"),
    [
        ("rosa", "/", True),
        ("max", "/", True),
        ("rosa", "/report", False),
        ("max", "/report", True),
        ("ada", "/report/document", True),
        ("rosa", "/report/document", False),
        ("rosa", "/report/disagreements", False),
    ],
)
def test_a_role_opens_its_own_pages(peopled: Database, name: str, path: str, allowed: bool) -> None:
    application = build_application(
        peopled, "1", render_report=lambda first, last, by, form, _: f"<p>{first} {last} {by} {form}</p>"
    )
    with TestClient(application, base_url=HERE) as client:
        assert let_in(client, peopled, name).get(path).status_code == (200 if allowed else 403)
        assert ('href="/report"' in client.get("/").text) is (name != "rosa")


def test_a_changed_role_counts_from_the_next_request_on(client: TestClient, peopled: Database) -> None:
    child = rows.receive(peopled).instance_id
    with peopled.write() as session:
        films.refuse(session, child, Refusal.UNDER_AGE, "9 years old", b"a jpeg")
    assert send_read(client, "/studies/1.2.3", verdict="tb").status_code == 201
    with peopled.write() as session:
        users.set_role(session, "rosa", Role.MANAGER)
    assert send(client, "/studies/1.2.3/reads", verdict="tb").status_code == 403
    assert 'id="read"' not in client.get("/studies/1.2.3").text


def _set_pauses(database: Database, left: timedelta) -> None:
    """Let every pause end after `left`, however slow the machine is."""
    with database.write() as session:
        paused = LoginAttempt.paused_until > LoginAttempt.failed_at
        session.execute(update(LoginAttempt).where(paused).values(paused_until=now() + left))
