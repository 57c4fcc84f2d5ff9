"""Groups of people by age and sex, for thresholds of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.languages.sentence import Sentence, say

AGE_BANDS: Final = ((15, 24), (25, 44), (45, 64), (65, 130))
"""First and last age in years."""
OLDEST_BAND: Final = 65
SEXES: Final = {"F": "women", "M": "men"}


@dataclass(frozen=True)
class PersonGroup:
    """People of one sex in one band of ages."""

    sex: str
    """"F" or "M", as in Patient's Sex (0010,0040)."""
    first: int
    last: int
    """Ages in years, both included."""

    @property
    def key(self) -> str:
        """A name of small letters and digits, such as "f_25_44"."""
        return f"{self.sex.lower()}_{self.first}_{self.last}"

    @property
    def words(self) -> Sentence:
        """A name for people, such as "women of 25 to 44"."""
        first, last = self.first, self.last
        if first == OLDEST_BAND:
            if self.sex == "F":
                return say("women of {first} and older", first=first)
            return say("men of {first} and older", first=first)
        if self.sex == "F":
            return say("women of {first} to {last}", first=first, last=last)
        return say("men of {first} to {last}", first=first, last=last)

    def holds(self, age_years: int | None, sex: str | None) -> bool:
        """True for a person of this group; never where age or sex is not known."""
        return age_years is not None and self.first <= age_years <= self.last and sex == self.sex


def name_band(first: int, last: int) -> str:
    """Return a band of ages in words."""
    return f"{first} and older" if first == OLDEST_BAND else f"{first} to {last}"


def list_groups() -> list[PersonGroup]:
    """Return all groups, by age and then by sex."""
    return [PersonGroup(sex, first, last) for first, last in AGE_BANDS for sex in SEXES]
