"""The Conformance Statement in docs/ is current, and a real association finds what it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, build_context

from db.database import Database
from dicom_gateway.conformance.statement import write_statement
from dicom_gateway.settings import CourierSettings, GatewaySettings
from tbscreen import __version__
from tests import checkout
from tests.integration.listening import gateway

DOCUMENT = checkout.DOCS / "dicom" / "conformance-statement.md"
UID = r"1\.2\.840\.[0-9.]+"


@pytest.fixture(scope="module")
def statement() -> str:
    return write_statement(GatewaySettings(), CourierSettings(), __version__)


def chapter(statement: str, title: str) -> str:
    """A chapter, up to the next one of the same level."""
    level = title.split()[0]
    found = re.search(rf"^{re.escape(title)}.*?(?=^{level} |\Z)", statement, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[0]


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_the_document_is_current(statement: str) -> None:
    assert DOCUMENT.read_text("utf-8") == statement, (
        "run: tbscreen conformance > docs/dicom/conformance-statement.md"
    )


def test_the_site_s_own_settings_are_in_it() -> None:
    own = GatewaySettings(ae_title="LUNGS", port=104, maximum_associations=7)
    text = write_statement(own, CourierSettings(ae_title="SENDER"), "9.9")
    for word in ("`LUNGS`", "| 104 |", "7 (`gateway.maximum_associations`)", "`SENDER`", "| 9.9 |"):
        assert word in text


def test_a_peer_can_negotiate_all_that_is_promised_and_nothing_else(
    statement: str, sqlite_database: Database, tmp_path: Path
) -> None:
    contexts_accepted = [row for row in rows(chapter(statement, "### 4.2")) if len(row) == 4]
    services = {row[1]: row[3] for row in contexts_accepted if re.fullmatch(UID, row[1])}
    provided = [uid for uid, role in services.items() if role == "SCP"]
    storage = [row[1] for row in rows(chapter(statement, "### 8.4")) if re.fullmatch(UID, row[1])]
    assert len(storage) > 150
    assert len(provided) >= 3
    promised = [*provided, *storage]
    stranger = "1.2.840.10008.5.1.4.1.1.1.99999"
    accepted = set()
    with gateway(sqlite_database, tmp_path / "spool", 0) as scp:
        ae = AE(ae_title="MODALITY")
        for first in range(0, len(promised), 100):
            offered = [*promised[first : first + 100], stranger]
            contexts = [build_context(uid, ImplicitVRLittleEndian) for uid in offered]
            association = ae.associate("127.0.0.1", scp.ports[0], contexts=contexts, ae_title="TBSCREEN")
            accepted |= {str(context.abstract_syntax) for context in association.accepted_contexts}
            association.release()
    assert accepted == set(promised)


def test_every_chapter_of_the_template_has_something_in_it(statement: str) -> None:
    titles = re.findall(r"^#{2,4} .*$", statement, re.MULTILINE)
    assert len(titles) > 25
    for title, following in zip(titles, [*titles[1:], ""], strict=True):
        text = statement.partition(f"{title}\n")[2].partition(f"\n{following}\n" if following else "\0")[0]
        assert len(text) > 30 or following.startswith(f"{title.split()[0]}#"), title
    for word in (
        "1.2.840.10008.1.20.1",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "99TBSCREEN",
        "0xA700",
        "ISO_IR 192",
    ):
        assert word in statement
