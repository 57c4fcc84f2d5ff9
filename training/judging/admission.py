"""Policy of activation: the bundles that may become the active one.

A bundle needs a reason when it does worse than the active bundle on films that neither has seen, or when the
two cannot be compared. A bundle of another normalization is never admitted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from domain.array.normalization import SPEC
from domain.errors import PermanentError
from domain.languages.sentence import Sentence, say
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
            say(
                "{bundle} needs normalization {needed}; the gateways of this version use {used}: retrain the "
                "bundle with this version",
                bundle=bundle.digest[:12],
                needed=bundle.normalization_version,
                used=SPEC.version,
            )
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
    referral: Sentence | None = None,
) -> Sentence | None:
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
        raise PermanentError(say('--force needs a reason, which is recorded: --force "REASON"'))
    objection = find_objection(candidate, active, evidence, referral)
    if objection is not None and force is None:
        raise PermanentError(objection)
    return objection


def find_objection(
    candidate: RegisteredBundle,
    active: RegisteredBundle | None,
    evidence: Sequence[Comparison],
    referral: Sentence | None = None,
) -> Sentence | None:
    """Return the objection to activating `candidate` without a reason, or None; arguments as in `admit`."""
    if active is None or active.digest == candidate.digest or not active.trained:
        return None
    short = candidate.digest[:12]
    if not candidate.trained:
        return say(
            "{bundle} is untrained, and the active bundle is trained: the scores of {bundle} mean nothing. "
            '--force "REASON" activates it anyway',
            bundle=short,
        )
    for comparison in evidence:
        if comparison.verdict is ComparisonVerdict.WORSE:
            return say(
                "{bundle} is worse than the active bundle: {comparison}. "
                '--force "REASON" activates it anyway and records the reason',
                bundle=short,
                comparison=describe(comparison),
            )
    if all(comparison.verdict is ComparisonVerdict.NOT_COMPARABLE for comparison in evidence):
        command = f"'tbscreen models compare {short} {active.digest[:12]} IMAGES… --labels FILE'"
        return say(
            "{bundle} and the active bundle are not comparable: they share fewer than 20 films with and 20 "
            "without TB that neither has seen. Compare them on your own labelled films, {command}, or "
            'activate it with --force "REASON"',
            bundle=short,
            command=command,
        )
    if referral is not None:
        command = f"'tbscreen calibrate equivalent {short}'"
        return say(
            "{bundle} would change whom this site refers: {referral}. {command} finds the threshold that "
            'refers as many; --force "REASON" activates it with the change',
            bundle=short,
            referral=referral,
            command=command,
        )
    return None


def describe(comparison: Comparison) -> Sentence:
    """Return one line of text about a comparison."""
    if comparison.origin == "reads":
        films = say("{films:,} films read here ({tb:,} with TB)", films=comparison.films, tb=comparison.tb)
    else:
        films = say(
            "{films:,} films that neither has seen ({tb:,} with TB)",
            films=comparison.films,
            tb=comparison.tb,
        )
    ours, theirs, difference = comparison.candidate_auc, comparison.reference_auc, comparison.difference
    if ours is None or theirs is None or difference is None:
        return say("not comparable on {films}", films=films)
    line = say(
        "AUC {ours:.3f} against {theirs:.3f} on {films}, a difference of {difference:+.3f} (95 % interval "
        "{low:+.3f} to {high:+.3f})",
        ours=ours.value,
        theirs=theirs.value,
        films=films,
        difference=difference.value,
        low=difference.low,
        high=difference.high,
    )
    if comparison.origin == "films.csv":
        line = say("{before}, by the scores that the bundles themselves state", before=line)
    return line
