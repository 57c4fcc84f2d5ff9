"""Thresholds by age and sex: a group's own where enough were tested, else that of a coarser group."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from db.calibration_study.people import EnrolledPerson
from domain.bacteriology import Truth
from judging.calibration_study.threshold_choice import Policy, choose_threshold
from reports.calibration_study.analysis import _make_sample
from reports.calibration_study.person_cells import FEWEST_TB, PersonCell, PersonTable, choose_cells

POLICY = Policy(sensitivity=0.8, tolerance=0.1)
COMMON = 0.5


def make_people(
    number: int, sex: str | None, age: int | None, shift: float, seed: int, prevalence: float = 0.3
) -> list[EnrolledPerson]:
    """Return people who were all tested, with scores that are higher by `shift` (logits)."""
    generator = np.random.default_rng(seed)
    is_tb = generator.random(number) < prevalence
    scores = expit(generator.normal(np.where(is_tb, 2.0, -2.0), 0.8) + shift)
    return [
        EnrolledPerson(float(score), 0, True, Truth.TB if tb else Truth.NOT_TB, None, sex, age)
        for score, tb in zip(scores, is_tb, strict=True)
    ]


def choose(people: list[EnrolledPerson]) -> PersonTable:
    return choose_cells(people, lambda some: choose_threshold(some, POLICY), COMMON, _make_sample)


def find(table: PersonTable, key: str) -> PersonCell:
    return next(cell for cell in table.cells if cell.group.key == key)


def test_a_group_whose_scores_lie_higher_gets_a_higher_threshold_of_its_own() -> None:
    people = make_people(600, "F", 30, 0.0, 1) + make_people(600, "M", 30, 2.0, 2)
    table = choose(people)
    women, men = find(table, "f_25_44"), find(table, "m_25_44")
    assert women.is_own
    assert men.is_own
    assert men.threshold > women.threshold + 0.1
    assert (women.people, men.people) == (600, 600)
    members = [person for person in people if person.sex == "M"]
    assert men.tb == sum(person.truth is Truth.TB for person in members)
    assert men.not_tb == 600 - men.tb
    assert men.accuracy is not None
    assert men.accuracy.sensitivity is not None
    assert men.accuracy.sensitivity.value > 0.75
    positive = sum(person.score >= (men if person.sex == "M" else women).threshold for person in people)
    assert table.accuracy.referred == positive, "the table as one rule, counted by hand"


def test_where_data_are_few_the_coarser_group_decides() -> None:
    people = (
        make_people(400, "F", 30, 0.0, 1)
        + make_people(20, "M", 30, 2.0, 2)  # few men of these ages: the ages decide
        + make_people(15, "F", 70, 0.0, 3)  # few old people, many women: the sex decides
        + make_people(15, "M", 70, 0.0, 4)
        + make_people(30, None, 30, 0.0, 5)
        + make_people(30, "F", None, 0.0, 6)
    )
    table = choose(people)
    assert find(table, "f_25_44").is_own
    assert find(table, "m_25_44").chosen_on == "people of 25 to 44"
    assert find(table, "f_65_130").chosen_on == "women"
    old_men = find(table, "m_65_130")
    assert (old_men.chosen_on, old_men.threshold) == ("everybody", COMMON)
    assert old_men.tb < FEWEST_TB
    assert old_men.accuracy is not None
    assert old_men.accuracy.threshold == COMMON, "its own people at the common threshold"
    nobody = find(table, "m_15_24")
    assert (nobody.people, nobody.accuracy, nobody.threshold) == (0, None, COMMON)
    unknown = [person for person in people if person.sex is None or person.age_years is None]
    known = [person for person in people if person not in unknown]
    positive = sum(person.score >= COMMON for person in unknown) + sum(
        person.score
        >= next(cell for cell in table.cells if cell.group.holds(person.age_years, person.sex)).threshold
        for person in known
    )
    assert table.accuracy.referred == positive, "people of unknown age or sex get the common threshold"


def test_a_group_in_which_no_threshold_meets_the_policy_takes_the_coarser_one() -> None:
    noise = make_people(300, "M", 30, 0.0, 1)
    shuffled = np.random.default_rng(2).permutation([person.score for person in noise])
    people = [
        EnrolledPerson(float(score), 0, True, person.truth, None, "M", 30)
        for score, person in zip(shuffled, noise, strict=True)
    ]
    policy = Policy(sensitivity=0.99, tolerance=0.0)
    table = choose_cells(people, lambda some: choose_threshold(some, policy), COMMON, _make_sample)
    assert find(table, "m_25_44").chosen_on == "everybody"
