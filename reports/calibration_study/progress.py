"""Plan and progress of a calibration study in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

from db.calibration_study.people import PeopleRead
from figures.text_table import TextTable
from reports.calibration_study.analysis import BandCount
from reports.calibration_study.plan import StudyPlan
from reports.calibration_study.score_bands import name_band, tabulate_bands, write_share
from reports.sections.section import Section
from reports.wording import count_things, write_count, write_part


def write_plan(plan: StudyPlan) -> Section:
    """Return the plan as a section."""
    size = plan.size
    rows = [
        (
            name_band(band.begins, following),
            write_share(band.people),
            write_share(band.cases),
            write_share(band.tested),
            "positive" if band.positive else "negative",
        )
        for band, following in zip(plan.bands, [*(band.begins for band in plan.bands[1:]), None], strict=True)
    ]
    weeks = "" if size.weeks is None else f" At the present rate that takes {size.weeks:,.0f} weeks."
    few = (
        ""
        if size.cases_found >= 30
        else " With so few cases the figures will be wide apart; choose a larger study."
    )
    return Section(
        "plan",
        "Plan",
        [
            f"{count_things(size.people, 'person', 'people')}, {count_things(size.tests, 'test')}: then the "
            f"95 % interval of the sensitivity, expected at {write_share(size.sensitivity)}, reaches about "
            f"{plan.half_width * 100:.0f} points to each side.{weeks}",
            f"It supposes a prevalence of {plan.prevalence:.2%}, under which {size.cases_found:,.0f} people "
            f"with TB are found, and that {write_share(plan.results)} of the tests give a result.{few}",
            f"Scores of {count_things(plan.films, 'study', 'studies')} of this site by {plan.bundle}, whose "
            f"calibration gives the expected share of TB in each band; positive from {plan.threshold:.4f}.",
        ],
        [TextTable("Score bands", ("scores", "people", "of the cases", "tested", "finding"), rows)],
    )


def write_progress(bands: Sequence[BandCount], plan: StudyPlan, weeks: float, reads: PeopleRead) -> Section:
    """Return how far a study is, as a section: numbers alone, so that nobody stops it for its result.

    Args:
        bands: counts of its people.
        plan: its plan.
        weeks: weeks since its beginning.
        reads: people whose films were read.
    """
    people, drawn = sum(band.people for band in bands), sum(band.drawn for band in bands)
    results = sum(band.tb + band.not_tb for band in bands)
    paragraphs = [
        f"{write_count(people)} of {count_things(plan.size.people, 'person', 'people')} enrolled "
        f"({write_part(people, plan.size.people)}); {write_count(drawn)} drawn for a test, "
        f"{write_count(results)} of them with a result.",
        f"The films of {count_things(reads.read, 'person', 'people')} were read, those of "
        f"{write_count(reads.blinded)} by a reader who did not know the result.",
    ]
    if people >= plan.size.people:
        paragraphs.append(
            "Enough people are enrolled: once their results are in, analyse and close the study."
        )
    elif people and weeks > 0:
        left = (plan.size.people - people) / (people / weeks)
        paragraphs.append(f"At the rate so far, the people wanted are enrolled in {left:,.0f} more weeks.")
    lacking = [band for band in bands if band.drawn >= 10 and band.waiting > band.drawn / 2]
    if lacking:
        paragraphs.append(
            "In a band more than half of the drawn people have no result: 'tbscreen study tests' lists them. "
            "People without a result weaken the study, the more so the further down their band."
        )
    return Section("progress", "Progress", paragraphs, [tabulate_bands(bands)])
