"""The threshold at which a new bundle refers as many films as the one in use, as a record that is signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from db.bacteriology.truths import find_truths
from db.counts.report_counts import Span
from db.models.shadow_screenings import ScorePair, list_pairs
from db.models.site_thresholds import NAME, ChangeEntry, SiteThresholdEntry
from domain.bacteriology import Truth
from domain.bundle.manifest import Manifest, OperatingPoint
from domain.errors import PermanentError
from domain.notices import NOTICE
from figures.text_table import TextTable
from judging.paired_referral import (
    EquivalentThreshold,
    ReferralChange,
    compare_referral,
    find_equivalent_threshold,
)
from reports.period import Period
from reports.sections.section import Section
from reports.site_threshold.record import Part
from reports.site_threshold.sheet import describe_change, head_sheet
from reports.text_form import render_sections
from reports.wording import write_part

EQUIVALENT: Final = "equivalent"
"""Key of the figures in the record."""


class EquivalentRecord(Part):
    """Figures of an equivalent threshold."""

    bundle: str
    reference: str
    """Name and version of the bundle in use."""
    period: str
    same_sensitivity: bool
    """True: on films of people with TB by bacteriology."""
    reference_threshold: float
    screening: EquivalentThreshold
    rule_in: EquivalentThreshold | None
    """None: too few films for it; HIGH begins at the new bundle's own rule-in threshold."""
    unchanged: ReferralChange
    """Films referred at the new bundle's own threshold."""


def read_pairs(
    session: Session, candidate: str, reference: str, span: Span, with_tb: bool
) -> list[ScorePair]:
    """Return the films that both bundles scored.

    Args:
        session: one that reads.
        candidate: digest of the new bundle, which ran in the shadow.
        reference: digest of the one in use.
        span: time of their reception.
        with_tb: only films of people with TB by bacteriology.
    """
    pairs = list_pairs(session, candidate, reference, span.start, span.end)
    if not with_tb:
        return pairs
    truths = find_truths(session, span.start, span.end)
    return [pair for pair in pairs if truths.get(pair.study_id) is Truth.TB]


def make_record(
    manifest: Manifest,
    reference: Manifest,
    pairs: Sequence[ScorePair],
    period: Period,
    same_sensitivity: bool,
) -> dict[str, Any]:
    """Return the record of the equivalent threshold, as `db.models.site_thresholds.keep` takes it.

    Args:
        manifest: manifest of the new bundle.
        reference: manifest of the one in use, with the site's own threshold.
        pairs: films that both scored.
        period: days of their reception.
        same_sensitivity: see `EquivalentRecord`.

    Raises:
        PermanentError: with too few films.
    """
    if not pairs:
        of = " of people with TB by bacteriology" if same_sensitivity else ""
        raise PermanentError(
            f"both bundles scored no film{of} in this time: 'tbscreen models activate DIGEST --shadow' lets "
            "the new one score the films of some weeks first"
        )
    ours, theirs = [pair.shadow for pair in pairs], [pair.reported for pair in pairs]
    in_use = reference.find_operating_point(reference.reported_operating_point).threshold
    own = manifest.find_operating_point(manifest.reported_operating_point).threshold
    screening = find_equivalent_threshold(ours, theirs, in_use)
    try:
        rule_in = find_equivalent_threshold(ours, theirs, reference.find_operating_point("rule_in").threshold)
    except PermanentError:  # few films are HIGH
        rule_in = None
    high = manifest.find_operating_point("rule_in").threshold if rule_in is None else rule_in.threshold.value
    figures = EquivalentRecord(
        bundle=f"{manifest.name} {manifest.version}",
        reference=f"{reference.name} {reference.version}",
        period=str(period),
        same_sensitivity=same_sensitivity,
        reference_threshold=in_use,
        screening=screening,
        rule_in=rule_in,
        unchanged=compare_referral(ours, theirs, (own, in_use)),
    )
    low = OperatingPoint(name="screening", threshold=screening.threshold.value)
    points = [low, OperatingPoint(name="rule_in", threshold=max(high, low.threshold))]
    named = {**low.model_dump(mode="json"), "name": NAME}
    return {
        "operating_points": [*(point.model_dump(mode="json") for point in points), named],
        "calibration": None,
        EQUIVALENT: figures.model_dump(mode="json"),
    }


def write_equivalent(entry: SiteThresholdEntry, changes: list[ChangeEntry]) -> str:
    """Return the sheet of an equivalent threshold as text."""
    figures = EquivalentRecord.model_validate(entry.record[EQUIVALENT])
    found, unchanged = figures.screening, figures.unchanged
    of = "films of people with TB by bacteriology" if figures.same_sensitivity else "films"
    rows = [
        ("in use", figures.reference, figures.reference_threshold, "", unchanged.reference),
        ("new, its own threshold", figures.bundle, None, "", unchanged.candidate),
        (
            "new, equivalent",
            figures.bundle,
            found.threshold.value,
            f"{found.threshold.low:.4f}–{found.threshold.high:.4f}",
            found.referred,
        ),
    ]
    words = [
        f"On {found.films} {of} of {figures.period}, which both bundles scored, the new one refers as many "
        f"at {found.threshold.value:.4f} (95 % interval {found.threshold.low:.4f} to "
        f"{found.threshold.high:.4f}) as {figures.reference} at {figures.reference_threshold:.4f}.",
    ]
    if figures.rule_in is None:
        words.append(
            "Too few films are HIGH for an equivalent rule-in threshold: the new bundle's own stays."
        )
    else:
        words.append(f"HIGH from {figures.rule_in.threshold.value:.4f}, likewise.")
    if not figures.same_sensitivity:
        words.append(
            "As many films are not the same films, and not the same sensitivity: that needs bacteriology "
            "(--same-sensitivity, or a calibration study)."
        )
    table = TextTable(
        "",
        ("threshold", "bundle", "score", "95 % interval", "referred"),
        [
            (
                name,
                bundle,
                "" if score is None else f"{score:.4f}",
                interval,
                f"{count} ({write_part(count, found.films)})",
            )
            for name, bundle, score, interval, count in rows
        ],
    )
    sections = [Section("equivalent", "Equivalent threshold", words, [table])]
    if changes:
        lines = [describe_change(change) for change in changes]
        sections.append(Section("changes", "In use for this bundle", lines))
    return render_sections([*head_sheet(entry, figures.bundle), NOTICE], sections)
