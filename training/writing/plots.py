"""The plots of an evaluation report: curves, histograms, counts, but no films."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

from figures.svg_figure import (
    GREY,
    INK,
    LINES,
    NORMAL,
    OTHER,
    SQUARE_LEFT,
    SQUARE_WIDTH,
    TB,
    draw_axes,
    draw_square,
    frame_unit_square,
    shorten,
    styled,
    to_svg,
)
from judging.operating_points import MeasuredPoint
from judging.statistics import Estimate
from judging.wording import write_figure
from training.films.labelled_film import Label
from training.judging.evaluation import CalibrationFigures, Evaluation, Row
from training.judging.scored_films import ScoredFilms
from training.writing.wording import LABEL_NAMES, name_point

LABEL_COLOURS: Final = {Label.TB: TB, Label.NORMAL: NORMAL, Label.OTHER: OTHER}
LABEL_HATCHES: Final = {Label.TB: "", Label.NORMAL: "", Label.OTHER: "////"}
MARKERS: Final = {
    "screening": "o",
    "rule_in": "s",
    "sensitivity_95": "^",
    "specificity_95": "v",
    "youden": "D",
}
MOST_SOURCES: Final = 14


@styled
def plot_roc(films: ScoredFilms, evaluation: Evaluation) -> str:
    """Draw ROC curves of the test films, all and by source, with the operating points on the first.

    Args:
        films: the test films, of both classes.
        evaluation: the evaluation of the same films, with the AUCs for the legend.
    """
    figure, axes = draw_square()
    axes.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle=":")
    for name, area, mask, (colour, dash) in _list_curves(films, evaluation):
        shown = films.select(mask)
        alarms, hits, _ = roc_curve(shown.is_tb, shown.scores, drop_intermediate=False)
        axes.plot(alarms, hits, color=colour, linestyle=dash, label=f"{name}: AUC {write_figure(area)}")
    for point in evaluation.operating_points:
        if point.sensitivity and point.specificity:
            axes.plot(
                1 - point.specificity.value,
                point.sensitivity.value,
                linestyle="none",
                marker=MARKERS.get(point.name, "x"),
                markerfacecolor="none",
                color=INK,
                label=f"{name_point(point.name)}, threshold {point.threshold:.3f}",
            )
    frame_unit_square(axes, "1 - specificity", "sensitivity")
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.12), borderaxespad=0)
    return to_svg(figure, "roc", "ROC curves of the test films, all and by source, with operating points")


@styled
def plot_precision_recall(films: ScoredFilms, evaluation: Evaluation) -> str:
    """Draw precision against recall, all and by source, each with its share of TB as a dotted line."""
    figure, axes = draw_square()
    for name, _, mask, (colour, dash) in _list_curves(films, evaluation):
        shown = films.select(mask)
        precision, recall, _ = precision_recall_curve(shown.is_tb, shown.scores)
        share = float(shown.is_tb.mean())
        axes.step(
            recall, precision, where="post", color=colour, linestyle=dash, label=f"{name}, {share:.0%} TB"
        )
        axes.axhline(share, color=colour, linewidth=0.7, linestyle=":")
    frame_unit_square(axes, "sensitivity (recall)", "positive predictive value (precision)")
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.12), borderaxespad=0)
    return to_svg(figure, "precision-recall", "Precision-recall curves of the test films, all and by source")


@styled
def plot_calibration(figures: CalibrationFigures) -> str:
    """Draw the share of TB against the mean probability of each bin, with the number of films below."""
    figure, axes = draw_square()
    below = figure.add_axes((SQUARE_LEFT, 0.07, SQUARE_WIDTH, 0.14))
    axes.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle=":", label="perfect")
    means = [part.probability for part in figures.bins]
    shares = [part.share_of_tb for part in figures.bins]
    axes.errorbar(
        means,
        [share.value for share in shares],
        yerr=to_bars(shares),
        color=TB,
        marker="o",
        elinewidth=0.9,
        label="test films, 95 % intervals",
    )
    frame_unit_square(axes, "calibrated probability", "share with TB")
    axes.legend(loc="upper left")
    numbers = [part.films for part in figures.bins]
    places = [min(int(part.probability * 10), 9) / 10 + 0.05 for part in figures.bins]
    below.bar(places, numbers, width=0.085, color=GREY)
    for place, number in zip(places, numbers, strict=True):
        below.text(place, number, str(number), ha="center", va="bottom", fontsize=7.5)
    below.set(xlim=(-0.01, 1.01), ylabel="films")
    below.set_ylim(0, max(numbers) * 1.3)
    return to_svg(figure, "calibration", "Share of films with TB by calibrated probability, with bin counts")


@styled
def plot_histograms(films: ScoredFilms, points: Sequence[MeasuredPoint]) -> str:
    """Draw histograms of the scores of the test films by label, with screening and rule-in."""
    labels = [label for label in Label if (films.labels == label.value).any()]
    figure, panels = draw_axes(5.2, 0.7 + 1.15 * len(labels), rows=len(labels))
    for axes, label in zip(panels, labels, strict=True):
        scores = films.scores[films.labels == label.value]
        _draw_histogram(axes, {label: scores}, points)
        axes.set_title(f"{LABEL_NAMES[label]} ({len(scores)} films)", loc="left")
        axes.set_ylabel("films")
    _label_scores(panels, points)
    return to_svg(figure, "histograms", "Histograms of scores by label, with the thresholds")


@styled
def plot_source_histograms(films: ScoredFilms, points: Sequence[MeasuredPoint]) -> str:
    """Draw histograms of the scores by source, with stacked labels."""
    sources = list_sources(films)
    rows = (len(sources) + 1) // 2
    figure, panels = draw_axes(10.4, 0.8 + 1.25 * rows, rows=rows, columns=min(2, len(sources)))
    for axes, source in zip(panels, sources, strict=False):
        here = films.select(films.sources == source)
        _draw_histogram(axes, {label: here.scores[here.labels == label.value] for label in Label}, points)
        counts = ", ".join(
            f"{(here.labels == label.value).sum()} {LABEL_NAMES[label]}"
            for label in Label
            if (here.labels == label.value).any()
        )
        axes.set_title(f"{shorten(source)}: {counts}", loc="left")
        axes.set_ylabel("films")
    for axes in panels[len(sources) :]:
        axes.set_visible(False)
    _label_scores(panels[: len(sources)][-2:], points)
    return to_svg(figure, "source-histograms", "Histograms of scores by source and label")


@styled
def plot_confusion(points: Sequence[MeasuredPoint]) -> str:
    """Draw the confusion matrix of each operating point; the shade of a cell shows its share of the row."""
    figure, panels = draw_axes(10.4, 2.6, columns=len(points))
    for axes, point in zip(panels, points, strict=True):
        cells = point.confusion
        rows = (
            (TB, (cells.true_positive, cells.false_negative)),
            (NORMAL, (cells.false_positive, cells.true_negative)),
        )
        for row, (colour, numbers) in enumerate(rows):
            for column, number in enumerate(numbers):
                share = number / max(sum(numbers), 1)
                fill = Rectangle((column, row), 1, 1, facecolor=colour, alpha=0.04 + 0.5 * share)
                axes.add_patch(fill)
                axes.text(column + 0.5, row + 0.44, str(number), ha="center", va="center", fontsize=12)
                axes.text(column + 0.5, row + 0.72, f"{share:.1%}", ha="center", va="center", fontsize=7.5)
        axes.set(xlim=(0, 2), ylim=(2, 0), aspect="equal")
        axes.set_xticks((0.5, 1.5), ("positive", "negative"))
        axes.set_yticks((0.5, 1.5), ("TB", "not TB") if axes is panels[0] else ("", ""))
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_title(f"{name_point(point.name)}\nfrom {point.threshold:.3f}")
    return to_svg(figure, "confusion", "Confusion matrices of the test films at each operating point")


@styled
def plot_forest(rows: Sequence[Row]) -> str:
    """Draw the AUCs of the model and of each trivial baseline by row, with intervals."""
    shown = [row for row in rows if row.auc][::-1]
    names = list(dict.fromkeys(name for row in shown for name in row.baselines))
    figure, (axes,) = draw_axes(10.4, 1.2 + (0.3 + 0.13 * len(names)) * len(shown))
    step = 0.8 / (len(names) + 1)
    for rank, name in enumerate(("model", *names)):
        marks = [
            (place, row.auc if name == "model" else row.baselines.get(name))
            for place, row in enumerate(shown)
        ]
        known = [(place + 0.4 - step * (rank + 0.5), mark) for place, mark in marks if mark]
        axes.errorbar(
            [mark.value for _, mark in known],
            [place for place, _ in known],
            xerr=to_bars([mark for _, mark in known]),
            linestyle="none",
            marker="o" if name == "model" else "sDv^<>"[(rank - 1) % 6],
            markersize=6 if name == "model" else 3.5,
            color=TB if name == "model" else GREY,
            linewidth=1.6 if name == "model" else 0.8,
            label=name,
        )
    axes.axvline(0.5, color=INK, linewidth=0.7, linestyle=":")
    axes.set_yticks(range(len(shown)), [_name_row(row) for row in shown])
    axes.set(xlabel="AUC with 95 % interval (films with TB / without)", ylim=(-0.5, len(shown) - 0.5))
    axes.set_xlim(right=1.005)
    axes.grid(axis="x", color=INK, alpha=0.1, linewidth=0.6)
    figure.legend(loc="outside upper left", ncols=3)
    return to_svg(figure, "forest", "AUC of the model and of the trivial baselines by set of films")


def list_sources(films: ScoredFilms) -> list[str]:
    """Return the `MOST_SOURCES` largest sources, the largest first."""
    names, numbers = np.unique(films.sources, return_counts=True)
    return [str(names[place]) for place in np.lexsort((names, -numbers))][:MOST_SOURCES]


def to_bars(figures: Sequence[Estimate]) -> NDArray[np.float64]:
    """Return the lengths of intervals below and above their values, shape (2, n), for error bars."""
    return (
        np.array([[figure.value - figure.low, figure.high - figure.value] for figure in figures])
        .reshape(-1, 2)
        .T
    )


def _name_row(row: Row) -> str:
    return f"{shorten(row.name)}{'' if row.seen_in_training else ', unseen'} ({row.tb} / {row.not_tb})"


def _list_curves(
    films: ScoredFilms, evaluation: Evaluation
) -> list[tuple[str, Estimate, NDArray[np.bool_], tuple[str, object]]]:
    """Return name, AUC, mask and line style of all films and of the largest sources with both classes."""
    rows = sorted(
        (source for source in evaluation.sources if source.auc),
        key=lambda source: -min(source.tb, source.not_tb),
    )
    masks = [(evaluation.overall, np.ones(len(films), dtype=bool))]
    masks += [(row, films.sources == row.name) for row in rows]
    return [
        (shorten(row.name), row.auc, mask, line)
        for (row, mask), line in zip(masks, LINES, strict=False)
        if row.auc
    ]


def _draw_histogram(
    axes: Axes, scores: Mapping[Label, NDArray[np.float64]], points: Sequence[MeasuredPoint]
) -> None:
    present = {label: values for label, values in scores.items() if len(values)}
    axes.hist(
        list(present.values()),
        bins=list(np.linspace(0, 1, 41)),
        stacked=True,
        histtype="stepfilled",
        color=[LABEL_COLOURS[label] for label in present],
    )
    for point in points:
        if point.name in ("screening", "rule_in"):
            axes.axvline(point.threshold, color=INK, linewidth=0.9, linestyle=_dash(point.name))
    axes.set_xlim(-0.01, 1.01)


def _label_scores(panels: Sequence[Axes], points: Sequence[MeasuredPoint]) -> None:
    dashes = {"screening": "dashed", "rule_in": "dotted"}
    thresholds = ", ".join(
        f"{dashes[point.name]}: {name_point(point.name)} {point.threshold:.3f}"
        for point in points
        if point.name in dashes
    )
    for axes in panels:
        axes.set_xlabel(f"score ({thresholds})")


def _dash(name: str) -> str:
    return "--" if name == "screening" else ":"
