"""The commands of docs/dicom/callers-tls-audit.md do what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from db.database import Database
from dicom_gateway.association.tls_settings import ListenerTlsSettings
from tests.integration.listening import gateway
from tests.servers.pacs import echo, need

DOCS = (Path(__file__).parents[3] / "docs" / "dicom" / "callers-tls-audit.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)


def test_the_trial_ca_is_one_that_the_gateway_and_dcmtk_work_with(
    sqlite_database: Database, tmp_path: Path
) -> None:
    need("openssl", "openssl")
    (commands,) = [block for block in blocks("sh") if "openssl req" in block]
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    tls = ListenerTlsSettings(
        port=0, certificate=tmp_path / "gateway.crt", key=tmp_path / "gateway.key", ca=tmp_path / "ca.crt"
    )
    (calls,) = [block for block in blocks("sh") if "echoscu" in block]
    words = calls.splitlines()[0].split()
    options = [str(tmp_path / word) if (tmp_path / word).is_file() else word for word in words[1:5]]
    assert options[0] == "+tls"
    assert words[5] == "ca.crt"
    with gateway(sqlite_database, tmp_path / "spool", 0, accept_plain=False, tls=tls) as scp:
        assert echo(scp.ports[0], "TBSCREEN", *options, str(tmp_path / "ca.crt"))
        assert not echo(scp.ports[0], "TBSCREEN", "+tla", "-ic")
