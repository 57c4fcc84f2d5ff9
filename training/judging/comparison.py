"""Comparison of two bundles on films that neither was fitted to.

The paired difference of their AUCs decides (DeLong, DeLong and Clarke-Pearson 1988): the candidate is worse
when the whole 95 % interval of the difference lies below 0.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from domain.bundle.bundle import Bundle
from judging.statistics import Estimate, measure_auc, measure_auc_difference
from training.judging.scored_films import ScoredFilms, from_csv

FILMS: Final = "films.csv"
"""A bundle's films, their parts and scores."""

FEWEST: Final = 20
"""Minimum number of films of each class for a comparison."""


class ComparisonVerdict(StrEnum):
    """Result for the candidate, against the reference."""

    BETTER = "better"
    """The whole interval of the difference lies above 0."""
    NOT_WORSE = "not_worse"
    """The interval contains 0."""
    WORSE = "worse"
    """The whole interval lies below 0."""
    NOT_COMPARABLE = "not_comparable"
    """Fewer than `FEWEST` films of a class."""


class Comparison(BaseModel):
    """The comparison of a candidate with a reference, each named by its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str
    reference: str
    origin: str
    """Origin of the films: "films.csv" of both bundles, or "images" that a user named."""
    films: int
    tb: int
    left_out: int
    """Common films that were left out: used in training or validation of a bundle, without a score, or with
    different labels in the two bundles."""
    verdict: ComparisonVerdict
    candidate_auc: Estimate | None = None
    reference_auc: Estimate | None = None
    difference: Estimate | None = None
    """Candidate minus reference."""
    sources: dict[str, Estimate] = {}
    """The difference within each source that has `FEWEST` films of each class. The verdict uses all films,
    where a model may gain by telling hospitals apart; within a source it cannot."""
    warnings: tuple[str, ...] = ()

    def reverse(self) -> Comparison:
        """Return the comparison with candidate and reference exchanged."""
        verdict = {
            ComparisonVerdict.BETTER: ComparisonVerdict.WORSE,
            ComparisonVerdict.WORSE: ComparisonVerdict.BETTER,
        }
        return self.model_copy(
            update={
                "candidate": self.reference,
                "reference": self.candidate,
                "candidate_auc": self.reference_auc,
                "reference_auc": self.candidate_auc,
                "difference": None if self.difference is None else _negate(self.difference),
                "sources": {source: _negate(difference) for source, difference in self.sources.items()},
                "verdict": verdict.get(self.verdict, self.verdict),
            }
        )


def compare_unseen(
    candidate: str, reference: str, candidate_films: ScoredFilms, reference_films: ScoredFilms
) -> Comparison:
    """Compare two bundles on the films that are in the test part of both.

    Args:
        candidate: digest of the candidate.
        reference: digest of the reference.
        candidate_films: `films.csv` of the candidate.
        reference_films: `films.csv` of the reference.
    """
    common, ours, theirs = np.intersect1d(
        candidate_films.digests, reference_films.digests, return_indices=True
    )
    left, right = candidate_films.select(ours), reference_films.select(theirs)
    scored = ~np.isnan(left.scores) & ~np.isnan(right.scores)
    usable = scored & (left.parts == "test") & (right.parts == "test") & (left.is_tb == right.is_tb)
    return _judge(
        Comparison(
            candidate=candidate,
            reference=reference,
            origin="films.csv",
            films=int(usable.sum()),
            tb=int((left.is_tb & usable).sum()),
            left_out=len(common) - int(usable.sum()),
            verdict=ComparisonVerdict.NOT_COMPARABLE,
        ),
        left.select(usable),
        right.select(usable),
    )


def compare_scored(
    candidate: str,
    reference: str,
    candidate_films: ScoredFilms,
    reference_films: ScoredFilms,
    left_out: int = 0,
    warnings: tuple[str, ...] = (),
) -> Comparison:
    """Compare two bundles on films that both have scored and neither has seen (`find_seen`).

    Args:
        candidate: digest of the candidate.
        reference: digest of the reference.
        candidate_films: films with the scores of the candidate.
        reference_films: the same films in the same order, with the scores of the reference.
        left_out: number of films that were not scored because one of the two bundles had seen them.
        warnings: notes for readers of the comparison.

    Raises:
        ValueError: when the films differ.
    """
    if not np.array_equal(candidate_films.digests, reference_films.digests):
        raise ValueError("the two bundles have scored different films")
    return _judge(
        Comparison(
            candidate=candidate,
            reference=reference,
            origin="images",
            films=len(candidate_films),
            tb=int(candidate_films.is_tb.sum()),
            left_out=left_out,
            verdict=ComparisonVerdict.NOT_COMPARABLE,
            warnings=warnings,
        ),
        candidate_films,
        reference_films,
    )


def find_seen(films: ScoredFilms) -> frozenset[str]:
    """Return the digests of the films that a bundle was trained or validated on."""
    return frozenset(films.digests[films.parts != "test"].tolist())


def read_seen(bundle: Bundle) -> frozenset[str]:
    """Return the digests of the films that trained or validated a bundle; empty where it names none.

    Raises:
        ScoredFilmsError: when its table cannot be read.
    """
    return frozenset(digest for digest, part in read_parts(bundle).items() if part != "test")


def read_parts(bundle: Bundle) -> dict[str, str]:
    """Return the part of each film that a bundle names, by digest; empty where it names none.

    Raises:
        ScoredFilmsError: when its table cannot be read.
    """
    path = bundle.directory / FILMS
    if not path.is_file():
        return {}
    films = from_csv(path.read_text("utf-8"))
    return dict(zip(films.digests.tolist(), films.parts.tolist(), strict=True))


def _negate(difference: Estimate) -> Estimate:
    return Estimate(value=-difference.value, low=-difference.high, high=-difference.low)


def _judge(comparison: Comparison, candidate: ScoredFilms, reference: ScoredFilms) -> Comparison:
    if not _has_enough(candidate):
        return comparison
    difference = _subtract(candidate, reference)
    if difference.high < 0:
        verdict = ComparisonVerdict.WORSE
    else:
        verdict = ComparisonVerdict.BETTER if difference.low > 0 else ComparisonVerdict.NOT_WORSE
    sources = {}
    for source in np.unique(candidate.sources).tolist():
        here = candidate.sources == source
        if _has_enough(candidate.select(here)):
            sources[source] = _subtract(candidate.select(here), reference.select(here))
    return comparison.model_copy(
        update={
            "verdict": verdict,
            "candidate_auc": measure_auc(candidate.is_tb, candidate.scores),
            "reference_auc": measure_auc(candidate.is_tb, reference.scores),
            "difference": difference,
            "sources": sources,
        }
    )


def _has_enough(films: ScoredFilms) -> bool:
    return min(int(films.is_tb.sum()), int((~films.is_tb).sum())) >= FEWEST


def _subtract(candidate: ScoredFilms, reference: ScoredFilms) -> Estimate:
    return measure_auc_difference(candidate.is_tb, candidate.scores, reference.scores)
