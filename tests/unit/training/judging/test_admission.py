"""The policy of activation, without a database."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from domain.array.normalization import SPEC
from domain.errors import PermanentError
from training.judging.admission import (
    admit,
    check_normalization,
    needs_comparison,
    rank,
)
from training.judging.comparison import Comparison, ComparisonVerdict


@dataclass(frozen=True)
class Bundle:
    """The facts of a bundle that the policy sees."""

    digest: str
    trained: bool = True
    normalization_version: str = SPEC.version


ACTIVE, CANDIDATE, UNTRAINED = Bundle("a" * 64), Bundle("b" * 64), Bundle("c" * 64, trained=False)


def make_comparison(verdict: ComparisonVerdict) -> Comparison:
    return Comparison(
        candidate=CANDIDATE.digest,
        reference=ACTIVE.digest,
        origin="films.csv",
        films=200,
        tb=100,
        left_out=0,
        verdict=verdict,
    )


@pytest.mark.parametrize("verdict", [ComparisonVerdict.BETTER, ComparisonVerdict.NOT_WORSE])
def test_a_candidate_that_is_not_worse_is_admitted(verdict: ComparisonVerdict) -> None:
    assert admit(CANDIDATE, ACTIVE, [make_comparison(verdict)], None) is None


@pytest.mark.parametrize("verdict", [ComparisonVerdict.WORSE, ComparisonVerdict.NOT_COMPARABLE])
def test_a_reason_overrides_an_objection_and_nothing_else_does(verdict: ComparisonVerdict) -> None:
    evidence = [make_comparison(verdict)]
    with pytest.raises(PermanentError, match='--force "REASON"'):
        admit(CANDIDATE, ACTIVE, evidence, None)
    with pytest.raises(PermanentError, match="needs a reason"):
        admit(CANDIDATE, ACTIVE, evidence, " ")
    assert admit(CANDIDATE, ACTIVE, evidence, "our own films say so") is not None


def test_one_verdict_of_worse_outweighs_all_others() -> None:
    evidence = [make_comparison(verdict) for verdict in (ComparisonVerdict.BETTER, ComparisonVerdict.WORSE)]
    with pytest.raises(PermanentError, match="is worse than the active bundle"):
        admit(CANDIDATE, ACTIVE, evidence, None)


def test_evidence_is_asked_for_only_between_two_trained_bundles() -> None:
    assert needs_comparison(CANDIDATE, ACTIVE)
    assert not needs_comparison(ACTIVE, ACTIVE)
    assert not needs_comparison(UNTRAINED, ACTIVE)
    assert not needs_comparison(CANDIDATE, UNTRAINED)
    assert admit(UNTRAINED, None, [], None) is None
    assert admit(CANDIDATE, UNTRAINED, [], None) is None
    with pytest.raises(PermanentError, match="untrained, and the active bundle is trained"):
        admit(UNTRAINED, ACTIVE, [], None)


def test_comparisons_without_a_verdict_come_last() -> None:
    none, better = (
        make_comparison(verdict) for verdict in (ComparisonVerdict.NOT_COMPARABLE, ComparisonVerdict.BETTER)
    )
    assert rank([none, better]) == [better, none]


def test_another_normalization_is_refused() -> None:
    check_normalization(CANDIDATE)
    with pytest.raises(PermanentError, match="needs normalization other"):
        check_normalization(Bundle("d" * 64, normalization_version="other"))
