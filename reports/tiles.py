"""The main figures, at the top of a report."""

from __future__ import annotations

from dataclasses import dataclass

from domain.languages.sentence import join, say, say_number
from judging.wording import NOTHING
from reports.figures import Report
from reports.truth_words import find_words
from reports.wording import (
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
    screened = bands.high + bands.medium + bands.low
    tiles = [
        Tile(
            say("Films received"),
            write_count(flow.received),
            join(
                [
                    say_number(
                        "{number:,} screened ({share})",
                        "{number:,} screened ({share})",
                        flow.screened,
                        share=write_part(flow.screened, flow.received),
                    ),
                    say_number("{number:,} refused", "{number:,} refused", sum(flow.refused.values())),
                    say("{number:,} waiting", number=flow.waiting),
                ]
            ),
        ),
        Tile(
            say("Suggestive of TB"),
            write_count(bands.present) if screened else NOTHING,
            say(
                "{share} of {number:,} films with a finding",
                share=write_estimate(bands.share_present),
                number=screened,
            )
            if screened
            else say("no film was screened by a trained model"),
        ),
    ]
    reads = report.total.agreement
    number = reads.unsure - reads.readers_differ
    explanation = say("of {number:,} screened", number=reads.screened)
    if number:
        explanation = say("{before}, {number:,} as unsure", before=explanation, number=number)
    if reads.readers_differ:
        explanation = say(
            "{before}, readers differ on {number:,}", before=explanation, number=reads.readers_differ
        )
    judged = find_words(report.truth).judged
    read = Tile(say("Studies {judged}", judged=judged), write_count(reads.read), explanation)
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
    explanation = say("no film was screened")
    if result.films:
        explanation = say("95 % within {time}", time=write_duration(result.p95_ms))
    if delivered.films:
        explanation = say(
            "{before}; report delivered after {time}",
            before=explanation,
            time=write_duration(delivered.median_ms),
        )
    return Tile(say("Sender to result, median"), write_duration(result.median_ms), explanation)


def _compose_agreement(report: Report) -> list[Tile]:
    reads, words = report.total.agreement, find_words(report.truth)
    tb, others = (
        reads.true_positive + reads.false_negative,
        reads.true_negative + reads.false_positive,
    )
    pairs = (
        (
            say("Sensitivity against {truth}", truth=words.short),
            reads.sensitivity,
            say_number(
                "{number:,} study {judged} as TB",
                "{number:,} studies {judged} as TB",
                tb,
                judged=words.judged,
            ),
        ),
        (
            say("Specificity against {truth}", truth=words.short),
            reads.specificity,
            say_number(
                "{number:,} study {judged} as not TB",
                "{number:,} studies {judged} as not TB",
                others,
                judged=words.judged,
            ),
        ),
    )
    tiles = []
    for what, estimate, explanation in pairs:
        value = NOTHING if estimate is None else f"{estimate.value * 100:.0f} %"
        if estimate is not None:
            explanation = say(
                "95 % interval {low:.0f}–{high:.0f} %, {number}",
                low=estimate.low * 100,
                high=estimate.high * 100,
                number=explanation,
            )
        tiles.append(Tile(what, value, explanation))
    return tiles


def _compose_troubles(report: Report) -> list[Tile]:
    deliveries, drift = report.total.deliveries, report.drift
    judged = sum(row.index is not None for row in drift.rows)
    open_reports = deliveries.pending + deliveries.unbuilt
    return [
        Tile(
            say("Failed deliveries"),
            write_count(deliveries.parked),
            join(
                [
                    say_number("{number:,} delivered", "{number:,} delivered", deliveries.delivered),
                    say("{number:,} pending", number=open_reports),
                ]
            ),
            alarm=deliveries.parked > 0,
        ),
        Tile(
            say("Drift alerts"),
            write_count(len(drift.alerts)) if judged else NOTHING,
            say_number(
                "of {number:,} comparison by station and week",
                "of {number:,} comparisons by station and week",
                judged,
            )
            if judged
            else say("too few films"),
            alarm=bool(drift.alerts),
        ),
    ]
