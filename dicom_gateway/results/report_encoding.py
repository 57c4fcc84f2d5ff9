"""Encoding of objects in the time zone and character set of their film."""

from __future__ import annotations

import copy
import io
from datetime import datetime, timedelta, timezone

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, VR

from dicom_gateway.dataset_header import read_text
from dicom_gateway.results.source_header import PATIENT_AND_STUDY


def localize(moment: datetime, source: Dataset) -> datetime:
    """Return `moment` in the film's time zone (0008,0201), or in the host's where the film has none."""
    offset = read_text(source, "TimezoneOffsetFromUTC", 5)
    try:
        if offset:
            sign = -1 if offset[0] == "-" else 1
            return moment.astimezone(
                timezone(sign * timedelta(hours=int(offset[1:3]), minutes=int(offset[3:5])))
            )
    except ValueError:
        pass  # a malformed offset counts as missing
    return moment.astimezone()


def encode(report: Dataset, source: Dataset) -> bytes:
    """Encode the report in the film's character set if that represents its text, else in UTF-8."""
    charset = source.get("SpecificCharacterSet")
    # ASCII is the same in all character sets of DICOM, so that most reports need no comparison.
    texts = _list_texts(report)
    plain = all(map(str.isascii, texts))
    # A film that names no character set keeps the bytes of its own text alone.
    is_own = plain or not all(str(report.get(keyword, "")).isascii() for keyword in PATIENT_AND_STUDY)
    film_sets = [charset or None] if charset or is_own else []
    for candidate in [*film_sets, "ISO_IR 192"]:
        # A copy for each attempt, since a name keeps the bytes of its first encoding.
        attempt = report if plain else copy.deepcopy(report)
        if candidate is None:
            attempt.pop("SpecificCharacterSet", None)
        else:
            attempt.SpecificCharacterSet = candidate
        buffer = io.BytesIO()
        try:
            attempt.save_as(buffer)
            if plain or _list_texts(dcmread(io.BytesIO(buffer.getvalue()))) == texts:
                return buffer.getvalue()
        except (ValueError, LookupError, UnicodeError):
            if candidate == "ISO_IR 192":
                raise
    return buffer.getvalue()


def _list_texts(dataset: Dataset) -> list[str]:
    """Return all texts that the character set applies to, without padding, in the order of the elements."""
    texts: list[str] = []
    for element in dataset:
        if element.VR == VR.SQ:
            texts.extend(text for item in element.value for text in _list_texts(item))
        elif element.VR in CUSTOMIZABLE_CHARSET_VR:
            texts.append(str("" if element.value is None else element.value).strip())
    return texts
