"""People with scores, of whom a sample was tested: verification by score band (two-phase design).

Each tested person stands for N_h / n_h people of the person's stratum, with N_h people in the stratum and
n_h results: inverse probability of verification, estimated within strata (Begg and Greenes, Biometrics
1983; Alonzo and Pepe, Applied Statistics 2005). It holds where, within a stratum, results are missing at
random.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.errors import PermanentError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class VerifiedSample:
    """People with scores and the results of those tested; one entry a person."""

    scores: Floats
    """Shape (n,), 0..1; a higher score means TB is more likely."""
    strata: NDArray[np.int_]
    """Shape (n,), >= 0: score band, and what else the probability of a test depends on."""
    verified: Mask
    """Shape (n,): a result that decides is there."""
    is_tb: Mask
    """Shape (n,): TB; False where not verified."""
    clusters: NDArray[np.int_] | None = None
    """Shape (n,): sites or days that were sampled as a whole; None: people were sampled."""

    @classmethod
    def make(
        cls,
        scores: ArrayLike,
        strata: ArrayLike,
        verified: ArrayLike,
        is_tb: ArrayLike,
        clusters: ArrayLike | None = None,
    ) -> VerifiedSample:
        """Return a checked sample; all arguments have shape (n,).

        Raises:
            PermanentError: for shapes that differ, scores that are not finite, or nobody.
        """
        known = np.asarray(verified, dtype=bool)
        sample = cls(
            np.asarray(scores, dtype=np.float64),
            np.asarray(strata, dtype=np.int_),
            known,
            np.asarray(is_tb, dtype=bool) & known,
            None if clusters is None else np.unique(clusters, return_inverse=True)[1],
        )
        shapes = {
            np.shape(part)
            for part in (sample.scores, sample.strata, known, sample.is_tb, sample.clusters)
            if part is not None
        }
        if len(shapes) != 1 or sample.scores.ndim != 1 or not len(sample.scores):
            raise PermanentError(f"scores, strata, results and clusters differ in shape: {sorted(shapes)}")
        if not np.isfinite(sample.scores).all() or (sample.strata < 0).any():
            raise PermanentError("a score is not finite, or a stratum is negative")
        return sample

    @cached_property
    def people(self) -> NDArray[np.int_]:
        """Number of people of each stratum, shape (h,)."""
        return np.bincount(self.strata)

    @cached_property
    def tested(self) -> NDArray[np.int_]:
        """Number of results of each stratum, shape (h,)."""
        return np.bincount(self.strata[self.verified], minlength=len(self.people))

    @cached_property
    def weights(self) -> Floats:
        """The people that each tested person stands for, shape (n,); 0 where not verified."""
        per_result = np.zeros(len(self.people))
        np.divide(self.people, self.tested, out=per_result, where=self.tested > 0)
        weights: Floats = np.where(self.verified, per_result[self.strata], 0.0)
        return weights

    @cached_property
    def is_untested(self) -> Mask:
        """True for people of a stratum without any result, shape (n,): nothing is known of them."""
        untested: Mask = (self.tested == 0)[self.strata]
        return untested
