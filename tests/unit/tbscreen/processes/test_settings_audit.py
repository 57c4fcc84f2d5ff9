"""The settings in force at a start are in the audit trail, and no secret is."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from xml.etree.ElementTree import fromstring

from dicom_gateway.audit.audit_log import AuditLog
from dicom_gateway.audit.audit_message import Participant, Role
from tbscreen.processes.settings_audit import record_settings
from tbscreen.settings import load_settings
from tests.servers.audit_schema import check


def test_the_settings_that_differ_from_the_defaults_are_recorded_without_passwords(place: Path) -> None:
    (place / "tbscreen.toml").write_text(
        'database_url = "postgresql://tb:pass%40word@db.example.org:5432/tb?sslpassword=hidden"\n'
        'broker_url = "rediss://:also-secret@broker.example.org/0"\n'
        "[gateway]\nport = 104\n"
        '[[peers]]\nname = "pacs"\nae_title = "PACS"\nhost = "192.0.2.10"\nport = 104\n'
        '[[notices.webhooks]]\nname = "hook"\nurl = "https://hook.example.org/a?sig=hidden"\n'
        'secret_variable = "HOOK_SECRET"\n'
    )
    settings = load_settings()
    audit = AuditLog(
        settings.audit, place, "test", Participant("TBSCREEN", "here", Role.APPLICATION, False, "1")
    )
    record_settings(audit, settings)
    audit.close()
    message = fromstring((place / "test.log").read_bytes())
    check(message)
    code = message.find("EventIdentification/EventTypeCode")
    detail = message.find("ParticipantObjectIdentification/ParticipantObjectDetail")
    assert code is not None
    assert detail is not None
    assert code.attrib["originalText"] == "Security Configuration"
    said = base64.b64decode(detail.attrib["value"]).decode()
    recorded = json.loads(said.removeprefix("settings in force: "))
    assert recorded["gateway"]["port"] == 104
    assert recorded["peers"][0]["host"] == "192.0.2.10"
    assert recorded["database_url"] == "postgresql://db.example.org:5432/tb"
    assert recorded["broker_url"] == "rediss://broker.example.org/0"
    assert recorded["notices"]["webhooks"][0]["url"] == "https://hook.example.org/a"
    assert "web" not in recorded
