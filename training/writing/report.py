"""The evaluation report: one HTML file without external resources and scripts."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment
from markupsafe import Markup, escape

from figures.report_page import make_environment
from judging.statistics import Estimate, measure_proportion
from judging.wording import write_figure
from training.films.labelled_film import Label
from training.judging.evaluation import ROW_POINTS, Evaluation, Row
from training.judging.left_out_figures import PointSpread
from training.judging.scored_films import PARTS, ScoredFilms
from training.writing import plots, training_plots, wording
from training.writing.model_card import compose_card, explain_trap, list_same_source
from training.writing.report_facts import ReportFacts

TEMPLATES: Final = Path(__file__).parent / "templates"
PREVALENCES: Final = (0.005, 0.01, 0.02, 0.05)
"""Prevalences of the table of expected results, from a general population to contacts and prisons."""


@dataclass(frozen=True)
class FilmPicture:
    """A film to show, only with `--with-films`, since films are patient data."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Yield:
    """Expected results of an operating point for 1,000 people screened, as numbers of people."""

    prevalence: float
    point: str
    found: float
    missed: float
    alarms: float
    best: Yield | None = None
    """Results at the upper 95 % limits of sensitivity and specificity; None where there are none."""
    worst: Yield | None = None
    """Results at the lower limits."""

    @property
    def positive(self) -> float:
        """People with a positive result, who need a confirmatory test."""
        return self.found + self.alarms

    @property
    def ppv(self) -> float:
        """Positive predictive value; 0 without positive results."""
        return self.found / self.positive if self.positive else 0.0


def write_report(
    evaluation: Evaluation,
    films: ScoredFilms,
    history: Sequence[Mapping[str, Any]],
    facts: ReportFacts,
    pictures: Sequence[FilmPicture] = (),
) -> bytes:
    """Return the report as UTF-8 HTML; the same arguments give the same bytes.

    Args:
        evaluation: result of `evaluate` for the same films.
        films: all films, with scores of the films of part "test".
        history: one mapping an epoch: "epoch", "loss", "validation_auc"; may be empty.
        facts: facts besides the figures.
        pictures: films to include; only where readers of the report may see them.
    """
    same = list_same_source(evaluation)
    page = _environment().get_template("report.html")
    html = page.render(
        facts=facts,
        evaluation=evaluation,
        card=compose_card(evaluation, facts),
        trap=explain_trap(evaluation),
        same=same,
        one_class=[row for row in (*evaluation.unseen, *evaluation.sources) if not row.auc],
        baselines=_name_baselines((*same, evaluation.overall)),
        names_of=_name_baselines,
        yields=_list_yields(evaluation, facts.spreads),
        spreads={spread.name: spread for spread in facts.spreads},
        summary=_summarise(films),
        parts=PARTS,
        labels=list(Label),
        plots=_draw(evaluation, films, history),
        pictures=[(base64.b64encode(picture.png).decode(), picture.caption) for picture in pictures],
    )
    return html.encode()


def expect_yield(row_sensitivity: float, row_specificity: float, prevalence: float, point: str) -> Yield:
    """Return the expected results of a test of this sensitivity and specificity; all shares 0..1."""
    ill = 1000 * prevalence
    return Yield(
        prevalence=prevalence,
        point=point,
        found=ill * row_sensitivity,
        missed=ill * (1 - row_sensitivity),
        alarms=(1000 - ill) * (1 - row_specificity),
    )


def _list_yields(evaluation: Evaluation, spreads: Sequence[PointSpread]) -> list[Yield]:
    """Return yields for people who have TB or are healthy.

    They follow from the average over left-out hospitals, else from unseen sources with both classes, else
    from all of these, else from all films.
    """
    averages = [
        expect_yield(spread.sensitivity.average, spread.specificity_normal.average, share, spread.name)
        for share in PREVALENCES
        for spread in spreads
        if spread.name in ROW_POINTS and spread.sensitivity and spread.specificity_normal
    ]
    if averages:
        return averages
    same = list_same_source(evaluation)
    rows = [row for row in same if not row.seen_in_training] or same or [evaluation.overall]
    yields = []
    for point in ROW_POINTS:
        found = _pool([(row.sensitivity[point], row.tb) for row in rows if point in row.sensitivity])
        spared = _pool([(row.specificity[point], row.not_tb) for row in rows if point in row.specificity])
        if found is not None and spared is not None:
            yields += [
                replace(
                    expect_yield(found.value, spared.value, share, point),
                    best=expect_yield(found.high, spared.high, share, point),
                    worst=expect_yield(found.low, spared.low, share, point),
                )
                for share in PREVALENCES
            ]
    return sorted(yields, key=lambda expected: expected.prevalence)


def _pool(shares: Sequence[tuple[Estimate, int]]) -> Estimate | None:
    """Return the share of all films of several rows, each with its number of films."""
    hits = sum(round(share.value * number) for share, number in shares)
    return measure_proportion(hits, sum(number for _, number in shares))


def _name_baselines(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row.baselines))


def _summarise(films: ScoredFilms) -> list[tuple[str, dict[str, int]]]:
    """Return the number of films by "part label", by label and by part, for each source and for all."""
    sets = [(str(source), films.sources == source) for source in np.unique(films.sources)]
    sets.append(("all", np.ones(len(films), dtype=bool)))
    summary = []
    for name, mask in sets:
        chosen = films.select(mask)
        counts = {"all": len(chosen)}
        counts |= {label.value: int((chosen.labels == label.value).sum()) for label in Label}
        counts |= {part: int((chosen.parts == part).sum()) for part in PARTS}
        for part in PARTS:
            here = chosen.select_part(part)
            counts |= {f"{part} {label.value}": int((here.labels == label.value).sum()) for label in Label}
        summary.append((name, counts))
    return summary


def _draw(
    evaluation: Evaluation, films: ScoredFilms, history: Sequence[Mapping[str, Any]]
) -> dict[str, Markup]:
    """Return every plot that these figures allow, by name."""
    test = films.select_part("test")
    drawn = {
        "histograms": plots.plot_histograms(test, evaluation.operating_points),
        "source_histograms": plots.plot_source_histograms(test, evaluation.operating_points),
        "balance": training_plots.plot_balance(films),
    }
    if evaluation.operating_points:
        drawn["confusion"] = plots.plot_confusion(evaluation.operating_points)
    if evaluation.overall.auc:
        rows = [*list_same_source(evaluation), evaluation.overall]
        drawn["forest"] = plots.plot_forest(rows)
        drawn["roc"] = plots.plot_roc(test, evaluation)
        drawn["precision_recall"] = plots.plot_precision_recall(test, evaluation)
    if evaluation.calibration:
        drawn["calibration"] = plots.plot_calibration(evaluation.calibration)
    if history:
        drawn["training"] = training_plots.plot_training(history)
    # Matplotlib escapes the text that it draws.
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704


def _environment() -> Environment:
    environment = make_environment(TEMPLATES)
    filters: dict[str, Any] = {
        "figure": write_figure,
        "difference": wording.write_difference,
        "share": wording.write_share,
        "percent": lambda share: f"{share * 100:.1f} %",
        "method": wording.METHOD_NAMES.__getitem__,
        "point": wording.name_point,
        "set": wording.name_set,
        "prose": _mark_up,
    }
    environment.filters.update(filters)
    return environment


def _mark_up(text: str) -> Markup:
    """Return text with `code` and **strong** of the model card as HTML, and everything else escaped."""
    escaped = str(escape(text))
    escaped = re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", escaped))  # noqa: S704
