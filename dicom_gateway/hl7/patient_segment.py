"""PID: the patient of a message (HL7 2.5.1, 3.4.2), from a patient as DICOM names it."""

from __future__ import annotations

from typing import Final

import hl7
from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import read_items, read_text
from dicom_gateway.hl7.segments import FieldValue, Repetition, make_segment, read_dicom_time
from domain.errors import PermanentError
from domain.patient_identity import Patient

REPRESENTATIONS: Final = ("A", "I", "P")
"""Name representation codes (table 0465) of the component groups of PN: alphabetic, ideographic, phonetic."""

SEXES: Final = frozenset({"F", "M", "O"})
"""Values of Patient's Sex (0010,0040); table 0001 has the same and more."""

UNIVERSAL_ID_TYPES: Final = frozenset({"DNS", "EUI64", "ISO", "URI", "UUID", "X400", "X500"})
"""Universal ID types (table 0301) that PS3.3 10.14 names, too."""


class UnknownPatientError(PermanentError):
    """The film names no patient ID, so that no receiver can file a message on it. Permanent.

    It ends when an administrator gives the study to a patient: `tbscreen patients`.
    """


def make_patient_segment(patient: Patient, source: Dataset) -> hl7.Segment:
    """Return the PID segment of a patient.

    Args:
        patient: the patient, as the corrections in force say.
        source: the film's header, for the qualifiers of the issuer where the patient ID is still its own.

    Raises:
        UnknownPatientError: without a patient ID.
    """
    number, _, rest = (patient.patient_id or "").partition("^")
    if not number.strip():
        raise UnknownPatientError("the film names no patient ID: no receiver can file a message on it")
    return make_segment(
        "PID",
        {
            1: "1",
            3: (number, "", "", _describe_issuer(patient, rest, source)),
            5: _split_name(patient.patient_name or ""),
            7: read_dicom_time(patient.patient_birth_date, None),
            8: patient.patient_sex if patient.patient_sex in SEXES else None,
        },
    )


def _describe_issuer(patient: Patient, rest: str, source: Dataset) -> tuple[str, ...]:
    """Return the assigning authority (HD): namespace, universal ID and its type (PS3.3 10.14).

    Some archives write a whole CX into Patient ID, or an HD into Issuer of Patient ID; `rest` is what follows
    the identifier.
    """
    issuer = (patient.patient_id_issuer or (rest.split("^") + [""] * 3)[2]).split("&")
    if len(issuer) == 3 and issuer[2] in UNIVERSAL_ID_TYPES:
        return tuple(issuer)
    namespace = "&".join(issuer)
    if read_text(source, "PatientID", 256) == patient.patient_id:
        for item in read_items(source, "IssuerOfPatientIDQualifiersSequence"):
            universal = read_text(item, "UniversalEntityID", 199)
            kind = read_text(item, "UniversalEntityIDType", 16)
            if universal and kind in UNIVERSAL_ID_TYPES:
                return namespace, universal, kind
    return (namespace,)


def _split_name(name: str) -> FieldValue:
    """Return a name of VR PN (PS3.5 6.2.1) as repetitions of XPN; of type U (unspecified) where it is empty.

    Both have family, given and further names; then PN has prefix and suffix, and XPN suffix and prefix.
    """
    repetitions: list[Repetition] = []
    for representation, group in zip(REPRESENTATIONS, name.split("="), strict=False):
        family, given, middle, prefix, suffix = (group.split("^") + [""] * 5)[:5]
        if any((family, given, middle, prefix, suffix)):
            repetitions.append((family, given, middle, suffix, prefix, "", "L", representation))
    if not repetitions:
        repetitions.append(("", "", "", "", "", "", "U"))
    return repetitions
