"""Groups of people by age and sex."""

from __future__ import annotations

from typing import Final

AGE_BANDS: Final = ((15, 24), (25, 44), (45, 64), (65, 130))
OLDEST_BAND: Final = 65


def name_age(years: int | None) -> str:
    """Return the age group of a person, such as "25 to 44"."""
    if years is None:
        return "not known"
    for first, last in AGE_BANDS:
        if first <= years <= last:
            return f"{first} and older" if first == OLDEST_BAND else f"{first} to {last}"
    return "under 15"


def name_sex(sex: str | None) -> str:
    """Return "F", "M" or "not known"."""
    return sex if sex in ("F", "M") else "not known"
