"""Cohen's kappa: by hand, against scikit-learn, and its interval against a bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from judging.kappa import measure_kappa


def test_kappa_is_the_agreement_beyond_chance() -> None:
    pairs = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    kappa = measure_kappa(pairs)
    assert kappa is not None
    assert kappa.value == pytest.approx(0.4)  # 70 % observed, 50 % by chance
    assert kappa.value == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))


def test_the_interval_is_as_wide_as_that_of_a_bootstrap() -> None:
    draw = np.random.default_rng(7)
    first = draw.random(400) < 0.3
    second = np.where(draw.random(400) < 0.85, first, ~first)
    kappa = measure_kappa(zip(first.tolist(), second.tolist(), strict=True))
    assert kappa is not None
    resampled = []
    for _ in range(400):
        chosen = draw.integers(0, 400, 400)
        again = measure_kappa(zip(first[chosen].tolist(), second[chosen].tolist(), strict=True))
        assert again is not None
        resampled.append(again.value)
    low, high = np.quantile(resampled, (0.025, 0.975))
    assert (kappa.low, kappa.high) == pytest.approx((low, high), abs=0.025)


def test_full_agreement_is_1_and_what_chance_alone_would_do_is_none() -> None:
    full = measure_kappa([(True, True), (False, False)])
    assert full is not None
    assert (full.value, full.low, full.high) == (1.0, 1.0, 1.0)
    assert measure_kappa([]) is None
    assert measure_kappa([(True, True)] * 5) is None
    against = measure_kappa([(True, False), (False, True)])
    assert against is not None
    assert against.value == -1.0
