"""Certificates that are revoked or half renewed, on the gateway's port and at peers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from db.database import Database
from dicom_gateway.association.tls_settings import ListenerTlsSettings, PeerTlsSettings
from dicom_gateway.association.verification import echo
from dicom_gateway.settings import PeerSettings
from tests.integration.delivery.couriers import peer
from tests.integration.listening import gateway
from tests.servers.certificates import CertificateAuthority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "ca", "Hospital CA")


@contextmanager
def listening(database: Database, folder: Path, tls: ListenerTlsSettings) -> Iterator[int]:
    with gateway(database, folder / "spool", 0, accept_plain=False, tls=tls) as scp:
        (port,) = scp.ports
        yield port


def called(port: int, **tls: object) -> PeerSettings:
    """The gateway as a peer that is called over TLS."""
    return peer("gateway", "TBSCREEN", port, tls=PeerTlsSettings.model_validate(tls))


def own(pair: Pair) -> dict[str, Path]:
    return {"certificate": pair.certificate, "key": pair.key}


def test_a_revoked_caller_is_refused_as_soon_as_the_list_says_so(
    sqlite_database: Database, tmp_path: Path, authority: CertificateAuthority
) -> None:
    server, good, stolen = (authority.sign(name) for name in ("server", "good", "stolen"))
    crl = tmp_path / "live.crl"
    shutil.copy(authority.list_revoked(), crl)
    tls = ListenerTlsSettings(port=0, ca=authority.certificate, crl=crl, **own(server))
    with listening(sqlite_database, tmp_path, tls) as port:
        caller = {
            name: called(port, ca=authority.certificate, **own(pair))
            for name, pair in (("good", good), ("stolen", stolen))
        }
        assert echo(caller["stolen"], "MODALITY") is None
        shutil.copy(authority.list_revoked(stolen), crl)
        assert echo(caller["stolen"], "MODALITY") is not None
        assert echo(caller["good"], "MODALITY") is None
        shutil.copy(authority.list_revoked(expired=True), crl)
        assert echo(caller["good"], "MODALITY") is not None, "an expired list proves nothing"


def test_a_revoked_peer_is_refused_with_the_reason(
    sqlite_database: Database, tmp_path: Path, authority: CertificateAuthority
) -> None:
    server, caller = authority.sign("server"), authority.sign("caller")
    tls = ListenerTlsSettings(port=0, ca=authority.certificate, **own(server))
    with listening(sqlite_database, tmp_path, tls) as port:
        ca = authority.certificate
        assert echo(called(port, ca=ca, crl=authority.list_revoked(), **own(caller)), "X") is None
        expired = authority.list_revoked(expired=True)
        assert "renew the revocation list" in (
            echo(called(port, ca=ca, crl=expired, **own(caller)), "X") or ""
        )
        revoked = authority.list_revoked(server)
        told = echo(called(port, ca=ca, crl=revoked, **own(caller)), "X") or ""
        assert "certificate revoked" in told
        assert "has to get another certificate" in told


def test_a_peer_is_called_again_after_its_certificate_was_renewed_in_two_steps(
    sqlite_database: Database, tmp_path: Path, authority: CertificateAuthority
) -> None:
    server, first, second = (authority.sign(name) for name in ("server", "first", "second"))
    live = Pair(tmp_path / "live.crt", tmp_path / "live.key")
    shutil.copy(first.certificate, live.certificate)
    shutil.copy(first.key, live.key)
    tls = ListenerTlsSettings(port=0, ca=authority.certificate, **own(server))
    with listening(sqlite_database, tmp_path, tls) as port:
        caller = called(port, ca=authority.certificate, **own(live))
        assert echo(caller, "MODALITY") is None
        shutil.copy(second.certificate, live.certificate)
        assert "the key does not belong to" in (echo(caller, "MODALITY") or ""), "said, and tried again later"
        shutil.copy(second.key, live.key)
        assert echo(caller, "MODALITY") is None


def test_a_file_that_is_no_revocation_list_is_named(tmp_path: Path, authority: CertificateAuthority) -> None:
    told = echo(called(1, ca=authority.certificate, crl=authority.certificate), "MODALITY")
    assert told is not None
    assert "peers.tls.crl" in told
    assert "no PEM revocation list" in told
