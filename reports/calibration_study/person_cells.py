"""Thresholds by age and sex: a cell's own where enough people were tested, else a coarser group's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from db.calibration_study.people import EnrolledPerson
from domain.person_group import SEXES, PersonGroup, list_groups, name_band
from judging.calibration_study.accuracy import Accuracy, measure_rule, measure_thresholds
from judging.calibration_study.threshold_choice import ChosenThreshold, NoThresholdError
from judging.calibration_study.verified_sample import VerifiedSample

FEWEST_TB: Final = 30
"""Fewest cases that were found in a group with a threshold of its own."""
FEWEST_NOT_TB: Final = 100

Choose = Callable[[VerifiedSample], ChosenThreshold]
MakeSample = Callable[[Sequence[EnrolledPerson]], VerifiedSample]


class PersonCell(BaseModel):
    """One cell of the table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sex: str
    first: int
    last: int
    people: int
    tb: int
    """Cases that were found."""
    not_tb: int
    threshold: float
    chosen_on: str
    """The group of people on whom the threshold was chosen, in words."""
    accuracy: Accuracy | None
    """Of the cell's own people at this threshold, cross-fitted where it was chosen on them; None for an empty
    cell."""

    @property
    def group(self) -> PersonGroup:
        """The people."""
        return PersonGroup(self.sex, self.first, self.last)

    @property
    def is_own(self) -> bool:
        """True where the threshold was chosen on the cell's own people."""
        return self.chosen_on == self.group.words


class PersonTable(BaseModel):
    """The cells, and their accuracy as one rule over all people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: tuple[PersonCell, ...]
    accuracy: Accuracy


def choose_cells(
    people: Sequence[EnrolledPerson], choose: Choose, common: float, make_sample: MakeSample
) -> PersonTable:
    """Choose the threshold of each cell.

    A cell in which too few were tested, or no threshold fits, takes that of its band of ages, else that of
    its sex, else the common one.

    Args:
        people: the study's people.
        choose: chooses the threshold of a sample; raises `NoThresholdError` where none fits.
        common: threshold for everybody.
        make_sample: makes the sample of some people.
    """
    cells = []
    positive = np.array([person.score >= common for person in people], dtype=bool)
    for group in list_groups():
        inside = np.array([group.holds(person.age_years, person.sex) for person in people], dtype=bool)
        members = [person for person, is_member in zip(people, inside, strict=True) if is_member]
        threshold, chosen_on, accuracy = _choose(people, group, choose, common, make_sample)
        if accuracy is None and members:
            (accuracy,) = measure_thresholds(make_sample(members), [threshold])
        positive[inside] = [person.score >= threshold for person in members]
        verified = make_sample(members) if members else None
        cells.append(
            PersonCell(
                sex=group.sex,
                first=group.first,
                last=group.last,
                people=len(members),
                tb=0 if verified is None else int(verified.is_tb.sum()),
                not_tb=0 if verified is None else int((verified.verified & ~verified.is_tb).sum()),
                threshold=threshold,
                chosen_on=chosen_on,
                accuracy=accuracy,
            )
        )
    return PersonTable(cells=tuple(cells), accuracy=measure_rule(make_sample(people), positive))


def _choose(
    people: Sequence[EnrolledPerson],
    group: PersonGroup,
    choose: Choose,
    common: float,
    make_sample: MakeSample,
) -> tuple[float, str, Accuracy | None]:
    """Return threshold, the people it was chosen on, and its accuracy where these are the cell's own."""
    of_age = f"people of {name_band(group.first, group.last)}"
    wider: tuple[tuple[str, Callable[[EnrolledPerson], bool]], ...] = (
        (group.words, lambda person: group.holds(person.age_years, person.sex)),
        (of_age, lambda person: group.holds(person.age_years, group.sex)),
        (SEXES[group.sex], lambda person: person.sex == group.sex),
    )
    for words, holds in wider:
        members = [person for person in people if holds(person)]
        if not members:
            continue
        sample = make_sample(members)
        tb = int(sample.is_tb.sum())
        if tb < FEWEST_TB or int(sample.verified.sum()) - tb < FEWEST_NOT_TB:
            continue
        try:
            chosen = choose(sample)
        except NoThresholdError:
            continue
        own = words == group.words
        return chosen.threshold, words, (chosen.cross_fitted or chosen.accuracy) if own else None
    return common, "everybody", None
