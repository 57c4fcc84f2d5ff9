"""Simulated people, and their films by C-STORE.

The network is a small one whose score is a film's brightness, so each person's score is known: on the logit
scale, the scores of people with TB and of others are normal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import build_context

from dicom_gateway.association.peer_association import open_association
from dicom_gateway.association.pynetdicom_repairs.reactor_checkpoint import release
from dicom_gateway.settings import PeerSettings
from domain.bundle.bundle import Bundle
from tests.films import real_film
from tests.unit.worker.networks import write_network

PREVALENCE: Final = 0.2
CENTRES: Final = {True: 1.6, False: -1.4}
"""Mean of the logit of the score, with a standard deviation of 1, of people with TB and of others."""
SLOPE: Final = 20.0
LEVELS: Final = 4095
AGES: Final = (20, 35, 55, 70)
SIDE: Final = 64
THRESHOLD: Final = 0.5
PATIENCE_S: Final = 120.0


@dataclass(frozen=True)
class Person:
    """A simulated person."""

    number: int
    is_tb: bool
    level: int
    """Grey value of the person's film, 0..4095."""
    age: int
    sex: str

    @property
    def score(self) -> float:
        """The score that the network gives to the film."""
        logit = SLOPE * (find_mean(self.level) - 0.5)
        return float(1 / (1 + np.exp(-logit)))

    @property
    def patient_id(self) -> str:
        """The person's Patient ID."""
        return f"P{self.number:05d}"


def draw_people(count: int, first: int, generator: np.random.Generator) -> list[Person]:
    """Draw people with numbers from `first` on."""
    people = []
    for number in range(first, first + count):
        is_tb = bool(generator.random() < PREVALENCE)
        bright = 0.5 + generator.normal(CENTRES[is_tb], 1.0) / SLOPE
        age = AGES[int(generator.integers(len(AGES)))]
        people.append(Person(number, is_tb, round(bright * LEVELS), age, "FM"[number % 2]))
    return people


def draw_pixels(level: int) -> np.ndarray:
    """Return the pixels of a film; in the first row every second is one higher, for one value is no film."""
    pixels = np.full((SIDE, SIDE), level, np.uint16)
    pixels[0] += np.arange(SIDE, dtype=np.uint16) % 2
    return pixels


def find_mean(level: int) -> float:
    """Return the mean of a film's array, 0..1."""
    return float(draw_pixels(level).mean() / LEVELS)


def write_bundle(directory: Path) -> Bundle:
    """Write the bundle whose score is a film's brightness."""
    return write_network(
        directory,
        weight=SLOPE,
        offset=-SLOPE / 2,
        name="brightness",
        operating_points=[
            {"name": "screening", "threshold": THRESHOLD, "sensitivity": 0.9, "specificity": 0.9},
            {"name": "rule_in", "threshold": 0.9, "sensitivity": 0.5, "specificity": 0.99},
        ],
        calibration={"method": "platt", "slope": 1.0, "intercept": 0.0, "prevalence": 0.5},
    )


def send(port: int, people: Sequence[Person]) -> None:
    """Send a film of each person by C-STORE, over one association."""
    film: Any = dcmread(real_film())
    peer = PeerSettings(name="tbscreen", ae_title="TBSCREEN", host="127.0.0.1", port=port)
    context = build_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = open_association(peer, "MODALITY", [context], PATIENCE_S)
    for person in people:
        film.Rows = film.Columns = SIDE
        film.PhotometricInterpretation, film.PresentationLUTShape = "MONOCHROME2", "IDENTITY"
        film.WindowCenter, film.WindowWidth = 2048, 4096
        film.PixelData = draw_pixels(person.level).tobytes()
        film.PatientID, film.AccessionNumber = person.patient_id, f"A{person.number:05d}"
        film.PatientName, film.PatientBirthDate = f"Person^{person.number}", ""
        film.PatientAge, film.PatientSex = f"{person.age:03d}Y", person.sex
        film.StudyDate = film.SeriesDate = f"{date.today():%Y%m%d}"
        film.StudyInstanceUID, film.SeriesInstanceUID = generate_uid(), generate_uid()
        film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        answer = association.send_c_store(film)
        assert answer.get("Status") == 0x0000, f"{person.patient_id} is not answered with success: {answer}"
    release(association, PATIENCE_S)
