"""Validities and readers of certificate and key files, beside what OpenSSL says of them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dicom_gateway.association.certificates import find_readers, read_validities
from domain.errors import PermanentError
from tests.servers.certificates import Certificates
from tests.servers.pacs import need


def dates_by_openssl(path: Path) -> list[datetime]:
    command = [need("openssl", "openssl"), "x509", "-in", str(path), "-noout", "-dates"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [
        datetime.strptime(line.partition("=")[2], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        for line in said.splitlines()
    ]


def test_validities_are_those_that_openssl_tells(certificates: Certificates) -> None:
    for path in (certificates.ca, certificates.gateway.certificate, certificates.expired.certificate):
        (found,) = read_validities(path)
        assert [found.not_before, found.not_after] == dates_by_openssl(path)


def test_a_year_with_four_digits_and_a_chain(certificates: Certificates, tmp_path: Path) -> None:
    far = tmp_path / "far.crt"
    command = [need("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "20000"]
    command += ["-subj", "/CN=far", "-keyout", str(tmp_path / "far.key"), "-out", str(far)]
    subprocess.run(command, capture_output=True, check=True)
    chain = tmp_path / "chain.crt"
    chain.write_bytes(certificates.gateway.certificate.read_bytes() + far.read_bytes())
    near, late = read_validities(chain)
    assert late.not_after.year > 2050
    assert [late.not_before, late.not_after] == dates_by_openssl(far)
    assert near == read_validities(certificates.gateway.certificate)[0]


@pytest.mark.parametrize(
    "content", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nMAMC\n-----END CERTIFICATE-----"]
)
def test_what_is_no_certificate_is_said_with_its_path(content: str, tmp_path: Path) -> None:
    path = tmp_path / "file.crt"
    path.write_text(content)
    with pytest.raises(PermanentError, match=r"file\.crt holds"):
        read_validities(path)
    with pytest.raises(PermanentError, match="cannot be read"):
        read_validities(tmp_path / "missing.crt")


@pytest.mark.parametrize(("mode", "readers"), [(0o600, ""), (0o640, "its group"), (0o644, "everyone")])
def test_who_may_read_a_key(mode: int, readers: str, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    key.chmod(mode)
    assert find_readers(key) == readers
