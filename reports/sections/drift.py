"""The section on drift."""

from __future__ import annotations

from typing import Final

from domain.languages.sentence import say, say_number
from figures.text_table import TextTable
from reports.figures import Drift
from reports.sections.section import Section
from reports.wording import DRIFT_FIGURES, write_index

MOST_ALERTS: Final = 40


def compose_drift(drift: Drift) -> Section:
    """Return the section; of many alerts it lists the greatest."""
    title = say("Drift")
    if not drift.rows:
        return Section("drift", title, [say("No film was screened in this period.")])
    judged = [row for row in drift.rows if row.index is not None]
    paragraphs = [
        say(
            "The weeks of each station are compared with its films of {first} to {last}: scores, greys of "
            "the films and ages, by the population stability index. 0 means no change; an alert begins at "
            "{threshold:.2f}, or higher where few films reach that by chance.",
            first=drift.reference_first,
            last=drift.reference_last,
            threshold=drift.threshold,
        )
    ]
    if not judged:
        paragraphs.append(
            say(
                "No week has an index: a week needs 30 films, and the reference needs 100 films of the same "
                "station (for scores, also of the same model)."
            )
        )
        return Section("drift", title, paragraphs)
    alerts = drift.alerts
    compared = say_number("{number:,} comparison", "{number:,} comparisons", len(judged))
    told = say_number(
        "{number:,} alert in {comparisons}.",
        "{number:,} alerts in {comparisons}.",
        len(alerts),
        comparisons=compared,
    )
    if len(alerts) > MOST_ALERTS:
        told = say("{before} The {number} greatest are listed.", before=told, number=MOST_ALERTS)
    if len(drift.rows) > len(judged):
        told = say(
            "{before} {number} more comparisons had too few films.",
            before=told,
            number=len(drift.rows) - len(judged),
        )
    paragraphs.append(told)
    rows = [
        (
            row.station,
            row.week.isoformat(),
            DRIFT_FIGURES[row.figure],
            write_index(row.index),
            write_index(row.limit),
            f"{row.films} / {row.reference_films}",
        )
        for row in alerts[:MOST_ALERTS]
    ]
    columns = (
        *(say("station"), say("week from"), say("figure"), say("index"), say("alert from")),
        say("films / reference"),
    )
    return Section("drift", title, paragraphs, [TextTable(say("Alerts"), columns, rows)] if rows else [])
