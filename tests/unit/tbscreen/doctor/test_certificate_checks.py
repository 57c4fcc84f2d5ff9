"""The doctor's checks of certificates and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dicom_gateway.association.tls_settings import ListenerTlsSettings, PeerTlsSettings
from dicom_gateway.audit.audit_settings import AuditSettings
from dicom_gateway.canary.canary_settings import CanarySettings
from dicom_gateway.settings import GatewaySettings, PeerSettings
from notices.notice_settings import NoticeSettings, WebhookSettings
from tbscreen.doctor.certificate_checks import examine_certificates
from tbscreen.doctor.check import Check, Health
from tbscreen.settings import Settings
from tests.servers.certificates import Certificates, Pair


def examine(certificates: Certificates, pair: Pair, peer: PeerTlsSettings | None = None) -> list[Check]:
    own: dict[str, Any] = {"certificate": pair.certificate, "key": pair.key}
    gateway = GatewaySettings(tls=ListenerTlsSettings(ca=certificates.ca, **own))
    peers = (PeerSettings(name="pacs", ae_title="PACS", host="pacs", port=104, tls=peer),) if peer else ()
    return list(examine_certificates(Settings(gateway=gateway, peers=peers)))


def test_each_certificate_s_last_day_is_told_and_a_near_one_marked(certificates: Certificates) -> None:
    checks = examine(certificates, certificates.gateway, PeerTlsSettings(ca=certificates.other_ca))
    assert [check.part for check in checks] == ["gateway TLS", "gateway TLS CA", "peer pacs TLS CA"]
    assert {check.health for check in checks} == {Health.NOTE}
    assert all("holds until 20" in check.finding and "renew" in check.advice for check in checks)


def test_an_expired_certificate_is_bad(certificates: Certificates) -> None:
    own = certificates.expired
    peer = PeerTlsSettings(ca=certificates.ca, certificate=own.certificate, key=own.key)
    checks = examine(certificates, certificates.expired, peer)
    bad = [check for check in checks if check.health is Health.BAD]
    assert [check.part for check in bad] == ["gateway TLS", "peer pacs TLS"]
    assert all("has expired on 2021-01-01" in check.finding for check in bad)


def test_certificates_of_the_audit_repository_canary_films_and_notices_are_told(
    certificates: Certificates, tmp_path: Path
) -> None:
    own = {"certificate": certificates.expired.certificate, "key": certificates.expired.key}
    webhook = WebhookSettings(
        name="engine", url="https://engine/", secret_file=tmp_path / "secret", ca=certificates.other_ca
    )
    settings = Settings(
        audit=AuditSettings(syslog="tls", syslog_host="audit", tls=PeerTlsSettings(**own)),
        gateway=GatewaySettings(canary=CanarySettings(**own)),
        notices=NoticeSettings(webhooks=(webhook,)),
    )
    checks = {check.part: check.health for check in examine_certificates(settings)}
    assert checks == {
        "audit repository TLS": Health.BAD,
        "canary films TLS": Health.BAD,
        "notices to engine CA": Health.NOTE,
    }
    unused = AuditSettings(tls=PeerTlsSettings(**own))
    assert list(examine_certificates(Settings(audit=unused))) == []


def test_a_key_that_everyone_may_read_is_bad_and_one_of_the_group_is_noted(
    certificates: Certificates, tmp_path: Path
) -> None:
    key = tmp_path / "open.key"
    key.write_bytes(certificates.gateway.key.read_bytes())
    for mode, health in ((0o644, Health.BAD), (0o640, Health.NOTE)):
        key.chmod(mode)
        checks = examine(certificates, Pair(certificates.gateway.certificate, key))
        (found,) = [check for check in checks if check.part == "gateway TLS key"]
        assert found.health is health
        assert f"chmod 600 {key}" in found.advice


def test_files_that_cannot_be_used_are_named(certificates: Certificates, tmp_path: Path) -> None:
    mixed = Pair(certificates.gateway.certificate, certificates.modality.key)
    assert "the key does not belong to" in examine(certificates, mixed)[0].finding
    missing = Pair(tmp_path / "none.crt", tmp_path / "none.key")
    checks = examine(certificates, missing, PeerTlsSettings(ca=tmp_path / "none.crt"))
    assert [check.part for check in checks if check.health is Health.BAD] == [
        "gateway TLS",
        "gateway TLS",
        "peer pacs TLS",
        "peer pacs TLS CA",
    ]
    assert all(
        "cannot be read: No such file" in check.finding for check in checks if check.health is Health.BAD
    )
