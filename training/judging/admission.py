"""Policy of activation: the bundles that may become the active one.

A bundle needs a reason when it does worse than the active bundle on films that neither has seen, or when the
two cannot be compared. A bundle of another normalization is never admitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from domain.array.normalization import SPEC
from domain.errors import PermanentError
from training.judging.comparison import Comparison, ComparisonVerdict


class RegisteredBundle(Protocol):
    """The facts of a bundle that decide whether it is admitted."""

    @property
    def digest(self) -> str:
        """SHA-256 of its manifest."""

    @property
    def trained(self) -> bool:
        """False for a bundle whose scores mean nothing."""

    @property
    def normalization_version(self) -> str:
        """Version of the normalization that its network expects."""


def check_normalization(bundle: RegisteredBundle) -> None:
    """Raise `PermanentError` unless the gateways of this version use the bundle's normalization."""
    if bundle.normalization_version != SPEC.version:
        raise PermanentError(
            f"{bundle.digest[:12]} needs normalization {bundle.normalization_version}; the gateways of this "
            f"version use {SPEC.version}: retrain the bundle with this version"
        )


def needs_comparison(candidate: RegisteredBundle, active: RegisteredBundle) -> bool:
    """True when comparisons of the two bundles decide about admission."""
    return active.digest != candidate.digest and candidate.trained and active.trained


def rank(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return comparisons in their order, but those that are not comparable last."""
    return sorted(comparisons, key=lambda comparison: comparison.verdict is ComparisonVerdict.NOT_COMPARABLE)


def admit(
    candidate: RegisteredBundle,
    active: RegisteredBundle | None,
    evidence: Sequence[Comparison],
    force: str | None,
    referral: str | None = None,
) -> str | None:
    """Return the objection that `force` overrides, or None where there is no objection.

    Args:
        candidate: the bundle to activate.
        active: the active bundle, if any.
        evidence: comparisons of the two; empty where `needs_comparison` is false.
        force: the reason for activating the candidate against an objection.
        referral: the change of the share of films referred here, in words; None where there is none.

    Raises:
        PermanentError: when there is an objection and no reason, or the reason is empty.
    """
    if force is not None and not force.strip():
        raise PermanentError('--force needs a reason, which is recorded: --force "REASON"')
    objection = find_objection(candidate, active, evidence, referral)
    if objection is not None and force is None:
        raise PermanentError(objection)
    return objection


def find_objection(
    candidate: RegisteredBundle,
    active: RegisteredBundle | None,
    evidence: Sequence[Comparison],
    referral: str | None = None,
) -> str | None:
    """Return the objection to activating `candidate` without a reason, or None; arguments as in `admit`."""
    if active is None or active.digest == candidate.digest or not active.trained:
        return None
    short = candidate.digest[:12]
    if not candidate.trained:
        return (
            f"{short} is untrained, and the active bundle is trained: the scores of {short} mean nothing. "
            '--force "REASON" activates it anyway'
        )
    for comparison in evidence:
        if comparison.verdict is ComparisonVerdict.WORSE:
            return (
                f"{short} is worse than the active bundle: {describe(comparison)}. "
                '--force "REASON" activates it anyway and records the reason'
            )
    if all(comparison.verdict is ComparisonVerdict.NOT_COMPARABLE for comparison in evidence):
        return (
            f"{short} and the active bundle are not comparable: they share fewer than 20 "
            "films with and 20 without TB that neither has seen. Compare them on your own labelled films, "
            f"'tbscreen models compare {short} {active.digest[:12]} IMAGES… --labels FILE', "
            'or activate it with --force "REASON"'
        )
    if referral is not None:
        return (
            f"{short} would change whom this site refers: {referral}. 'tbscreen calibrate equivalent "
            f"{short}' "
            'finds the threshold that refers as many; --force "REASON" activates it with the change'
        )
    return None


def describe(comparison: Comparison) -> str:
    """Return one line of text about a comparison."""
    known = "read here" if comparison.origin == "reads" else "that neither has seen"
    films = f"{comparison.films:,} films {known} ({comparison.tb:,} with TB)"
    ours, theirs, difference = comparison.candidate_auc, comparison.reference_auc, comparison.difference
    if ours is None or theirs is None or difference is None:
        return f"not comparable on {films}"
    return (
        f"AUC {ours.value:.3f} against {theirs.value:.3f} on {films}, a difference of "
        f"{difference.value:+.3f} (95 % interval {difference.low:+.3f} to {difference.high:+.3f})"
        + (", by the scores that the bundles themselves state" if comparison.origin == "films.csv" else "")
    )
