"""The section on the making of a report."""

from __future__ import annotations

from domain.languages.sentence import say
from domain.notices import NOTICE
from reports.figures import Report
from reports.sections.section import Section


def compose_method(report: Report) -> Section:
    """Return the section, with the notice that each report has."""
    return Section(
        "method",
        say("Method"),
        [
            say(
                "Films received from {first} to {last}, both included, by days of {timezone}; a film counts "
                "once, in its current revision. A site is the institution in the header of a film, or the "
                "sender's AE title without one. Durations are those of films that completed the stage; "
                "medians and percentiles are exact. The most suspicious film decides for its study.",
                first=report.first,
                last=report.last,
                timezone=report.timezone,
            ),
            say(
                "Made by tbscreen {version} on {day} at {time} UTC from the results database. The same "
                "command gives the same figures as long as no film of the period changes.",
                version=report.version,
                day=report.made_at.date(),
                time=report.made_at.strftime("%H:%M"),
            ),
            say(NOTICE),
        ],
    )
