"""The newest audit records of this host, read from the files into which its processes write them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from xml.etree.ElementTree import Element, ParseError, fromstring

from dicom_gateway.audit.audit_message import EventOutcome

NEWEST_LINES: Final = 5_000
"""Records of each kind of process that are looked at, newest first."""
BEGIN: Final = b"<AuditMessage"
ROTATED: Final = re.compile(r"\.log(?:\.(\d+))?$")


@dataclass(frozen=True)
class AuditRecord:
    """One audit record. Its objects may be patients: show it, never log it."""

    at: datetime
    process: str
    """The kind of process that wrote it, as `web`."""
    event: str
    kind: str
    """Type of the event; empty where it has none."""
    who: str
    address: str
    succeeded: bool
    details: tuple[str, ...]
    """Descriptions, then the objects, each in a few words."""


def read_newest(directory: Path, limit: int, who: str = "", event: str = "") -> list[AuditRecord]:
    """Return records of all processes of this host, newest first.

    Lines that are no audit messages are left out.

    Args:
        directory: of the files.
        limit: most records.
        who: only records of this user, process or AE title.
        event: only events of this name.
    """
    found = []
    for process in sorted({path.name.partition(".")[0] for path in directory.glob("*.log")}):
        records = (_read(process, line) for line in _read_lines(directory, process))
        fitting = (
            record
            for record in records
            if record is not None and who in ("", record.who) and event in ("", record.event)
        )
        found += [record for record, _ in zip(fitting, range(limit), strict=False)]
    return sorted(found, key=lambda record: record.at, reverse=True)[:limit]


def _read_lines(directory: Path, process: str) -> Iterator[bytes]:
    """Yield the newest lines of a process, the newest first, over rotated files."""
    left = NEWEST_LINES
    numbered = [(ROTATED.search(path.name), path) for path in directory.glob(f"{process}.log*")]
    files = {int(match[1] or 0): path for match, path in numbered if match is not None}
    for _, path in sorted(files.items()):
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:  # rotated away just now
            continue
        yield from lines[::-1][:left]
        left -= len(lines)
        if left <= 0:
            return


def _read(process: str, line: bytes) -> AuditRecord | None:
    if not line.startswith(BEGIN):  # above all no document type, whose entities could swell
        return None
    try:
        message = fromstring(line)  # noqa: S314  our own file, without document type
        event = message.find("EventIdentification")
        who = message.find("ActiveParticipant")
        if event is None or who is None:
            return None
        title = who.get("AlternativeUserID", "").removeprefix("AETITLES=")
        return AuditRecord(
            at=datetime.fromisoformat(event.get("EventDateTime", "")),
            process=process,
            event=_name(event, "EventID"),
            kind=_name(event, "EventTypeCode"),
            who=title or who.get("UserID", ""),
            address=who.get("NetworkAccessPointID", ""),
            succeeded=event.get("EventOutcomeIndicator") == EventOutcome.SUCCESS,
            details=tuple(_describe(message)),
        )
    except (ParseError, ValueError):
        return None


def _describe(message: Element) -> Iterator[str]:
    described = message.findtext("EventIdentification/EventOutcomeDescription")
    if described:
        yield described
    for audited in message.findall("ParticipantObjectIdentification"):
        query = audited.findtext("ParticipantObjectQuery")
        details = [detail.get("value", "") for detail in audited.findall("ParticipantObjectDetail")]
        if query is not None:
            yield f"query {_decode(query)}"
        elif details:
            yield from (text for text in map(_decode, details) if text != described)
        else:
            yield f"{_name(audited, 'ParticipantObjectIDTypeCode')} {audited.get('ParticipantObjectID', '')}"


def _name(element: Element, child: str) -> str:
    found = element.find(child)
    return "" if found is None else found.get("originalText", "")


def _decode(text: str) -> str:
    """Return base64 as text; bytes that are no text, as a C-FIND's identifier, as a remark."""
    decoded = b64decode(text).decode("utf-8", "replace")
    return decoded if decoded.isprintable() else "(binary)"
