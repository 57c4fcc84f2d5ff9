"""Standing films, envelopes and settings of HL7 messages, made without a database."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from db.hl7.standing_films import StandingFilm
from dicom_gateway.hl7.message_settings import MessageSettings, ReceiverSettings
from dicom_gateway.hl7.result_message import Envelope
from domain.codes import MessageKind
from domain.patient_identity import Patient
from tests.films import real_film
from tests.unit.reportable import make_refusal, make_screening

RECEIVER = ReceiverSettings(name="ris", host="h", port=2575, application="RIS", facility="HOSPITAL")
SETTINGS = MessageSettings(receivers=(RECEIVER,), page_url="https://tbscreen.example")
PATIENT = Patient("4711", "HOSP", "Müller^Jürgen^A^Dr^Jr=山田^太郎=やまだ", "19700102", "F")

LOCAL_TABLES = re.compile(r"99TBSCREEN|Value UCUM not in table HL70396")
"""Remarks of hl7apy on codes that its tables lack: our own scheme, and UCUM, which table 0396 has."""


def make_standing(film: Path | None = None, *, refused: bool = False, **changes: Any) -> StandingFilm:
    """Return a film that was screened, or refused."""
    path = film or real_film()
    screening = make_screening(path)
    result: dict[str, Any] = {"refusal": make_refusal(path)} if refused else {"screening": screening}
    values: dict[str, Any] = {
        "instance_id": 1,
        "sop_instance_uid": screening.sop_instance_uid,
        "line": 0,
        "study_id": 1,
        "study_instance_uid": "1.2.3",
        "accession_number": "ACC1",
        "patient": PATIENT,
    }
    return StandingFilm(**(values | result | changes))


def make_envelope(kind: MessageKind = MessageKind.RESULT, control_id: str = "CONTROL1") -> Envelope:
    """Return an envelope to `RECEIVER`."""
    return Envelope(RECEIVER, kind, control_id, "FILLER1", datetime(2024, 5, 6, 23, 9, tzinfo=UTC))


def check(content: bytes, folder: Path) -> Any:
    """Parse a message by hl7apy and hold it against its tables of HL7 2.5.1; returns the parsed message."""
    message = parse_message(content.decode(), validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    report = folder / "remarks.txt"
    assert message.validate(report_file=str(report))
    remarks = [line for line in report.read_text().splitlines() if not LOCAL_TABLES.search(line)]
    assert remarks == []
    return message


def split(content: bytes) -> dict[str, list[list[str]]]:
    """Return the fields of a message by segment, with MSH counted as others are, by plain splitting."""
    segments: dict[str, list[list[str]]] = {}
    for line in content.decode().split("\r"):
        if line:
            name, *fields = line.split("|")
            segments.setdefault(name, []).append([name, *(["|"] if name == "MSH" else []), *fields])
    return segments
