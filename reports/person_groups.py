"""Groups of people by age and sex."""

from __future__ import annotations

from domain.person_group import AGE_BANDS, name_band


def name_age(years: int | None) -> str:
    """Return the age group of a person, such as "25 to 44"."""
    if years is None:
        return "not known"
    for first, last in AGE_BANDS:
        if first <= years <= last:
            return name_band(first, last)
    return "under 15"


def name_sex(sex: str | None) -> str:
    """Return "F", "M" or "not known"."""
    return sex if sex in ("F", "M") else "not known"
