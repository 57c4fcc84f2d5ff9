"""Thresholds by age and sex in programmes whose groups score differently, with known truth.

Each group's scores, of people with TB and of others alike, lie higher or lower on the probit scale, so that
at one threshold the specificity of the groups differs by tens of points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import norm

from benchmarks.calibration_study.programmes import DISTANCE, EDGES, SAMPLED
from db.calibration_study.people import EnrolledPerson
from domain.bacteriology import Truth
from domain.person_group import list_groups
from judging.calibration_study.threshold_choice import (
    NoThresholdError,
    Policy,
    choose_threshold,
    find_threshold,
)
from judging.calibration_study.verified_sample import VerifiedSample
from reports.calibration_study.person_cells import choose_cells

SHIFTS: Final = {15: -0.3, 25: 0.0, 45: 0.3, 65: 0.6}
"""Shift of the scores by the first age of a band."""
OF_MEN: Final = 0.2


@dataclass(frozen=True)
class CellTables:
    """Tables by age and sex that were recommended in many programmes of a prevalence."""

    kind: str
    programmes: int
    own: float
    """Share of the cells whose threshold was chosen on their own people."""
    kept: float
    """Share of the programmes in which the true sensitivity of all people is no less than the demand less 2
    points."""
    cells_kept: float
    """The same of the cells."""
    covered: float
    """Share of the cells' intervals that hold the true sensitivity of the cell."""
    width: float
    spread_common: float
    """Mean difference of the true sensitivity between highest and lowest cell at the common threshold."""
    spread: float
    """The same with the table."""
    specificity_common: float
    """Mean true specificity of all people at the common threshold."""
    specificity: float


def recommend_by_group(prevalence: float, number: int, programmes: int, seed: int = 44) -> CellTables:
    """Recommend a table in each of many programmes of so many people, who demand a sensitivity of 90 %."""
    generator, policy = np.random.default_rng(seed), Policy(sensitivity=0.9)
    least = 0.9 - policy.tolerance
    shifts = np.array([SHIFTS[group.first] + OF_MEN * (group.sex == "M") for group in list_groups()])
    own, kept, cells_kept, covered, widths = [], [], [], [], []
    spreads: list[tuple[float, float]] = []
    specificities: list[tuple[float, float]] = []
    for _ in range(programmes):
        people = _draw(prevalence, number, shifts, generator)
        try:
            common = find_threshold(_make_sample(people), policy)
        except NoThresholdError:
            continue
        table = choose_cells(people, lambda some: choose_threshold(some, policy), common, _make_sample)
        thresholds = norm.ppf([cell.threshold for cell in table.cells])
        of_cells, of_common = (norm.sf(at - DISTANCE - shifts) for at in (thresholds, norm.ppf(common)))
        own += [cell.is_own for cell in table.cells]
        kept.append(of_cells.mean() >= least)
        cells_kept += list(of_cells >= least)
        for cell, true in zip(table.cells, of_cells, strict=True):
            estimate = None if cell.accuracy is None else cell.accuracy.sensitivity
            if estimate is not None:
                covered.append(estimate.low <= true <= estimate.high)
                widths.append(estimate.high - estimate.low)
        spreads.append((np.ptp(of_common), np.ptp(of_cells)))
        clear = (norm.cdf(at - shifts).mean() for at in (norm.ppf(common), thresholds))
        specificities.append((next(clear), next(clear)))
    spread, specificity = np.mean(spreads, axis=0), np.mean(specificities, axis=0)
    return CellTables(
        f"prevalence {prevalence * 100:g} %, {number:,} people",
        programmes,
        float(np.mean(own)),
        float(np.mean(kept)),
        float(np.mean(cells_kept)),
        float(np.mean(covered)),
        float(np.mean(widths)),
        *(float(value) for value in (*spread, *specificity)),
    )


def _draw(
    prevalence: float, number: int, shifts: np.ndarray, generator: np.random.Generator
) -> list[EnrolledPerson]:
    """Draw people of all groups alike, tested by score band."""
    groups = list_groups()
    places = np.arange(number) % len(groups)
    is_tb = generator.random(number) < prevalence
    probits = generator.normal(size=number) + DISTANCE * is_tb + shifts[places]
    bands = np.digitize(probits, EDGES)
    drawn = generator.random(number) < np.array(SAMPLED)[bands]
    return [
        EnrolledPerson(
            score=float(score),
            band=int(band),
            drawn=bool(is_drawn),
            truth=(Truth.TB if has_tb else Truth.NOT_TB) if is_drawn else None,
            station=None,
            sex=groups[place].sex,
            age_years=groups[place].first,
        )
        for score, band, is_drawn, has_tb, place in zip(
            norm.cdf(probits), bands, drawn, is_tb, places, strict=True
        )
    ]


def _make_sample(people: list[EnrolledPerson]) -> VerifiedSample:
    return VerifiedSample.make(
        [person.score for person in people],
        [person.band for person in people],
        [person.drawn for person in people],
        [person.truth is Truth.TB for person in people],
    )
