"""The content of a notice: JSON for programs, and the same as text for people."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from db.notices.high_films import HighFilm
from db.notices.notice_events import EventEntry
from domain.codes import NoticedEvent
from domain.film_key import film_key
from domain.film_stage import shorten_key
from domain.notices import NOT_VERIFIED
from notices.notice_settings import PatientField

VERSION: Final = 1

PARKED: Final = {
    "peer": (
        "Reports for {} were parked",
        "/administration/deliveries",
        "tbscreen deliveries list --state parked",
    ),
    "HL7 receiver": (
        "HL7 messages for {} were parked",
        "/administration/messages",
        "tbscreen deliveries hl7 list --state parked",
    ),
    "outbox": ("Reports cannot be built", "/administration/deliveries", "tbscreen deliveries unbuilt"),
}
"""Summary, page and command by the role of the receiver."""


def compose(
    event: EventEntry, film: HighFilm | None, fields: Collection[PatientField], page_url: str | None
) -> dict[str, Any]:
    """Return the content of the notice of an event.

    Args:
        event: the event.
        film: of a HIGH finding.
        fields: patient data that the receiver gets.
        page_url: address of the page; None for no link.
    """
    details: dict[str, Any] = {}
    path = "/"
    patient: dict[str, str] = {}
    if event.kind == NoticedEvent.HIGH_FINDING and film is not None:
        station = _clean(film.station or "unknown")
        summary = f"A film with priority HIGH, station {station}"
        details = {
            "film": shorten_key(film_key(film.sop_instance_uid)),
            "station": station,
            "received_at": film.received_at.isoformat(timespec="seconds"),
            "priority": "HIGH",
            "note": NOT_VERIFIED,
        }
        patient = {field.value: _clean(film.read(field.value)) for field in fields}
        if PatientField.STUDY_INSTANCE_UID in fields:
            path = f"/studies/{patient[PatientField.STUDY_INSTANCE_UID]}"
    elif event.kind == NoticedEvent.PARKED_DELIVERY:
        text, path, command = PARKED[event.detail["role"]]
        summary = text.format(_clean(event.subject))
        details = {"receiver": _clean(event.subject), "command": command}
    elif event.kind == NoticedEvent.SILENT_STATION:
        path, station = "/administration", _clean(event.subject)
        summary = f"Station {station} sends no films"
        details = {"station": station, **event.detail}
    else:
        path = "/report"
        summary = _clean(str(event.detail.get("summary", f"Drift at station {event.subject}")))
        details = {name: value for name, value in event.detail.items() if name != "summary"}
    content: dict[str, Any] = {
        "version": VERSION,
        "id": _identify(event),
        "event": event.kind,
        "occurred_at": event.occurred_at.isoformat(timespec="seconds"),
        "summary": summary,
        "details": details,
    }
    if patient:
        content["patient"] = patient
    if page_url is not None:
        content["link"] = page_url + path
    return content


def compose_test(number: str) -> dict[str, Any]:
    """Return the content of a test notice."""
    return {
        "version": VERSION,
        "id": number,
        "event": "test",
        "occurred_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "summary": "A test notice",
        "details": {"note": "nothing happened; somebody ran 'tbscreen notices test'"},
    }


def write_text(content: Mapping[str, Any]) -> str:
    """Return a notice as lines of text."""
    lines = [f"{content['summary']}.", ""]
    rows = {"event": content["event"], "time": content["occurred_at"], **content["details"]}
    rows |= content.get("patient", {})
    lines += [f"{name.replace('_', ' ')}: {value}" for name, value in rows.items()]
    if "link" in content:
        lines += ["", content["link"]]
    lines += ["", f"Notice {content['id']} of tbscreen. Research software, not a medical device."]
    return "\n".join(lines) + "\n"


def _identify(event: EventEntry) -> str:
    """Return an identifier that no event of another installation, or of rows lost by a restore, has had.

    Receivers and mail servers drop a notice whose identifier they know.
    """
    moment = event.occurred_at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256(f"{event.event_key} {moment}".encode()).hexdigest()[:32]


def _clean(text: str) -> str:
    """Return text of a header without control characters, which might begin a line of their own."""
    return "".join(character if character.isprintable() else " " for character in text)[:256]
