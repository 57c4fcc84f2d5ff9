"""The main figures, at the top of a report."""

from __future__ import annotations

from dataclasses import dataclass

from judging.wording import NOTHING
from reports.figures import Report
from reports.truth_words import find_words
from reports.wording import (
    count_things,
    write_count,
    write_duration,
    write_estimate,
    write_part,
)


@dataclass(frozen=True)
class Tile:
    """A figure with its name and an explanation."""

    what: str
    value: str
    of: str
    alarm: bool = False


def compose_tiles(report: Report) -> list[Tile]:
    """Return the tiles in order; a figure that cannot be computed is a dash with the reason."""
    flow, bands = report.total.flow, report.total.bands
    refused = sum(flow.refused.values())
    screened = bands.high + bands.medium + bands.low
    tiles = [
        Tile(
            "Films received",
            write_count(flow.received),
            f"{write_count(flow.screened)} screened ({write_part(flow.screened, flow.received)}), "
            f"{write_count(refused)} refused, {write_count(flow.waiting)} waiting",
        ),
        Tile(
            "Suggestive of TB",
            write_count(bands.present) if screened else NOTHING,
            f"{write_estimate(bands.share_present)} of {write_count(screened)} films with a finding"
            if screened
            else "no film was screened by a trained model",
        ),
    ]
    reads = report.total.agreement
    number = reads.unsure - reads.readers_differ
    unsure = f", {write_count(number)} as unsure" if number else ""
    unsure += f", readers differ on {write_count(reads.readers_differ)}" if reads.readers_differ else ""
    read = Tile(
        f"Studies {find_words(report.truth).judged}",
        write_count(reads.read),
        f"of {write_count(reads.screened)} screened{unsure}",
    )
    return [
        *tiles,
        _compose_turnaround(report),
        read,
        *_compose_agreement(report),
        *_compose_troubles(report),
    ]


def _compose_turnaround(report: Report) -> Tile:
    stages = {stage.name: stage for stage in report.total.stages}
    result, delivered = stages["until screened"], stages["until delivered"]
    explanation = f"95 % within {write_duration(result.p95_ms)}" if result.films else "no film was screened"
    if delivered.films:
        explanation += f"; report delivered after {write_duration(delivered.median_ms)}"
    return Tile("Sender to result, median", write_duration(result.median_ms), explanation)


def _compose_agreement(report: Report) -> list[Tile]:
    reads, words = report.total.agreement, find_words(report.truth)
    tb, others = (
        reads.true_positive + reads.false_negative,
        reads.true_negative + reads.false_positive,
    )
    pairs = (
        (
            f"Sensitivity against {words.short}",
            reads.sensitivity,
            f"{count_things(tb, 'study', 'studies')} {words.judged} as TB",
        ),
        (
            f"Specificity against {words.short}",
            reads.specificity,
            f"{count_things(others, 'study', 'studies')} {words.judged} as not TB",
        ),
    )
    tiles = []
    for what, estimate, explanation in pairs:
        value = NOTHING if estimate is None else f"{estimate.value * 100:.0f} %"
        interval = (
            "" if estimate is None else f"95 % interval {estimate.low * 100:.0f}–{estimate.high * 100:.0f} %"
        )
        tiles.append(Tile(what, value, ", ".join(part for part in (interval, explanation) if part)))
    return tiles


def _compose_troubles(report: Report) -> list[Tile]:
    deliveries, drift = report.total.deliveries, report.drift
    judged = sum(row.index is not None for row in drift.rows)
    open_reports = deliveries.pending + deliveries.unbuilt
    return [
        Tile(
            "Failed deliveries",
            write_count(deliveries.parked),
            f"{write_count(deliveries.delivered)} delivered, {write_count(open_reports)} pending",
            alarm=deliveries.parked > 0,
        ),
        Tile(
            "Drift alerts",
            write_count(len(drift.alerts)) if judged else NOTHING,
            f"of {count_things(judged, 'comparison')} by station and week" if judged else "too few films",
            alarm=bool(drift.alerts),
        ),
    ]
