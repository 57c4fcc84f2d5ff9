"""An ORU^R01 message from bytes to bacteriology results (HL7 2.3 to 2.5.1, chapter 7).

Nothing is guessed: where a message leaves open which patient, test, specimen or result is meant, it is not
taken, and the fault names segment and field.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import hl7

from db.bacteriology.laboratory_words import find_contradictions, read_result
from db.bacteriology.results import NewResult
from dicom_gateway.hl7.segments import unescape
from dicom_gateway.laboratory import message_fault
from dicom_gateway.laboratory.laboratory_codes import find_methods, find_outcomes
from dicom_gateway.laboratory.laboratory_settings import LaboratorySettings
from dicom_gateway.laboratory.message_fault import MessageFaultError
from domain.bacteriology import Outcome

VERSIONS: Final = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
SEPARATORS: Final = "MSH|^~\\&|"
MOST_SEGMENTS: Final = 2000

CODECS: Final = {
    "ASCII": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (*range(1, 10), 15)},
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "GB 18030-2000": "gb18030",
}
"""Python's names of character sets (table 0211)."""

FINAL: Final = frozenset({"F", "C"})
WITHDRAWN: Final = frozenset({"D", "W"})
NOT_FINAL: Final = frozenset({"I", "N", "O", "P", "R", "S"})
RESTATING: Final = frozenset({"C", "D", "W"})
UNOBTAINABLE: Final = "X"
"""Statuses of an observation (OBX-11, table 0085)."""

FIELDS: Final = {
    "patient_id": ("PID", 3),
    "accession_number": ("PID", 3),
    "neither": ("PID", 3),
    "specimen_id": ("OBR", 3),
    "specimen_date": ("OBR", 7),
    "result": ("OBX", 5),
}
"""Segment and field by the first word of a reason of `read_result`."""


@dataclass(frozen=True)
class MessageHeader:
    """MSH, checked."""

    control_id: str = ""
    application: str = ""
    facility: str = ""
    version: str = "2.5.1"
    processing_id: str = "P"

    @property
    def sender(self) -> str:
        """Sending Application and Sending Facility."""
        return f"{self.application}|{self.facility}"


@dataclass(frozen=True)
class ReportedResult:
    """A result of a message."""

    result: NewResult
    observation: int
    """Number of its OBX, from 1."""
    restates: bool
    """True for a correction or withdrawal, which may say again what a correction replaced."""


@dataclass
class _Order:
    """An OBR with what belongs to it."""

    number: int
    request: hl7.Segment
    observations: list[tuple[int, hl7.Segment]] = field(default_factory=list)
    specimens: list[tuple[int, hl7.Segment]] = field(default_factory=list)


def parse(content: bytes, settings: LaboratorySettings) -> hl7.Message:
    """Parse a message in its character set (MSH-18).

    Raises:
        MessageFaultError: when it is none.
    """
    first = re.split(rb"[\r\n]", content, maxsplit=1)[0]
    if not first.startswith(SEPARATORS.encode()):
        reason = f"a message begins with {SEPARATORS}"
        raise MessageFaultError(reason, message_fault.DATA_TYPE, "MSH", 1, 2)
    fields = first.decode("latin-1").split("|")
    named = fields[17].split("~")[0].strip() if len(fields) > 17 else ""
    codec = CODECS.get((named or settings.character_set).upper())
    if codec is None:
        known = ", ".join(CODECS)
        reason = f"this character set is not read; use one of {known}"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "MSH", 1, 18)
    try:
        text = content.decode(codec)
    except UnicodeDecodeError:
        reason = f"the message is not in {named or settings.character_set}"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "MSH", 1, 18) from None
    text = re.sub(r"\r\n|\n", "\r", text)
    if text.count("\r") > MOST_SEGMENTS:
        raise MessageFaultError(f"more than {MOST_SEGMENTS} segments", message_fault.DATA_TYPE)
    try:
        return hl7.parse(text)
    except (hl7.HL7Exception, LookupError, TypeError, AssertionError, AttributeError, ValueError) as error:
        reason = f"no HL7 message ({type(error).__name__})"
        raise MessageFaultError(reason, message_fault.DATA_TYPE) from None


def read_header(message: hl7.Message) -> MessageHeader:
    """Return MSH; what is missing is empty."""
    segment = message[0]
    return MessageHeader(
        _read(segment, 10)[:199],
        _read(segment, 3)[:64],
        _read(segment, 4)[:64],
        _read(segment, 12),
        _read(segment, 11),
    )


def check_header(message: hl7.Message, header: MessageHeader, processing_id: str) -> None:
    """Check that a message is one that is taken.

    Raises:
        MessageFaultError: when it is another kind of message, or has no control ID.
    """
    segment, reject = message[0], message_fault.REJECT
    if not header.control_id:
        raise MessageFaultError("it is empty", message_fault.MISSING, "MSH", 1, 10)
    kind = _read_components(segment, 9)
    if kind[0] != "ORU":
        reason = "only ORU^R01 is taken"
        raise MessageFaultError(reason, message_fault.TYPE_UNSUPPORTED, "MSH", 1, 9, reject)
    if len(kind) < 2 or kind[1] != "R01":
        reason = "only ORU^R01 is taken"
        raise MessageFaultError(reason, message_fault.EVENT_UNSUPPORTED, "MSH", 1, 9, reject)
    if header.version not in VERSIONS:
        reason = f"use one of {', '.join(VERSIONS)}"
        raise MessageFaultError(reason, message_fault.VERSION_UNSUPPORTED, "MSH", 1, 12, reject)
    if header.processing_id != processing_id:
        reason = f"hl7.processing_id is {processing_id}"
        raise MessageFaultError(reason, message_fault.PROCESSING_UNSUPPORTED, "MSH", 1, 11, reject)


def read_results(message: hl7.Message, settings: LaboratorySettings) -> list[ReportedResult]:
    """Return the results of a message; those that are not final, and other tests, are left out.

    Raises:
        MessageFaultError: for the first thing that is missing, unknown, or open to more than one meaning.
    """
    found: list[ReportedResult] = []
    known = 0
    for person, patient, order in _list_orders(message):
        for number, observation in order.observations:
            methods = find_methods(_read_components(observation, 3), settings)
            if not methods:
                continue
            known += 1
            if len(methods) > 1:
                reason = "its codes name different tests"
                raise MessageFaultError(reason, message_fault.TABLE_VALUE, "OBX", number, 3)
            outcome = _read_outcome(observation, number, settings)
            if outcome is None:
                continue
            cells = {
                **_read_patient(person, patient, settings),
                **_read_specimen(order),
                "method": methods.pop().value,
                "result": outcome.value,
            }
            restates = _read(observation, 11) in RESTATING
            found.append(ReportedResult(_check(cells, (person, order.number, number)), number, restates))
    if not known:
        reason = "no test of the message is known: map its code in [[hl7.results.codes]]"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "OBX", 1, 3)
    places = [entry.observation for entry in found]
    for place, reason in find_contradictions([entry.result for entry in found], places, "OBX"):
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "OBX", place, 5)
    return found


def _list_orders(message: hl7.Message) -> Iterator[tuple[int, hl7.Segment, _Order]]:
    """Yield each order with its patient and the number of the patient's PID."""
    counts: Counter[str] = Counter()
    patient: hl7.Segment | None = None
    order: _Order | None = None
    for segment in message:
        name = str(segment[0])
        counts[name] += 1
        if name in ("PID", "OBR") and order is not None and patient is not None:
            yield counts["PID"] - (name == "PID"), patient, order
            order = None
        if name == "PID":
            patient = segment
        elif name == "OBR":
            if patient is None:
                raise MessageFaultError("a PID comes before each OBR", message_fault.MISSING, "PID")
            order = _Order(counts[name], segment)
        elif name == "OBX":
            if order is None:
                raise MessageFaultError("an OBR comes before each OBX", message_fault.MISSING, "OBR")
            order.observations.append((counts[name], segment))
        elif name == "SPM" and order is not None:
            order.specimens.append((counts[name], segment))
    if order is not None and patient is not None:
        yield counts["PID"], patient, order


def _read_outcome(observation: hl7.Segment, number: int, settings: LaboratorySettings) -> Outcome | None:
    """Return the outcome of an observation; None where it is not final."""
    status = _read(observation, 11)
    if status in NOT_FINAL:
        return None
    if status in WITHDRAWN:
        return Outcome.WITHDRAWN
    if status == UNOBTAINABLE:
        return Outcome.INDETERMINATE
    if status not in FINAL:
        reason = "the status is missing" if not status else "this status does not say whether it is final"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "OBX", number, 11)
    repetitions = [value for value in _read_repetitions(observation, 5) if any(value)]
    if not repetitions:
        raise MessageFaultError("the result is missing", message_fault.MISSING, "OBX", number, 5)
    if len(repetitions) > 1:
        raise MessageFaultError("it has several results", message_fault.TABLE_VALUE, "OBX", number, 5)
    outcomes = find_outcomes(repetitions[0], settings)
    if not outcomes:
        reason = "the result is unknown: map its code or word in [[hl7.results.values]]"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "OBX", number, 5)
    if len(outcomes) > 1:
        reason = "code and text name different results"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "OBX", number, 5)
    return outcomes.pop()


def _read_patient(person: int, segment: hl7.Segment, settings: LaboratorySettings) -> dict[str, str]:
    """Return the patient ID and its issuer (PID-3, data type CX; in HL7 2.3 also PID-2)."""
    identifiers = _read_identifiers(segment, 3) or _read_identifiers(segment, 2)
    if settings.identifier_types:
        identifiers = [value for value in identifiers if value[4] in settings.identifier_types]
    if not identifiers:
        raise MessageFaultError("no patient ID", message_fault.MISSING, "PID", person, 3)
    if len({(value[0], value[3]) for value in identifiers}) > 1:
        reason = "several identifiers: name the type of the patient ID in hl7.results.identifier_types"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "PID", person, 3)
    cells = {"patient_id": identifiers[0][0]}
    if identifiers[0][3] and not settings.ignore_assigning_authority:
        cells["patient_id_issuer"] = identifiers[0][3]
    return cells


def _read_specimen(order: _Order) -> dict[str, str]:
    """Return the laboratory's number (SPM-2, else OBR-3) and the day of collection (SPM-17, else OBR-7)."""
    taken = number = ""
    if len(order.specimens) > 1:
        reason = "several specimens of one order: send an OBR for each"
        raise MessageFaultError(reason, message_fault.TABLE_VALUE, "SPM", order.specimens[1][0], 2)
    for _, specimen in order.specimens:
        taken = _read(specimen, 17)
        names = _read_components(specimen, 2)
        number = (names[1] if len(names) > 1 else "") or names[0]
    taken = taken or _read(order.request, 7)
    if not taken:
        raise MessageFaultError(
            "the day of collection is missing", message_fault.MISSING, "OBR", order.number, 7
        )
    day = re.match(r"(\d{4})(\d{2})(\d{2})(?!\d{7})", taken)
    if day is None:
        reason = "the day of collection is YYYYMMDD, with or without a time"
        raise MessageFaultError(reason, message_fault.DATA_TYPE, "OBR", order.number, 7)
    return {
        "specimen_id": number or _read(order.request, 3),
        "specimen_date": "-".join(day.groups()),
    }


def _check(cells: dict[str, str], places: tuple[int, int, int]) -> NewResult:
    try:
        return read_result(cells)
    except ValueError as error:
        segment, field_number = FIELDS.get(str(error).split(" ", 1)[0], ("OBX", 3))
        sequence = dict(zip(("PID", "OBR", "OBX"), places, strict=True))[segment]
        # The reason may quote a value of the message.
        reason = "the value is too long, of the wrong kind, or out of range"
        raise MessageFaultError(reason, message_fault.DATA_TYPE, segment, sequence, field_number) from None


def _read(segment: hl7.Segment, number: int) -> str:
    """Return the first component of a field; empty where there is none."""
    return _read_components(segment, number)[0]


def _read_components(segment: hl7.Segment, number: int) -> list[str]:
    """Return the components of the first repetition of a field, at least one."""
    repetitions = _read_repetitions(segment, number)
    return repetitions[0] if repetitions and repetitions[0] else [""]


def _read_identifiers(segment: hl7.Segment, number: int) -> list[list[str]]:
    """Return the components of each identifier; an authority without a namespace has its universal ID."""
    return [[*value, *[""] * 5] for value in _read_repetitions(segment, number, _read_named) if value[0]]


def _read_named(component: Any) -> str:
    """Return the first subcomponent that is not empty."""
    parts = [component] if isinstance(component, str) else component
    return next((text for part in parts if (text := _read_text(part))), "")


def _read_text(value: Any) -> str:
    """Return the first subcomponent of a component; the null value is empty."""
    while not isinstance(value, str):
        if not len(value):
            return ""
        value = value[0]
    text = unescape(value).strip()
    return "" if text == '""' else text


def _read_repetitions(
    segment: hl7.Segment, number: int, read: Callable[[Any], str] = _read_text
) -> list[list[str]]:
    if len(segment) <= number:
        return []
    return [
        [read(value)] if isinstance(value, str) else [read(part) for part in value]
        for value in segment[number]
    ]


def list_patients(results: Sequence[ReportedResult]) -> list[str]:
    """Return the patient IDs of results, each once."""
    return sorted({entry.result.patient_id for entry in results if entry.result.patient_id})
