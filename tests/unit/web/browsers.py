"""A browser without a screen: Starlette's client that logs in and sends forms as the page has them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from db.accounts import users, web_sessions
from db.database import Database
from domain.secret_words import hash_secret, make_secret
from tests.unit.web.reading_room import PASSWORD

CSRF = re.compile(r'name="csrf" value="([0-9a-f]{64})"')
TO_SEE = re.compile(r'data-instance="(\d+)" data-to-see')
SESSION = "tbscreen-session"


def read_csrf(page: str) -> str:
    """Return the word that the page's forms carry."""
    found = CSRF.search(page)
    assert found is not None, page
    return found[1]


def try_to_log_in(client: TestClient, name: str, password: str = PASSWORD, next_: str = "") -> Response:
    """Send the login form; redirects are not followed."""
    form = {"csrf": read_csrf(client.get("/login").text), "name": name, "password": password, "next": next_}
    return client.post("/login", data=form, follow_redirects=False)


def log_in(client: TestClient, name: str = "rosa") -> TestClient:
    """Log in, and see that it worked."""
    answer = try_to_log_in(client, name)
    assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
    return client


def let_in(client: TestClient, database: Database, name: str = "rosa") -> TestClient:
    """Give the client a session as a login would, without the time that a password takes."""
    secret = make_secret()
    with database.write() as session:
        credentials = users.find_credentials(session, name)
        assert credentials is not None
        web_sessions.begin(session, hash_secret(secret), credentials.user.id, timedelta(hours=12))
    client.cookies.clear()
    client.cookies.set(SESSION, secret, domain="127.0.0.1", path="/")
    return client


def send(client: TestClient, path: str, **fields: Any) -> Response:
    """Send a form with the right word; redirects are not followed."""
    csrf = read_csrf(client.get("/").text)
    return client.post(path, data={"csrf": csrf, **fields}, follow_redirects=False)


def list_shown(client: TestClient, study: str) -> list[str]:
    """Return the tokens of all films of a study that are to be seen, as the page's script collects them."""
    films = TO_SEE.findall(client.get(study).text)
    return [client.get(f"{study}/films/{film}/film.jpg").headers.get("X-Film-Token", "") for film in films]


def send_read(client: TestClient, study: str, **fields: Any) -> Response:
    """Look at each film of a study (`/studies/…`), then send a read."""
    return send(client, f"{study}/reads", shown=" ".join(list_shown(client, study)), **fields)
