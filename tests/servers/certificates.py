"""Certificates and keys by OpenSSL: a CA, what it has signed, and what nobody should accept."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.servers.pacs import need

CONFIGURATION = """\
[ca]
default_ca = this
[this]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
default_crl_days = 2
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, PEM."""

    certificate: Path
    key: Path


class CertificateAuthority:
    """A CA that signs in its own folder.

    Args:
        folder: where everything lies.
        name: in its certificate.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        folder.mkdir(parents=True)
        self.certificate = folder / "ca.crt"
        self._openssl(
            *["req", "-x509", *NEW_KEY, "-days", "2", "-subj", f"/CN={name}"],
            *["-keyout", folder / "ca.key", "-out", self.certificate],
        )
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        (folder / "ca.conf").write_text(CONFIGURATION.format(folder=folder))

    def sign(self, name: str, alternative: str = "DNS:localhost,IP:127.0.0.1", last_day: str = "") -> Pair:
        """Make a key and a certificate.

        Args:
            name: of the files, and common name.
            alternative: subject alternative names.
            last_day: YYMMDD; the day before the last but one by default.
        """
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        request = self._folder / f"{name}.csr"
        self._openssl(
            *["req", *NEW_KEY, "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}"],
            *["-keyout", pair.key, "-out", request],
        )
        days = (
            ["-startdate", "200101000000Z", "-enddate", f"{last_day}000000Z"] if last_day else ["-days", "1"]
        )
        self._openssl(
            *["ca", "-batch", "-notext", "-config", self._folder / "ca.conf", *days],
            *["-cert", self.certificate, "-keyfile", self._folder / "ca.key", "-in", request],
            *["-out", pair.certificate],
        )
        return pair

    def list_revoked(self, *revoked: Pair, expired: bool = False) -> Path:
        """Revoke certificates and write the revocation list.

        Args:
            revoked: certificates that this CA signed.
            expired: True for a list that ended in 2021.
        """
        ours = ["-config", self._folder / "ca.conf", "-cert", self.certificate]
        ours += ["-keyfile", self._folder / "ca.key"]
        for pair in revoked:
            self._openssl("ca", *ours, "-revoke", pair.certificate)
        path = self._folder / ("expired.crl" if expired else "ca.crl")
        days = ["-crl_lastupdate", "200101000000Z", "-crl_nextupdate", "210101000000Z"] if expired else []
        self._openssl("ca", *ours, "-gencrl", *days, "-out", path)
        return path

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        command = [need("openssl", "openssl"), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"openssl: {done.stderr}")


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificates:
    """Certificates and keys for tests of TLS."""

    ca: Path
    """Signed all but the last."""
    gateway: Pair
    modality: Pair
    expired: Pair
    elsewhere: Pair
    """Its certificate names another host."""
    stranger: Pair
    """Signed by another CA."""
    other_ca: Path


def make_certificates(folder: Path) -> Certificates:
    """Make all of them in a folder."""
    ours = CertificateAuthority(folder / "ours", "Hospital CA")
    other = CertificateAuthority(folder / "other", "Other CA")
    return Certificates(
        ours.certificate,
        ours.sign("gateway"),
        ours.sign("modality"),
        ours.sign("expired", last_day="210101"),
        ours.sign("elsewhere", alternative="DNS:pacs.example.org"),
        other.sign("stranger"),
        other.certificate,
    )
