"""`tbscreen users`: people come and go, programs get tokens, no password is on a command line."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from db.accounts import api_tokens, users
from db.database import Database
from domain.secret_words import hash_secret
from tbscreen.terminal.invocation import name_user
from tests.servers.audit_schema import check
from tests.unit.tbscreen.conftest import Cli, assert_one_line
from web.access.passwords import verify

PASSWORD = "a longer walk to the lake"


@pytest.fixture
def password_file(place: Path) -> Path:
    file = place / "password"
    file.write_text(PASSWORD + "\n")
    return file


@pytest.fixture
def rosa(quick_cli: Cli, installed: Database, password_file: Path) -> Database:
    """A database in which `rosa` is a reader."""
    done = quick_cli("users", "add", " Rosa", "--password-file", str(password_file))
    assert (done.returncode, done.stdout) == (0, "rosa may log in as reader\n"), done.stderr
    return installed


def test_a_user_is_added_listed_changed_and_shut_out(quick_cli: Cli, rosa: Database, place: Path) -> None:
    (listed,) = json.loads(quick_cli("users", "list", "--json").stdout)
    assert (listed["name"], listed["role"], listed["disabled"]) == ("rosa", "reader", False)
    assert "password_hash" not in listed
    assert "rosa" in quick_cli("users", "list").stdout

    assert quick_cli("users", "role", "rosa", "manager").stdout == "rosa is manager now\n"
    other = place / "other"
    other.write_text("quite another password")
    assert (
        "has a new password" in quick_cli("users", "password", "rosa", "--password-file", str(other)).stdout
    )
    assert "is shut out" in quick_cli("users", "disable", "ROSA").stdout
    with rosa.read() as session:
        found = users.find_credentials(session, "rosa")
    assert found is not None
    assert (found.user.role, found.user.disabled) == ("manager", True)
    assert verify("quite another password", found.password_hash)
    assert not verify(PASSWORD, found.password_hash)
    assert "may log in again" in quick_cli("users", "disable", "rosa", "--undo").stdout


def test_a_reader_reads_blinded_as_the_site_or_the_user_s_own_setting_says(
    quick_cli: Cli, rosa: Database, password_file: Path
) -> None:
    (listed,) = json.loads(quick_cli("users", "list", "--json").stdout)
    assert listed["blinded"] is None
    assert quick_cli("users", "blinded", "rosa", "yes").stdout == "rosa reads blinded: yes\n"
    (listed,) = json.loads(quick_cli("users", "list", "--json").stdout)
    assert listed["blinded"] is True
    assert quick_cli("users", "blinded", "rosa", "site").returncode == 0
    added = ("users", "add", "ben", "--blinded", "no", "--password-file", str(password_file))
    assert quick_cli(*added).returncode == 0
    quick_cli("users", "role", "rosa", "admin")
    assert_one_line(quick_cli("users", "blinded", "rosa", "yes"), "only a reader reads blinded")
    with rosa.read() as session:
        assert {user.name: user.blinded for user in users.list_users(session)} == {"rosa": None, "ben": False}


def test_what_will_not_do_is_one_clear_line(quick_cli: Cli, rosa: Database, place: Path) -> None:
    file = str(place / "password")
    weak = place / "weak"
    for words, said in (
        (("add", "rosa", "--password-file", file), "there is a user rosa already"),
        (("add", "Rosa Luz", "--password-file", file), "a user's name is 1 to 64"),
        (("add", "max", "--password-file", str(place / "nowhere")), "No such file"),
        (("add", "max", "--password-file", str(weak)), "12 to 256 characters"),
        (("add", "max"), "no terminal to ask for the password"),
        (("password", "nobody", "--password-file", file), "there is no such user"),
        (("disable", "nobody"), "there is no such user"),
        (("role", "nobody", "admin"), "there is no such user"),
        (("logout", "nobody"), "there is no such user"),
        (("token", "nobody", "--label", "x"), "there is no such user"),
        (("token", "rosa", "--label", "x", "--scope", "report"), "rosa (reader) may not do this: report"),
        (("tokens", "--revoke", "7"), "there is no token 7"),
    ):
        weak.write_text("too short")
        assert_one_line(quick_cli("users", *words), said)


def test_no_password_is_taken_from_the_command_line(cli: Cli, installed: Database) -> None:
    refused = cli("users", "add", "max", PASSWORD)
    assert refused.returncode == 2
    refused = cli("users", "add", "max", "--password", PASSWORD)
    assert refused.returncode == 2


def test_a_token_is_shown_once_and_revoked(quick_cli: Cli, rosa: Database) -> None:
    (secret,) = quick_cli("users", "token", "rosa", "--label", "RIS", "--scope", "worklist").stdout.split()
    with rosa.read() as session:
        token = api_tokens.find(session, hash_secret(secret))
    assert token is not None
    assert (token.label, token.user.name, sorted(token.scopes)) == ("RIS", "rosa", ["worklist"])
    (listed,) = json.loads(quick_cli("users", "tokens", "--json").stdout)
    assert (listed["user"], listed["scopes"]) == ("rosa", ["worklist"])
    assert secret not in quick_cli("users", "tokens").stdout
    assert f"token {token.id} is revoked" in quick_cli("users", "tokens", "--revoke", str(token.id)).stdout
    with rosa.read() as session:
        assert api_tokens.find(session, hash_secret(secret)) is None


def test_each_change_of_an_account_is_in_the_audit_trail(quick_cli: Cli, rosa: Database, place: Path) -> None:
    other = place / "other"
    other.write_text("quite another password")
    quick_cli("users", "role", "rosa", "manager")
    quick_cli("users", "password", "rosa", "--password-file", str(other))
    secret = quick_cli("users", "token", "rosa", "--label", "RIS").stdout.strip()
    quick_cli("users", "tokens", "--revoke", "1")
    assert quick_cli("users", "logout", "rosa").stdout == "all sessions of rosa are over\n"
    quick_cli("users", "disable", "rosa")
    quick_cli("users", "disable", "rosa", "--undo")
    quick_cli("users", "list")
    (trail,) = place.rglob("command.log")
    text = trail.read_text()
    told = []
    for line in text.splitlines():
        message = fromstring(line)
        check(message)
        who = message.find("ActiveParticipant")
        detail = message.find("ParticipantObjectIdentification/ParticipantObjectDetail")
        assert who is not None
        assert detail is not None
        assert who.attrib["UserID"] == name_user()
        told.append(base64.b64decode(detail.attrib["value"]).decode())
    assert told == [
        "user rosa added as reader",
        "role of user rosa set to manager",
        "password of user rosa set",
        "token 'RIS' issued for user rosa: report, worklist",
        "token 1 revoked",
        "sessions of user rosa ended",
        "user rosa disabled",
        "user rosa enabled",
    ]
    for hidden in (PASSWORD, "quite another password", secret):
        assert hidden not in text
