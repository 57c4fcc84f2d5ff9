"""Deliveries by STOW-RS: the same outbox, retries, breaker and replay as by C-STORE."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from db.database import Database
from db.delivery import deliveries
from dicom_gateway.association.tls_settings import ListenerTlsSettings, PeerTlsSettings
from dicom_gateway.delivery.stow_scu import probe
from dicom_gateway.settings import PeerProtocol, PeerSettings
from tests.integration.delivery.couriers import courier, look, make_reports
from tests.integration.dicomweb.test_stow import list_rows
from tests.integration.listening import gateway
from tests.servers.certificates import CertificateAuthority
from tests.servers.peers.stow_requests import make_token
from tests.servers.peers.stow_scp import stow_scp
from tests.servers.ports import free_port, wait_until


def web_peer(url: str, token_file: Path | None = None, tls: PeerTlsSettings | None = None) -> PeerSettings:
    return PeerSettings(name="web", protocol=PeerProtocol.DICOMWEB, url=url, token_file=token_file, tls=tls)


def wait_for(database: Database, states: list[str]) -> None:
    wait_until(lambda: look(database, "web").states == states, 60, f"the deliveries are {states}")


def test_reports_are_delivered_byte_for_byte_and_once(sqlite_database: Database, tmp_path: Path) -> None:
    made = make_reports(sqlite_database, 3, ["web"], tmp_path)
    token_file = tmp_path / "token"
    token_file.write_text("secret-word\n")
    with stow_scp() as scp, courier(sqlite_database, [web_peer(scp.url, token_file)]):
        wait_for(sqlite_database, ["delivered"] * 3)
    assert sorted(scp.stored) == sorted(made)
    assert all(len(sent) == 1 for sent in scp.stored.values())
    assert set(scp.tokens) == {"Bearer secret-word"}


def test_a_transient_reason_is_tried_again_and_a_permanent_one_parked(
    sqlite_database: Database, tmp_path: Path
) -> None:
    make_reports(sqlite_database, 3, ["web"], tmp_path)
    answers = {0: (409, 0xA700), 1: (409, 0xC000)}
    with stow_scp(lambda number: answers.get(number, (200, 0))) as scp:
        with courier(sqlite_database, [web_peer(scp.url)]):
            wait_until(
                lambda: sorted(look(sqlite_database, "web").states) == ["delivered", "delivered", "parked"],
                60,
                "one is parked, two are delivered",
            )
        (error,) = [error for error in look(sqlite_database, "web").errors if error]
        assert "0xC000" in error
        assert len(scp.stored) == 2
        with sqlite_database.write() as session:
            assert deliveries.replay(session) == 1
        with courier(sqlite_database, [web_peer(scp.url)]):
            wait_for(sqlite_database, ["delivered"] * 3)
    assert len(scp.stored) == 3


def test_a_peer_that_is_away_or_knows_no_token_delays_and_parks_nothing(
    sqlite_database: Database, tmp_path: Path
) -> None:
    make_reports(sqlite_database, 2, ["web"], tmp_path)
    with courier(sqlite_database, [web_peer(f"http://127.0.0.1:{free_port()}/dicom-web")]):
        wait_until(lambda: any(look(sqlite_database, "web").errors), 60, "it was tried")
    assert "nothing answers" in next(filter(None, look(sqlite_database, "web").errors))
    with (
        stow_scp(lambda number: (401, -1) if number < 3 else (200, 0)) as scp,
        courier(sqlite_database, [web_peer(scp.url)]),
    ):
        wait_for(sqlite_database, ["delivered"] * 2)
    assert len(scp.tokens) == 5, "three refusals, and nothing parked"


def test_a_gateway_of_another_site_is_a_peer_over_tls(sqlite_database: Database, tmp_path: Path) -> None:
    """STOW out meets STOW in: client certificate, and a token that is read from its file."""
    make_reports(sqlite_database, 1, ["web"], tmp_path)
    before = len(list_rows(sqlite_database))
    authority = CertificateAuthority(tmp_path / "ca", "Hospital CA")
    server, own = authority.sign("server"), authority.sign("courier")
    listener = ListenerTlsSettings(
        port=0, ca=authority.certificate, certificate=server.certificate, key=server.key
    )
    senders = [{"ae_title": "COURIER", "certificate_names": ["courier"]}]
    settings = {"tls": listener, "dicomweb": {"port": 0, "senders": senders}}
    with gateway(sqlite_database, tmp_path / "spool", 0, **settings) as running:
        url = f"https://localhost:{running.scp.dicomweb_port}/dicom-web"
        known = PeerTlsSettings(ca=authority.certificate, certificate=own.certificate, key=own.key)
        anonymous = PeerTlsSettings(ca=authority.certificate)
        token_file = tmp_path / "token"
        token_file.write_text(make_token(sqlite_database, "COURIER"))
        assert probe(web_peer(url, tls=known), 20) is None
        assert "peers.tls.ca" in (probe(web_peer(url), 20) or "")
        with courier(sqlite_database, [web_peer(url, tls=known)]):
            wait_for(sqlite_database, ["delivered"])
        assert len(list_rows(sqlite_database)) == before + 1
        assert list_rows(sqlite_database)[-1].calling_ae_title == "COURIER"
        with sqlite_database.write() as session:
            assert deliveries.replay(session, delivered=True) == 1
        with courier(sqlite_database, [web_peer(url, token_file, anonymous)]):
            wait_for(sqlite_database, ["delivered"])
    assert len(list_rows(sqlite_database)) == before + 1, "the same object is the same row"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"protocol": "dicomweb"}, "url is like"),
        ({"protocol": "dicomweb", "url": "ftp://pacs/x"}, "url is like"),
        ({"protocol": "dicomweb", "url": "https://user:word@pacs/x"}, "without user"),
        ({"protocol": "dicomweb", "url": "https://pacs/x", "commitment": True}, "no storage commitment"),
        ({"protocol": "dicomweb", "url": "https://pacs/x", "host": "pacs"}, "in place of"),
        ({"protocol": "dicomweb", "url": "http://pacs/x", "token_file": "t"}, "in the clear"),
        ({"protocol": "dicomweb", "url": "http://pacs/x", "tls": {}}, "needs a url with https"),
        ({"host": "pacs", "port": 104}, "ae_title is missing"),
        ({"ae_title": "A", "host": "pacs", "port": 104, "url": "https://pacs/x"}, "go with protocol"),
    ],
)
def test_settings_that_do_not_fit_are_named(settings: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        PeerSettings(name="web", **settings)  # type: ignore[arg-type]
