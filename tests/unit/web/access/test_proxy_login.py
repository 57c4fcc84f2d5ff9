"""Login by a reverse proxy: believed from its address with its secret alone; sessions as after a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from db.accounts import users
from db.database import Database
from domain.errors import PermanentError
from domain.roles import Role
from tests.unit.web.browsers import read_csrf, send, try_to_log_in
from tests.unit.web.conftest import HERE
from web.access.audit import ChangeKind, NoAuditTrail
from web.application import build_application
from web.server import believe_proxies
from web.settings import WebSettings

SECRET = "0123456789abcdef0123"
PROXY = "192.0.2.1"
GROUPS = [{"group": "TB admins", "role": "admin"}, {"group": "radiology", "role": "reader"}]


class Trail(NoAuditTrail):
    """Keeps logins, refused headers and changes."""

    def __init__(self) -> None:
        self.logins: list[tuple[str, bool]] = []
        self.refused: list[str] = []
        self.changes: list[str] = []

    def record_login(self, user: str, address: str, *, is_right: bool) -> None:
        """Keep a login."""
        self.logins.append((user, is_right))

    def record_wrong_proxy(self, address: str) -> None:
        """Keep a refused header."""
        self.refused.append(address)

    def record_change(self, user: str, address: str, kind: ChangeKind, change: str) -> None:
        """Keep a change."""
        self.changes.append(change)


@pytest.fixture
def trail() -> Trail:
    return Trail()


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "proxy.secret"
    path.write_text(f"{SECRET}\n")
    return path


@contextmanager
def browsing(
    database: Database, trail: Trail, secret_file: Path, address: str = PROXY, **proxy: Any
) -> Iterator[TestClient]:
    """A browser whose requests reach the page from this address."""
    values = {"addresses": [PROXY], "secret_file": secret_file, **proxy}
    settings = WebSettings.model_validate({"proxy_login": values, "trusted_proxies": [PROXY, "198.51.100.9"]})
    application = build_application(database, "1", settings, audit=trail)
    with TestClient(believe_proxies(application, settings), base_url=HERE, client=(address, 4711)) as client:
        yield client


def name(user: str | None = None, secret: str = SECRET, groups: str | None = None) -> dict[str, str]:
    """Return the headers of the proxy."""
    headers = {"X-Tbscreen-Proxy-Secret": secret}
    headers |= {} if user is None else {"X-Remote-User": user}
    return headers | ({} if groups is None else {"X-Remote-Groups": groups})


def go_on(client: TestClient, next_: str = "") -> httpx.Response:
    """Press the button of the login page."""
    csrf = read_csrf(client.get("/login").text)
    form = {"csrf": csrf, "by": "proxy", "next": next_}
    return client.post("/login", data=form, follow_redirects=False)


def test_a_user_whom_the_proxy_names_goes_on_without_a_password(
    peopled: Database, trail: Trail, secret_file: Path
) -> None:
    with browsing(peopled, trail, secret_file) as client:
        client.headers.update(name("Rosa"))
        assert client.get("/", follow_redirects=False).headers["location"] == "/login"
        assert "Go on as rosa" in client.get("/login").text
        answer = go_on(client, "/account")
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        assert "rosa" in client.get("/account").text
        assert trail.logins == [("rosa", True)]
        assert client.get("/report").status_code == 403, "the role is that of the database"
        assert send(client, "/logout").headers["location"] == "/login"
        assert client.get("/", follow_redirects=False).status_code == 303
    assert trail.refused == []


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        (PROXY, name("rosa", "another secret of length")),
        (PROXY, {"X-Remote-User": "rosa"}),
        ("192.0.2.2", name("rosa")),
        # Another proxy, whose X-Forwarded-For is believed, and that names the right address.
        ("198.51.100.9", name("rosa") | {"X-Forwarded-For": PROXY}),
    ],
    ids=["wrong secret", "no secret", "another address", "forged forwarding"],
)
def test_the_header_is_ignored_from_anyone_else_and_recorded(
    address: str, headers: dict[str, str], peopled: Database, trail: Trail, secret_file: Path
) -> None:
    with browsing(peopled, trail, secret_file, address) as client:
        client.headers.update(headers)
        assert "Go on as" not in client.get("/login").text
        assert len(trail.refused) == 1
        assert go_on(client).status_code == 401
        assert client.get("/", follow_redirects=False).status_code == 303
        assert try_to_log_in(client, "rosa").status_code == 303, "the password stays a way"
    assert trail.logins == [("", False), ("rosa", True)]


def test_a_name_given_twice_is_not_believed(peopled: Database, trail: Trail, secret_file: Path) -> None:
    """A proxy that adds its header to the browser's."""
    twice = [("X-Remote-User", "ada"), ("X-Remote-User", "rosa"), ("X-Tbscreen-Proxy-Secret", SECRET)]
    with browsing(peopled, trail, secret_file) as client:
        assert "Go on as" not in client.get("/login", headers=httpx.Headers(twice)).text
    assert len(trail.refused) == 1


def test_a_form_of_another_site_logs_nobody_in(peopled: Database, trail: Trail, secret_file: Path) -> None:
    with browsing(peopled, trail, secret_file) as client:
        client.headers.update(name("rosa"))
        csrf = read_csrf(client.get("/login").text)
        form = {"csrf": csrf, "by": "proxy"}
        assert client.post("/login", data={"by": "proxy"}, follow_redirects=False).status_code == 403
        other = client.post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
        assert other.status_code == 403
    assert trail.logins == []


def test_unknown_and_disabled_users_are_refused(peopled: Database, trail: Trail, secret_file: Path) -> None:
    with peopled.write() as session:
        users.set_disabled(session, "max", True)
    with browsing(peopled, trail, secret_file) as client:
        for user in ("max", "nobody", "no user!"):
            client.headers.update(name(user))
            assert go_on(client).status_code == 401
    assert trail.logins == [("max", False), ("nobody", False), ("", False)]


def test_a_session_ends_when_the_proxy_names_another_user_or_the_user_is_disabled(
    peopled: Database, trail: Trail, secret_file: Path
) -> None:
    with browsing(peopled, trail, secret_file) as client:
        client.headers.update(name("ada"))
        go_on(client)
        assert client.get("/account", follow_redirects=False).status_code == 200
        other = client.get("/account", headers=name("rosa"), follow_redirects=False)
        assert other.status_code == 303
        assert client.get("/account", follow_redirects=False).status_code == 303, "it has ended for good"
        go_on(client)
        with peopled.write() as session:
            users.set_disabled(session, "ada", True)
        assert client.get("/account", follow_redirects=False).status_code == 303


def test_groups_decide_the_role_at_each_login_and_add_users(
    peopled: Database, trail: Trail, secret_file: Path
) -> None:
    grouped = {"groups_header": "X-Remote-Groups", "groups": GROUPS, "create_users": True}

    def read_role(user: str) -> Role | None:
        with peopled.read() as session:
            found = users.find_credentials(session, user)
        return None if found is None else found.user.role

    with browsing(peopled, trail, secret_file, **grouped) as client:
        client.headers.update(name("nina", groups="staff, radiology"))
        assert go_on(client).status_code == 303
        assert read_role("nina") is Role.READER
        assert try_to_log_in(client, "nina", "").status_code == 401, "nobody knows the new user's password"
        client.headers.update(name("nina", groups="radiology,TB admins"))
        assert go_on(client).status_code == 303
        assert read_role("nina") is Role.ADMIN
        client.headers.update(name("ada", groups="staff"))
        assert go_on(client).status_code == 401, "in none of the groups"
        client.headers.update(name("otto", groups=""))
        assert go_on(client).status_code == 401
    assert read_role("otto") is None
    assert trail.changes == [
        "user nina added with role reader, by a group of the proxy",
        "role of nina changed from reader to admin, by a group of the proxy",
    ]


def test_without_the_setting_no_user_is_added(peopled: Database, trail: Trail, secret_file: Path) -> None:
    grouped = {"groups_header": "X-Remote-Groups", "groups": GROUPS}
    with browsing(peopled, trail, secret_file, **grouped) as client:
        client.headers.update(name("nina", groups="radiology"))
        assert go_on(client).status_code == 401


def test_a_logout_leads_to_the_proxy_s_own(peopled: Database, trail: Trail, secret_file: Path) -> None:
    with browsing(peopled, trail, secret_file, logout_url="/oauth2/sign_out") as client:
        client.headers.update(name("rosa"))
        go_on(client)
        assert send(client, "/logout").headers["location"] == "/oauth2/sign_out"


def test_where_it_is_not_set_the_header_means_nothing(stranger: TestClient) -> None:
    assert "Go on as" not in stranger.get("/login", headers=name("rosa")).text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"addresses": ["0.0.0.0/0"]}, "every address"),
        ({"addresses": []}, "addresses"),
        ({"addresses": ["proxy.example"]}, "addresses"),
        ({"groups": GROUPS}, "go together"),
        ({"groups_header": "X-Groups"}, "go together"),
        ({"create_users": True}, "needs groups"),
        ({"user_header": "X-Tbscreen-Proxy-Secret"}, "different headers"),
        ({"user_header": "X Remote"}, "user_header"),
        ({"logout_url": "http://proxy.example/"}, "logout_url"),
    ],
)
def test_mistakes_in_the_settings_are_refused(change: dict[str, Any], reason: str, secret_file: Path) -> None:
    with pytest.raises(ValidationError, match=reason):
        WebSettings.model_validate(
            {"proxy_login": {"addresses": [PROXY], "secret_file": secret_file} | change}
        )


@pytest.mark.parametrize("content", ["", "short", "two words of 16 characters"])
def test_a_secret_of_no_use_ends_the_start(
    content: str, peopled: Database, trail: Trail, secret_file: Path
) -> None:
    secret_file.write_text(content)
    with pytest.raises(PermanentError, match="16 ASCII characters"), browsing(peopled, trail, secret_file):
        pass
