"""Sampling of people for a bacteriological test by score band, in a calibration study.

The draw of a person is a function of the study's secret and the person alone: it can be repeated, nobody
can foresee it from outside, and it does not depend on the order of films (Poisson sampling; Särndal, Swensson
and Wretman 1992, 3.2).
"""

from __future__ import annotations

import hashlib
import hmac
from bisect import bisect_right
from collections.abc import Sequence

from domain.patient_identity import Patient, fold_patient_id


def name_person(secret: str, patient: Patient, study_instance_uid: str) -> str:
    """Return a person's name in a study: 64 hexadecimal digits, the same for each film of a patient.

    A film without Patient ID stands for a person of its own.

    Args:
        secret: the study's secret.
        patient: the patient of the film.
        study_instance_uid: the film's DICOM study.
    """
    patient_id = fold_patient_id(patient.patient_id)
    issuer = fold_patient_id((patient.patient_id_issuer or "").partition("&")[0])
    subject = f"patient {issuer} {patient_id}" if patient_id else f"study {study_instance_uid}"
    return _digest(secret, subject)


def find_band(edges: Sequence[float], score: float) -> int:
    """Return the band of a score: the number of edges at or below it; edges rise."""
    return bisect_right(edges, score)


def is_drawn(secret: str, person: str, share: float) -> bool:
    """True when a person is drawn for a test.

    Args:
        secret: the study's secret.
        person: see `name_person`.
        share: probability of a test, 0..1.
    """
    return int(_digest(secret, f"test {person}")[:13], 16) < share * 16**13


def _digest(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
