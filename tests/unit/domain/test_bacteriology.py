"""Bacteriology: the truth that a person's results give together."""

from __future__ import annotations

import pytest

from domain.bacteriology import OUTCOMES, Method, Outcome, Truth, judge


@pytest.mark.parametrize(
    ("results", "truth"),
    [
        ("culture positive", Truth.TB),
        ("xpert positive, culture negative", Truth.TB),
        ("ultra trace, culture positive", Truth.TB),
        ("ultra trace, culture negative", Truth.NOT_TB),
        ("ultra trace, xpert negative", Truth.UNSURE),
        ("ultra trace, culture contaminated", Truth.UNSURE),
        ("ultra negative, culture contaminated", Truth.NOT_TB),
        ("smear positive, culture ntm", Truth.NOT_TB),
        ("smear positive, xpert negative", Truth.NOT_TB),
        ("smear positive, xpert indeterminate", Truth.TB),
        ("smear negative", Truth.UNSURE),
        ("xpert indeterminate", Truth.UNSURE),
        ("culture withdrawn, smear positive", Truth.TB),
    ],
)
def test_a_more_accurate_method_decides(results: str, truth: Truth) -> None:
    pairs = [text.split() for text in results.split(", ")]
    known = [(Method(method), Outcome(outcome)) for method, outcome in pairs]
    assert judge(known) is judge(reversed(known)) is truth
    assert all(outcome in OUTCOMES[method] for method, outcome in known), "the example is a possible one"
