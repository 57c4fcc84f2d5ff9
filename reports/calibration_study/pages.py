"""The analysis of a calibration study in words, tables and pictures."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from domain.notices import NOTICE
from figures.svg_figure import INK, NORMAL, TB
from figures.text_table import TextTable
from judging.calibration_study.accuracy import Accuracy
from judging.calibration_study.threshold_choice import Policy
from judging.statistics import Estimate
from judging.wording import NOTHING
from reports.calibration_study.analysis import ODDS, StudyAnalysis
from reports.calibration_study.cell_section import TESTED, compose_cells
from reports.calibration_study.score_bands import picture_bands, tabulate_bands, write_share
from reports.drawings import FULL, Picture
from reports.page import Page
from reports.sections.section import Section
from reports.tiles import Tile
from reports.wording import count_things, write_count, write_estimate, write_part

GROUPS: Final = {"age": "Age", "sex": "Sex", "station": "Station"}


def compose_sections(analysis: StudyAnalysis) -> list[Section]:
    """Return the sections of an analysis."""
    chosen = analysis.recommended
    return [
        _compose_recommendation(analysis),
        Section(
            "accuracy",
            "Accuracy at each threshold",
            [
                "Each tested person stands for the people of the same score band who were enrolled "
                "(inverse probability of verification; Begg and Greenes 1983; Alonzo and Pepe 2005). "
                "Intervals are 95 %."
            ],
            [
                TextTable(
                    "",
                    ("threshold", "referred", "sensitivity", "specificity", "PPV", "NPV", "cases"),
                    [
                        (
                            _mark(accuracy, analysis),
                            write_part(accuracy.referred, accuracy.people),
                            write_estimate(accuracy.sensitivity),
                            write_estimate(accuracy.specificity),
                            write_estimate(accuracy.ppv),
                            write_estimate(accuracy.npv),
                            _write_number(accuracy.cases),
                        )
                        for accuracy in analysis.thresholds
                    ],
                    "* in use when the study was planned; † recommended. Cases: people with TB at or above "
                    "the threshold, among all enrolled.",
                )
            ],
        ),
        _compose_policies(analysis),
        _compose_yield(analysis),
        Section(
            "groups",
            f"Groups of people at {analysis.judged.threshold or 0:.4f}",
            ["A group with few tested people below the threshold has no sensitivity."],
            [
                TextTable(
                    title,
                    (kind, "people", "referred", "sensitivity", "specificity", "PPV"),
                    [
                        (
                            group.name,
                            write_count(group.accuracy.people),
                            write_part(group.accuracy.referred, group.accuracy.people),
                            write_estimate(group.accuracy.sensitivity),
                            write_estimate(group.accuracy.specificity),
                            write_estimate(group.accuracy.ppv),
                        )
                        for group in analysis.groups
                        if group.kind == kind
                    ],
                )
                for kind, title in GROUPS.items()
            ],
        ),
        *([] if analysis.table is None else [compose_cells(analysis.table, TESTED)]),
        Section("people", "People and tests", _explain_people(analysis), [tabulate_bands(analysis.bands)]),
        Section(
            "method",
            "Method",
            [
                "People were enrolled as their films were screened, each once. By score band a known share "
                "was drawn for a test; bacteriology is the truth (culture, Xpert, Ultra, else smear).",
                "A recommended sensitivity is that of the highest threshold whose lower one-sided bound "
                f"({analysis.policy.assurance:.0%}) reaches it less {analysis.policy.tolerance:.0%}."
                + (
                    ""
                    if chosen is None
                    else " Cross-fitted figures are those of each tenth of the people at the threshold that "
                    "the other nine choose, so that they do not look too good; their intervals also hold "
                    "those of the recommended threshold."
                ),
                NOTICE,
            ],
        ),
    ]


def compose_page(analysis: StudyAnalysis, made_at: datetime, version: str, organisation: str) -> Page:
    """Return the page of an analysis.

    Args:
        analysis: the figures.
        made_at: time, UTC.
        version: version of tbscreen.
        organisation: the site's name.
    """
    return Page(
        kind="Calibration study",
        organisation=organisation,
        name=f"Calibration study {analysis.name}",
        title=f"Threshold of {analysis.bundle} by bacteriology",
        subtitle=f"{analysis.first:%-d %B %Y} to {analysis.last:%-d %B %Y}",
        made=f"Study {analysis.name} · bundle {analysis.bundle_digest[:12]} · made "
        f"{made_at:%-d %B %Y, %H:%M} UTC by tbscreen {version}",
        notice=NOTICE,
        alarm=None,
        tiles=_compose_tiles(analysis),
        sections=compose_sections(analysis),
        pictures=[_picture_thresholds(analysis), picture_bands(analysis.bands)],
    )


def _compose_recommendation(analysis: StudyAnalysis) -> Section:
    words = [f"Wanted: {_name_policy(analysis.policy)}."]
    if analysis.recommended is None:
        words.append(f"No threshold is recommended: {analysis.refusal}.")
    else:
        words.append(
            f"Recommended: {analysis.recommended.threshold:.4f}, which refers "
            f"{write_part(analysis.recommended.accuracy.referred, analysis.people)} of the people; "
            f"{analysis.current.threshold or 0:.4f}, in use when the study was planned, refers "
            f"{write_part(analysis.current.referred, analysis.people)}."
        )
    rows = [("in use, on all people", analysis.current)]
    if analysis.recommended is not None:
        rows.append(("recommended, on the people it was chosen on", analysis.recommended.accuracy))
        if analysis.recommended.cross_fitted is not None:
            rows.append(("recommended, cross-fitted", analysis.recommended.cross_fitted))
    words += [f"Of the threshold in use: {reason}." for reason in analysis.current.reasons]
    if analysis.bound is not None and analysis.bound.missing:
        bound = analysis.bound
        words.append(
            f"{write_count(bound.missing)} people who were drawn have no result that decides. If their odds "
            f"of TB are up to {ODDS:g} times, or 1/{ODDS:g} of, those of the tested, the sensitivity lies "
            f"between {write_share(bound.least.low)} and {write_share(bound.greatest.high)}."
        )
    return Section(
        "recommendation",
        "Recommendation",
        words,
        [
            TextTable(
                "",
                ("threshold", "sensitivity", "specificity", "PPV", "NPV"),
                [
                    (
                        name,
                        write_estimate(accuracy.sensitivity),
                        write_estimate(accuracy.specificity),
                        write_estimate(accuracy.ppv),
                        write_estimate(accuracy.npv),
                    )
                    for name, accuracy in rows
                ],
            )
        ],
    )


def _compose_policies(analysis: StudyAnalysis) -> Section:
    return Section(
        "policies",
        "Other demands",
        ["Thresholds of other demands, on the people on whom they were chosen: their figures look too good."],
        [
            TextTable(
                "",
                ("wanted", "threshold", "referred", "sensitivity", "specificity"),
                [
                    (
                        _name_policy(row.policy),
                        NOTHING if row.accuracy is None else _mark(row.accuracy, analysis),
                        NOTHING
                        if row.accuracy is None
                        else write_part(row.accuracy.referred, row.accuracy.people),
                        write_estimate(None if row.accuracy is None else row.accuracy.sensitivity),
                        write_estimate(None if row.accuracy is None else row.accuracy.specificity),
                    )
                    for row in analysis.policies
                ],
                "A dash: no threshold meets the demand, or too few were tested to know.",
            )
        ],
    )


def _name_policy(policy: Policy) -> str:
    wanted = []
    if policy.sensitivity is not None:
        wanted.append(f"a sensitivity of at least {write_share(policy.sensitivity)}")
    if policy.referred is not None:
        wanted.append(f"at most {write_share(policy.referred)} of the people referred")
    return " and ".join(wanted)


def _compose_yield(analysis: StudyAnalysis) -> Section:
    prices = analysis.prices
    costs = () if prices is None else ("cost of a case",)
    words = ["Tests that a programme does, at each threshold, for one case that is found."]
    if prices is not None:
        words.append(f"Costs: {prices.film:g} for a film, {prices.test:g} for a test.")
    return Section(
        "yield",
        "Tests and costs",
        words,
        [
            TextTable(
                "",
                ("threshold", "people referred", "tests for a case", *costs),
                [
                    (
                        _mark(accuracy, analysis),
                        write_count(accuracy.referred),
                        _write_number(paid.tests_per_case, 1),
                        *(() if prices is None else (_write_number(paid.cost_per_case),)),
                    )
                    for accuracy, paid in zip(analysis.thresholds, analysis.yields, strict=True)
                ],
            )
        ],
    )


def _explain_people(analysis: StudyAnalysis) -> list[str]:
    words = [f"{count_things(analysis.people, 'person', 'people')} were enrolled."]
    if analysis.repeated:
        words.append(
            f"{count_things(analysis.repeated, 'person', 'people')} more turned out to be one of them, by "
            "corrections of patients, and were left out."
        )
    if analysis.undrawn_tested:
        words.append(
            f"{count_things(analysis.undrawn_tested, 'person', 'people')} had a result without having been "
            "drawn. They stand for nobody else and do not count."
        )
    if analysis.clusters:
        words.append(f"{analysis.clusters.capitalize()} were sampled: intervals cover their differences.")
    return words


def _compose_tiles(analysis: StudyAnalysis) -> list[Tile]:
    judged, tested = analysis.judged, analysis.current
    results = sum(band.tb + band.not_tb for band in analysis.bands)
    name = "at the threshold in use" if analysis.recommended is None else "at the recommended threshold"
    return [
        Tile("People", write_count(analysis.people), f"{write_count(results)} with a result that counts"),
        Tile(
            "Threshold",
            NOTHING if analysis.recommended is None else f"{analysis.recommended.threshold:.4f}",
            analysis.refusal or f"instead of {tested.threshold or 0:.4f}",
            alarm=analysis.recommended is None,
        ),
        Tile("Sensitivity", _write_value(judged.sensitivity), f"{write_estimate(judged.sensitivity)} {name}"),
        Tile("Referred", write_part(judged.referred, judged.people), name),
    ]


def _mark(accuracy: Accuracy, analysis: StudyAnalysis) -> str:
    threshold = accuracy.threshold or 0.0
    marks = "*" if threshold == analysis.current.threshold else ""
    if analysis.recommended is not None and threshold == analysis.recommended.threshold:
        marks += "†"
    return f"{threshold:.4f}{marks}"


def _write_number(estimate: Estimate | None, digits: int = 0) -> str:
    if estimate is None:
        return NOTHING
    value, low, high = (f"{part:,.{digits}f}" for part in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low}–{high})"


def _write_value(estimate: Estimate | None) -> str:
    return NOTHING if estimate is None else write_share(estimate.value)


def _picture_thresholds(analysis: StudyAnalysis) -> Picture:
    def draw(axes: Axes) -> None:
        for name, colour in (("sensitivity", TB), ("specificity", NORMAL)):
            found = [
                (accuracy.referred / accuracy.people, getattr(accuracy, name))
                for accuracy in analysis.thresholds
                if getattr(accuracy, name) is not None
            ]
            if not found:
                continue
            places = [place for place, _ in found]
            axes.plot(places, [figure.value for _, figure in found], color=colour, marker=".", label=name)
            axes.fill_between(
                places,
                [figure.low for _, figure in found],
                [figure.high for _, figure in found],
                color=colour,
                alpha=0.16,
                linewidth=0,
            )
        marks = [("in use", analysis.current, ":")]
        if analysis.recommended is not None:
            marks.append(("recommended", analysis.recommended.accuracy, "--"))
        for name, accuracy, dash in marks:
            axes.axvline(
                accuracy.referred / accuracy.people, color=INK, linestyle=dash, linewidth=1.0, label=name
            )
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="share of people referred", ylabel="share")
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.legend(loc="center right")

    caption = (
        "Sensitivity and specificity with 95 % intervals, by the share of people whom a threshold refers."
    )
    return Picture("accuracy", "thresholds", caption, FULL, 3.6, (0.7, 0.5, 0.25, 0.1), draw)
