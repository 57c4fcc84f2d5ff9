"""One file and the environment; what is wrong is named, and no password is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from domain.errors import PermanentError
from tbscreen.settings import MAX_SOCKET_PATH_BYTES, Settings, load_settings
from tests.unit.tbscreen.conftest import Cli

SECRET = "s3cr3t-pa55word"


def test_without_file_and_environment_the_defaults_hold(place: Path) -> None:
    settings = load_settings()
    assert settings.gateway.ae_title == "TBSCREEN"
    assert settings.gateway.port == 11112
    assert settings.web.host == "127.0.0.1"
    assert settings.peers == ()
    assert settings.resolve_database_url() == f"sqlite:///{place.resolve()}/data/tbscreen.sqlite3"
    assert settings.resolve_broker_url() == f"redis+socket://{place.resolve()}/data/run/redis.sock"


def test_the_file_in_the_working_directory_is_read(place: Path) -> None:
    (place / "tbscreen.toml").write_text(
        'log_format = "json"\n[gateway]\nport = 104\n[[peers]]\nname = "pacs"\nae_title = "PACS"\n'
        'host = "10.0.0.5"\nport = 4242\n'
    )
    settings = load_settings()
    assert (settings.log_format, settings.gateway.port) == ("json", 104)
    assert [(peer.name, peer.port, peer.send_reports) for peer in settings.peers] == [("pacs", 4242, True)]


def test_the_file_that_the_variable_names_is_read_instead(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "tbscreen.toml").write_text("[gateway]\nport = 104\n")
    (place / "other.toml").write_text("[gateway]\nport = 105\n")
    monkeypatch.setenv("TBSCREEN_CONFIG", str(place / "other.toml"))
    assert load_settings().gateway.port == 105


def test_a_named_file_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBSCREEN_CONFIG", "/nowhere/tbscreen.toml")
    with pytest.raises(
        PermanentError, match=r"TBSCREEN_CONFIG = '/nowhere/tbscreen\.toml': the file does not exist"
    ):
        load_settings()


def test_the_environment_wins_over_the_file_key_by_key(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "tbscreen.toml").write_text('[gateway]\nport = 104\nae_title = "FROMFILE"\n')
    monkeypatch.setenv("TBSCREEN_GATEWAY__PORT", "105")
    monkeypatch.setenv("TBSCREEN_WEB__PORT", "0")
    monkeypatch.setenv("TBSCREEN_DATA_DIRECTORY", "/srv/tb")
    settings = load_settings()
    assert (settings.gateway.port, settings.gateway.ae_title) == (105, "FROMFILE")
    assert settings.web.port == 0
    assert settings.data_directory == Path("/srv/tb")


def test_peers_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = '[{"name": "pacs", "ae_title": "PACS", "host": "10.0.0.5", "port": 104}]'
    monkeypatch.setenv("TBSCREEN_PEERS", peers)
    assert [peer.name for peer in load_settings().peers] == ["pacs"]


@pytest.mark.parametrize(
    ("toml", "named"),
    [
        ("porte = 1", "porte: there is no such setting (did you mean gateway.port?)"),
        ("[gateway]\nporte = 1", "gateway.porte: there is no such setting (did you mean gateway.port?)"),
        ("[gatway]\nport = 1", "gatway: there is no such setting (did you mean gateway?)"),
        ("[gateway]\nxyzzy = 1", "gateway.xyzzy: there is no such setting. "),
        (
            '[[peers]]\nname = "p"\nae_title = "P"\nhost = "h"\nport = 1\nsend_report = true',
            "[[peers]] number 1: send_report: there is no such setting (did you mean peers.send_reports?)",
        ),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_key(place: Path, toml: str, named: str) -> None:
    (place / "tbscreen.toml").write_text(toml)
    with pytest.raises(PermanentError) as caught:
        load_settings()
    assert str(caught.value).startswith(named)
    assert "'tbscreen settings' lists all settings" in str(caught.value)
    assert len(str(caught.value)) < 160


@pytest.mark.parametrize("name", ["TBSCREEN_PORT", "TBSCREEN_GATEWAY_PORT", "TBSCREEN_GATEWAY__PORTE"])
def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(PermanentError, match=rf"^environment variable {name} is not a setting") as caught:
        load_settings()
    if name != "TBSCREEN_PORT":
        assert "(did you mean TBSCREEN_GATEWAY__PORT?)" in str(caught.value)


def test_keys_that_do_not_go_together_are_named_by_their_section(place: Path) -> None:
    (place / "tbscreen.toml").write_text('[web]\nhost = "0.0.0.0"')
    with pytest.raises(PermanentError, match=r"^web: without tls_certificate and tls_key"):
        load_settings()


@pytest.mark.parametrize(
    ("toml", "key", "value", "allowed"),
    [
        ("[gateway]\nport = 70000", "gateway.port", "70000", "65535"),
        ('[gateway]\nport = "many"', "gateway.port", "'many'", "a whole number is needed"),
        ('log_format = "xml"', "log_format", "'xml'", "allowed are console, json"),
        ('[gateway]\nae_title = "A TITLE TOO LONG FOR DICOM"', "gateway.ae_title", "'A TITLE", "1 to 16"),
        ('[gateway]\nae_title = "A\\\\B"', "gateway.ae_title", "'A\\\\B'", "no backslash"),
        ('[web]\nhost = "hospital"', "web.host", "'hospital'", "IPv4 or IPv6 address"),
        ("[worker]\nprocesses = 0", "worker.processes", "0", "at least 1 is needed"),
        (
            '[courier]\nfinding_code = "loinc"',
            "courier.finding_code",
            "'loinc'",
            "allowed are tbscreen, snomed",
        ),
        (
            '[[peers]]\nname = "p"\nae_title = "P"\nhost = "h"\nport = 0',
            "[[peers]] number 1: port",
            "0",
            "at least 1",
        ),
    ],
)
def test_a_bad_value_is_named_with_its_key_and_what_is_allowed(
    place: Path, toml: str, key: str, value: str, allowed: str
) -> None:
    (place / "tbscreen.toml").write_text(toml)
    with pytest.raises(PermanentError) as caught:
        load_settings()
    said = str(caught.value)
    assert said.startswith(f"{key} = {value}")
    assert allowed in said


def test_a_missing_key_is_named_with_its_table_entry_and_name(place: Path) -> None:
    whole = '[[peers]]\nname = "pacs"\nae_title = "P"\nhost = "h"\nport = 104\n'
    (place / "tbscreen.toml").write_text(f'{whole}[[peers]]\nname = "archive"\nhost = "h"\nport = 104\n')
    with pytest.raises(PermanentError, match=r"^\[\[peers\]\] number 2 \('archive'\): ae_title is missing$"):
        load_settings()


def test_a_url_with_a_password_is_hidden_under_any_key(place: Path) -> None:
    (place / "tbscreen.toml").write_text(f'[gateway]\nport = "http://me:{SECRET}@host"\n')
    with pytest.raises(PermanentError, match=r"^gateway\.port = \(hidden\): a whole number is needed$"):
        load_settings()


def test_all_that_is_wrong_is_said_at_once(place: Path) -> None:
    (place / "tbscreen.toml").write_text('log_format = "xml"\n[gateway]\nport = -1\n')
    with pytest.raises(PermanentError) as caught:
        load_settings()
    assert [line.split(" = ")[0] for line in str(caught.value).splitlines()] == ["log_format", "gateway.port"]


def test_a_peer_s_name_is_given_once(place: Path) -> None:
    peer = '[[peers]]\nname = "pacs"\nae_title = "P"\nhost = "h"\nport = 104\n'
    (place / "tbscreen.toml").write_text(peer * 2)
    with pytest.raises(PermanentError, match="the name 'pacs' is given twice"):
        load_settings()


def test_a_file_that_is_not_toml_is_named_with_the_line(place: Path) -> None:
    (place / "tbscreen.toml").write_text("[gateway]\nport = = 1\n")
    with pytest.raises(PermanentError, match=r"tbscreen\.toml: not valid TOML: .*line 2"):
        load_settings()


def test_a_variable_that_should_hold_json_and_does_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBSCREEN_PEERS", "pacs:104")
    with pytest.raises(PermanentError, match="peers"):
        load_settings()


@pytest.mark.parametrize("from_file", [True, False])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("database_url", f"mysql://me:{SECRET}@host/name"),
        ("database_url", f"postgres://me:{SECRET}@host/name"),
        ("database_url", f"postgresql://me:{SECRET}@host:name/x"),
        ("database_url", SECRET),
        ("database_url", ""),
        ("broker_url", f"amqp://me:{SECRET}@host"),
        ("broker_url", f"redis://:{SECRET}/x@host:6379/0"),
        ("broker_url", SECRET),
    ],
)
def test_a_bad_url_is_refused_and_its_password_never_shown(
    place: Path, monkeypatch: pytest.MonkeyPatch, key: str, value: str, from_file: bool
) -> None:
    if from_file:
        (place / "tbscreen.toml").write_text(f'{key} = "{value}"\n')
    else:
        monkeypatch.setenv(f"TBSCREEN_{key.upper()}", value)
    with pytest.raises(PermanentError) as caught:
        load_settings()
    assert SECRET not in str(caught.value)
    assert key in str(caught.value)
    assert "://" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("toml", [f'database_url = ["{SECRET}"]', f'[database_url]\nurl = "{SECRET}"'])
def test_a_url_of_the_wrong_type_is_refused_and_not_shown(place: Path, toml: str) -> None:
    (place / "tbscreen.toml").write_text(toml)
    with pytest.raises(PermanentError) as caught:
        load_settings()
    assert str(caught.value).startswith("database_url = (hidden): ")
    assert SECRET not in str(caught.value)


def test_a_password_beside_another_mistake_is_not_shown(place: Path) -> None:
    (place / "tbscreen.toml").write_text(
        f'database_url = "postgresql://me:{SECRET}@host/name"\nbroker_url = "redis://:{SECRET}@host/0"\n'
        "[gateway]\nport = -1\n"
    )
    with pytest.raises(PermanentError) as caught:
        load_settings()
    assert SECRET not in str(caught.value)


def test_passwords_are_not_in_what_is_printed_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TBSCREEN_DATABASE_URL", f"postgresql://me:{SECRET}@host/name")
    monkeypatch.setenv("TBSCREEN_BROKER_URL", f"redis://:{SECRET}@host/0")
    settings = load_settings()
    assert SECRET in settings.resolve_database_url()
    for text in (repr(settings), str(settings), repr(settings.database_settings())):
        assert SECRET not in text


def test_a_url_comes_from_a_file_of_its_own(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "tbscreen.toml").write_text('database_url = "sqlite:////elsewhere"\n')
    url = f"postgresql://me:{SECRET}@db/tb"
    (place / "url").write_text(f"{url}\n")
    monkeypatch.setenv("TBSCREEN_DATABASE_URL_FILE", str(place / "url"))
    assert load_settings().database_url == url
    for content in (b"", b"two\nlines", b"\xff\xfe", b"x" * 5000):
        (place / "url").write_bytes(content)
        with pytest.raises(PermanentError, match=r"TBSCREEN_DATABASE_URL_FILE = .*: the file holds one line"):
            load_settings()
    (place / "url").write_text(f"mysql://me:{SECRET}@db/tb")
    with pytest.raises(PermanentError, match="database_url is") as wrong:
        load_settings()
    assert SECRET not in str(wrong.value)
    (place / "url").unlink()
    with pytest.raises(PermanentError, match=r"TBSCREEN_DATABASE_URL_FILE = .*: No such file"):
        load_settings()
    monkeypatch.setenv("TBSCREEN_DATABASE_URL", url)
    with pytest.raises(PermanentError, match="do not go together"):
        load_settings()


def test_settings_do_not_change(place: Path) -> None:
    settings = load_settings()
    for part in (settings, settings.gateway, settings.worker, settings.courier, settings.web):
        field = next(iter(type(part).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(part, field, getattr(part, field))


def test_a_socket_path_that_fits_is_in_the_data_directory(place: Path) -> None:
    base = place.resolve()
    room = MAX_SOCKET_PATH_BYTES - len(os.fsencode(base / "x" / "run" / "redis.sock")) + 1
    longest = Settings(data_directory=base / ("d" * room))
    assert len(os.fsencode(longest.private_redis_socket())) == MAX_SOCKET_PATH_BYTES
    assert longest.private_redis_socket().is_relative_to(base)


@pytest.mark.parametrize("name", ["d" * 100, "ä" * 50])
def test_a_socket_path_that_is_too_long_falls_back_to_tmp(place: Path, name: str) -> None:
    first = Settings(data_directory=place / name)
    second = Settings(data_directory=place / (name + "x"))
    assert first.private_redis_socket().is_relative_to("/tmp")
    assert len(os.fsencode(first.private_redis_socket())) <= MAX_SOCKET_PATH_BYTES
    assert first.private_redis_socket() == Settings(data_directory=place / name).private_redis_socket()
    assert first.private_redis_socket() != second.private_redis_socket()


def test_a_file_is_checked_without_starting_anything(
    quick_cli: Cli, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TBSCREEN_CONFIG", "")  # which the command sets: it is put back after the test
    (place / "new.toml").write_text("[gateway]\nport = 104\n")
    good = quick_cli("settings", "check", "new.toml")
    assert (good.returncode, good.stdout) == (0, "new.toml: all settings are valid\n")
    (place / "new.toml").write_text("[gateway]\nprot = 104\nae_title = 7\n")
    bad = quick_cli("settings", "check", "new.toml")
    assert bad.returncode == 1
    assert "gateway.prot: there is no such setting (did you mean gateway.port?)" in bad.stderr
    assert "gateway.ae_title = 7: a text in quotes is needed" in bad.stderr
    assert quick_cli("settings", "check", "away.toml").stderr == "tbscreen: away.toml is not a file\n"
    assert [path.name for path in place.iterdir()] == ["new.toml"]


def test_a_port_for_results_that_others_reach_needs_their_addresses_and_tls() -> None:
    def check(**values: Any) -> str:
        try:
            Settings.model_validate({"hl7": {"results": {"port": 2575, **values}}})
        except ValidationError as error:
            return str(error)
        return ""

    others: dict[str, Any] = {"host": "0.0.0.0", "peers": ["192.0.2.10"]}
    assert check() == ""
    assert "hl7.results.peers" in check(host="0.0.0.0", tls=False)
    assert "[gateway.tls]" in check(**others)
    assert check(**others, tls=False) == ""
