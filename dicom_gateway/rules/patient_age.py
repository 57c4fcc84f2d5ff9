"""The patient's age when the film was taken."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from pydicom.dataset import Dataset

from dicom_gateway.dataset_header import read_text

OLDEST_YEARS: Final = 120
"""Oldest plausible age. A greater one comes from a wrong date or a placeholder and counts as unknown.
Registries write 1900-01-01 or 1899-12-30 for a birth date that nobody knows, perhaps a child's."""


def read_age_years(header: Dataset) -> int | None:
    """Return the age in whole years: Patient's Age (0010,1010), else birth date against study date.

    An age without its unit (PS3.5 6.2, VR AS) is not an age: "011" may be months. Without a study date, the
    date of acquisition, content or series is used.
    """
    stated = re.fullmatch(r"(\d{1,3})([DWMY])", (read_text(header, "PatientAge", 8) or "").upper())
    if stated:
        number, unit = int(stated.group(1)), stated.group(2)
        per_year = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[unit]
        age = int(number / per_year)
        # Some consoles write "000Y" when no age was entered; the age of newborns is in days or months.
        if age <= OLDEST_YEARS and (number, unit) != (0, "Y"):
            return age
    born = _read_date(header, "PatientBirthDate")
    if born is None:
        return None
    for keyword in ("StudyDate", "AcquisitionDate", "ContentDate", "SeriesDate"):
        taken = _read_date(header, keyword)
        if taken is not None and taken >= born:
            years = taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
            return years if 0 <= years <= OLDEST_YEARS else None
    return None


def _read_date(header: Dataset, keyword: str) -> date | None:
    text = (read_text(header, keyword, 10) or "").replace(".", "")
    if not re.fullmatch(r"\d{8}", text):
        return None
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
