"""The verdict on a trained network in one sentence: against another bundle and the trivial baselines."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from training.judging.baselines import BORDER, THUMBNAIL
from training.judging.comparison import FEWEST
from training.judging.evaluation import Comparison, Evaluation, Row
from training.judging.left_out_figures import LeftOutFigures

BASELINE_NAMES = {THUMBNAIL: "the 16×16 thumbnail", BORDER: "nine numbers of greys and borders"}


class Advice(StrEnum):
    """Advice of a verdict."""

    USE = "use"
    """Better than the reference, and above every baseline."""
    KEEP = "keep"
    """Above every baseline, and not shown to be better than the reference."""
    REJECT = "reject"
    """Below a baseline, or worse than the reference."""
    UNKNOWN = "unknown"
    """The test films cannot tell."""


@dataclass(frozen=True)
class Verdict:
    """Advice and its reason."""

    advice: Advice
    sentence: str


@dataclass(frozen=True)
class LeftOutComparison:
    """Median AUC, 0..1, of TB of one hospital against the ill of another, the same pairs for both."""

    ours: float
    theirs: float


def compare_left_out(
    figures: LeftOutFigures | None, reference: Mapping[str, Any] | None
) -> LeftOutComparison | None:
    """Return both medians over the pairs that two evaluations share; None if they left out other groups.

    Args:
        figures: of the network that is judged.
        reference: `left_out` in the metrics of the reference's manifest, if it has them.
    """
    if figures is None or not reference:
        return None
    theirs = {(pair["tb"], pair["ill"]): float(pair["auc"]["value"]) for pair in reference.get("pairs", ())}
    ours = {(pair.tb, pair.ill): pair.auc.value for pair in figures.pairs}
    shared = ours.keys() & theirs.keys()
    if [list(group) for group in figures.groups] != reference.get("groups") or not shared:
        return None
    return LeftOutComparison(
        statistics.median(ours[pair] for pair in shared), statistics.median(theirs[pair] for pair in shared)
    )


def judge_network(
    evaluation: Evaluation,
    reference: str,
    seen_by_start: int = 0,
    go_on: str | None = None,
    weights_of: str | None = None,
    left_out: LeftOutComparison | None = None,
) -> Verdict:
    """Return the verdict on the network of an evaluation.

    A baseline beats the network by the AUC alone, since a network must be clearly above it; the reference
    does if the 95 % interval of the paired difference (DeLong) lies below 0.

    Args:
        evaluation: of the test films.
        reference: name of the other bundle, as "the shipped model".
        seen_by_start: test films that trained or validated the bundle from which the training started.
        go_on: advice that follows a rejection, such as "go on from another model".
        weights_of: name of the bundle whose weights were kept.
        left_out: both recipes at hospitals that their scoring networks never saw. Where sources have one
            class, test films of many sources can be worse and these better; then neither decides.
    """
    row = evaluation.overall
    count = row.tb + row.not_tb
    if row.auc is None:
        return Verdict(Advice.UNKNOWN, f"The {count} test films are of one class: they tell nothing about it")
    score = f"AUC {row.auc.value:.2f} on {count} test films"
    if seen_by_start:
        return Verdict(
            Advice.UNKNOWN,
            f"{score}, of which {seen_by_start} trained the bundle from which it started: the figure is too "
            "high; test it with other films",
        )
    comparison = _find_comparison(evaluation)
    better = _list_better(row, comparison, reference)
    is_worse = comparison is not None and comparison.is_worse
    otherwise = None
    if left_out is not None and left_out.ours > left_out.theirs:
        otherwise = (
            "but at hospitals left out of training the AUC of TB against other illness is "
            f"{left_out.ours:.2f} in the median, that of {reference} {left_out.theirs:.2f}: compare both on "
            "films of your own"
        )
    if is_worse and len(better) == 1 and otherwise:
        return Verdict(Advice.KEEP, f"{score}, worse than {better[0]}; {otherwise}")
    if better:
        more = f"; {go_on}" if go_on else ""
        return Verdict(Advice.REJECT, f"{score}, worse than {' and '.join(better)}: do not use it{more}")
    above = f"the trivial baselines reach {max(auc.value for auc in row.baselines.values()):.2f}"
    if min(row.tb, row.not_tb) < FEWEST:
        return Verdict(
            Advice.UNKNOWN,
            f"{score}, {above}: too few to tell, {FEWEST} with TB and {FEWEST} without are needed",
        )
    if comparison is None and weights_of:
        return Verdict(
            Advice.UNKNOWN,
            f"{score}, {above}; its weights are those of {weights_of}: compare the thresholds, at hospitals "
            "that the scoring network never saw",
        )
    if comparison is None:
        return Verdict(Advice.UNKNOWN, f"{score}, {above}; not compared with {reference}")
    theirs = f"{reference} ({comparison.reference_auc.value:.2f})"
    if comparison.difference.low > 0:
        return Verdict(
            Advice.USE,
            f"{score}, better than {theirs}; {above}: test it with films of a hospital that it has not seen",
        )
    same = f"{score}, not shown to be better than {theirs}; {above}"
    return Verdict(Advice.KEEP, f"{same}; {otherwise}" if otherwise else f"{same}: stay with {reference}")


def _find_comparison(evaluation: Evaluation) -> Comparison | None:
    return next((row for row in evaluation.comparisons if row.name == evaluation.overall.name), None)


def _list_better(row: Row, comparison: Comparison | None, reference: str) -> list[str]:
    """Return the best baseline and the reference, each with its AUC, where they are better."""
    assert row.auc is not None
    better = []
    if row.baselines:
        name, best = max(row.baselines.items(), key=lambda item: item[1].value)
        if best.value > row.auc.value:
            plain = name.removesuffix(", same source")
            better.append(f"{BASELINE_NAMES[plain]} ({best.value:.2f})")
    if comparison is not None and comparison.is_worse:
        better.append(f"{reference} ({comparison.reference_auc.value:.2f})")
    return better
