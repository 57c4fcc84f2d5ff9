"""Calibration of scores to probabilities, which hold for the prevalence that the bundle names."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from domain.errors import PermanentError

Unit = Annotated[float, Field(ge=0.0, le=1.0)]


class IdentityCalibration(BaseModel):
    """The score unchanged, for untrained bundles, whose score is not a probability."""

    model_config = ConfigDict(frozen=True, extra="allow")

    method: Literal["identity"] = "identity"
    prevalence: Unit | None = None

    def apply(self, score: float) -> float:
        """Return `score` (0..1) unchanged."""
        return score


class PlattCalibration(BaseModel):
    """Logistic regression on the score's logit (Platt 1999)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    method: Literal["platt"] = "platt"
    slope: FiniteFloat = Field(gt=0.0)
    intercept: FiniteFloat
    prevalence: Unit

    def apply(self, score: float) -> float:
        """Return the probability (0..1) of `score` (0..1)."""
        clipped = min(max(score, 1e-7), 1.0 - 1e-7)
        logit = math.log(clipped / (1.0 - clipped))
        exponent = min(max(-(self.slope * logit + self.intercept), -700.0), 700.0)
        return 1.0 / (1.0 + math.exp(exponent))


class IsotonicCalibration(BaseModel):
    """A rising step function, interpolated (Zadrozny and Elkan 2002)."""

    model_config = ConfigDict(frozen=True, extra="allow")

    method: Literal["isotonic"] = "isotonic"
    scores: tuple[Unit, ...] = Field(min_length=2)
    probabilities: tuple[Unit, ...] = Field(min_length=2)
    prevalence: Unit

    @model_validator(mode="after")
    def _check(self) -> IsotonicCalibration:
        if len(self.scores) != len(self.probabilities):
            raise ValueError("scores and probabilities are not of the same number")
        if any(after <= before for before, after in pairwise(self.scores)):
            raise ValueError("scores do not rise")
        if any(after < before for before, after in pairwise(self.probabilities)):
            raise ValueError("probabilities fall")
        return self

    def apply(self, score: float) -> float:
        """Return the probability (0..1) of `score` (0..1)."""
        return float(np.interp(score, self.scores, self.probabilities))


Calibration = Annotated[
    IdentityCalibration | PlattCalibration | IsotonicCalibration, Field(discriminator="method")
]


def restate(calibration: Calibration, prevalence: float) -> Calibration:
    """Return a calibration for another prevalence, by Bayes' rule on the odds (Saerens et al. 2002).

    The odds of each probability are multiplied by the ratio of the odds of the two prevalences: exact if the
    films of either class look the same in both populations. The knots of an isotonic calibration are moved,
    and it remains linear between them.

    Args:
        calibration: a calibration that names its prevalence.
        prevalence: share of TB among the screened people, between 0 and 1.

    Raises:
        PermanentError: when a prevalence is 0, 1 or unknown.
    """
    if not 0.0 < prevalence < 1.0:
        raise PermanentError(f"a prevalence lies between 0 and 1, not at {prevalence}")
    if isinstance(calibration, IdentityCalibration) or not 0.0 < calibration.prevalence < 1.0:
        raise PermanentError("this bundle is not calibrated, so no prevalence can be put in")
    shift = _logit(prevalence) - _logit(calibration.prevalence)
    if isinstance(calibration, PlattCalibration):
        changes = {"intercept": calibration.intercept + shift, "prevalence": prevalence}
        return PlattCalibration(**(calibration.model_dump(exclude={"method"}) | changes))
    moved = tuple(_move(probability, shift) for probability in calibration.probabilities)
    return IsotonicCalibration(scores=calibration.scores, probabilities=moved, prevalence=prevalence)


def _move(probability: float, shift: float) -> float:
    if probability in (0.0, 1.0):
        return probability
    return 1.0 / (1.0 + math.exp(-(_logit(probability) + shift)))


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))
