"""The settings and tables of docs/dicom/dicomweb.md are those of the code."""

from __future__ import annotations

import re
import tomllib

from dicom_gateway.conformance.web_reading import RETRIEVE_STATUSES
from dicom_gateway.conformance.web_services import FAILURE_REASONS, HTTP_STATUSES
from dicom_gateway.settings import GatewaySettings, PeerProtocol, PeerSettings
from tests.checkout import ROOT

TEXT = (ROOT / "docs" / "dicom" / "dicomweb.md").read_text("utf-8")


def test_the_settings_are_settings() -> None:
    receiving, sending = re.findall(r"^```toml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    gateway = GatewaySettings(**tomllib.loads(receiving)["gateway"])
    assert gateway.dicomweb is not None
    assert gateway.tls is not None
    assert gateway.dicomweb.senders[0].ae_title == "CT1"
    (table,) = tomllib.loads(sending)["peers"]
    assert PeerSettings(**table).protocol is PeerProtocol.DICOMWEB


def test_the_tables_name_every_status_and_reason() -> None:
    part = TEXT.partition("**Durable before the answer.**")[2].partition("\n## ")[0]
    told = {int(number) for number in re.findall(r"\b([245]\d\d)\b", part)}
    assert told == set(HTTP_STATUSES)
    reasons = {int(reason, 16) for reason in re.findall(r"0x([0-9A-F]{4})", part)}
    assert reasons == set(FAILURE_REASONS)


def test_what_is_said_of_retrieval_are_statuses_of_the_code() -> None:
    part = TEXT.partition("## Reports and films by WADO-RS")[2].partition("\n## ")[0]
    told = {int(number) for number in re.findall(r"\b(?:with|and) ([245]\d\d)\b", part)}
    assert told == {206, 406, 410}
    assert told < set(RETRIEVE_STATUSES)
