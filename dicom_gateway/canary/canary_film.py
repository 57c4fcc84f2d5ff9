"""The drawn film: a radiograph of nobody."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian
from pynetdicom.dsutils import encode

from dicom_gateway.canary.drawn_chest import draw_chest
from dicom_gateway.identifiers import derive_uid

DRAWING: Final = 1
"""Version of the drawn film; another drawing has another expected score."""

SIDE: Final = 512
"""Rows and columns."""
SHADOW: Final = (0.69, 0.32, 0.05)
"""Place of the drawn shadow: a film without one would have a score near 0, as a broken network has."""
DAY: Final = "20200101"


@lru_cache(maxsize=1)
def _draw_pixels() -> bytes:
    """Return the pixels, which are drawn once in a process: (SIDE, SIDE), 8 bits."""
    return draw_chest(1, SHADOW, SIDE).tobytes()


def draw_film(sop_instance_uid: str) -> Dataset:
    """Return the drawn film under a UID; all other attributes are the same each time, or depend on it."""
    film = Dataset()
    film.SOPClassUID = ComputedRadiographyImageStorage
    film.SOPInstanceUID = sop_instance_uid
    film.StudyInstanceUID = derive_uid("canary study", sop_instance_uid)
    film.SeriesInstanceUID = derive_uid("canary series", sop_instance_uid)
    film.StudyDate = DAY
    film.Modality = "CR"
    film.BodyPartExamined = "CHEST"
    film.ViewPosition = "PA"
    film.PatientName = "CANARY^DRAWN"
    film.PatientID = "TBSCREEN-CANARY"
    film.PatientAge = "040Y"
    film.StudyDescription = "Drawn film of nobody"
    film.SamplesPerPixel = 1
    film.PhotometricInterpretation = "MONOCHROME2"
    film.Rows = film.Columns = SIDE
    film.BitsAllocated = film.BitsStored = 8
    film.HighBit = 7
    film.PixelRepresentation = 0
    film.PixelData = _draw_pixels()
    film["PixelData"].VR = "OB"
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = film.SOPClassUID
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    return film


def digest_film(film: Dataset) -> str:
    """Return the SHA-256 of a drawn film's dataset as it is sent: Explicit VR Little Endian, hexadecimal."""
    content = encode(film, is_implicit_vr=False, is_little_endian=True)
    if content is None:
        raise ValueError("the drawn film cannot be encoded")
    return hashlib.sha256(content).hexdigest()
