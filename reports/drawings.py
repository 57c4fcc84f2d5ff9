"""The plots of a report, which HTML and PDF share."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from domain.bundle.tb_score import MEANING, RULE_IN_AT, SCREENING_AT, TOP
from domain.languages.sentence import Sentence, say, say_of, say_value
from figures.svg_figure import GREEN, GREY, INK, LINES, NORMAL, TB, frame_unit_square, shorten, styled, to_svg
from reports.drift_drawing import draw_drift
from reports.figures import CalibrationBin, Group, Report, Roc, TbScores, WeekCount
from reports.truth_words import find_words
from reports.wording import REFUSALS, STAGES, name_group, write_count, write_unit

HALF: Final = 5.2
"""Width, in inches, of a picture beside another one."""
FULL: Final = 10.4

DRAWING: Final = threading.Lock()
"""Held while a picture is drawn, since Matplotlib's style is global in the process."""

MARKERS: Final = ("o", "s", "^", "D", "v", "P")
SUNDAY: Final = 6
MOST_GROUPS: Final = 24
LONGEST_NAME: Final = 26
LINE_LETTERS: Final = 21
MOST_LINES: Final = 3


READ: Final = say_of("studies", "read")

Tell = Callable[[str], str]
"""Returns a sentence in the language of a report."""


@dataclass(frozen=True)
class Picture:
    """A picture with its section, caption, size and drawing function."""

    section: str
    name: str
    caption: str
    width: float
    """Width in inches."""
    height: float
    margins: tuple[float, float, float, float]
    """Margins of the axes in inches: left, bottom, right and top."""
    draw: Callable[[Axes], None]

    def draw_figure(self, overhang: float = 0.0) -> Figure:
        """Draw the picture on a figure that is `overhang` inches larger at each edge."""
        width, height = self.width + 2 * overhang, self.height + 2 * overhang
        left, below, right, above = (margin + overhang for margin in self.margins)
        figure = Figure(figsize=(width, height))
        sides = (1 - (left + right) / width, 1 - (below + above) / height)
        self.draw(figure.add_axes((left / width, below / height, *sides)))
        return figure


@styled
def draw_svg(picture: Picture) -> str:
    """Return a picture as an `<svg>` element."""
    return to_svg(picture.draw_figure(), picture.name, picture.caption)


def list_pictures(report: Report, tell: Tell = str) -> list[Picture]:
    """Return the pictures that the figures of the report allow, in order.

    Args:
        report: the figures.
        tell: translates the words in the pictures. The captions are still in English.
    """
    total, pictures, words = report.total, [], find_words(report.truth)
    if total.flow.received:
        pictures.append(_picture_flow(total, tell))
        if len(report.weeks) > 1:
            pictures.append(_picture_weeks(report.weeks, report.last, tell))
    if any(sum(scores.films) for scores in report.tb_scores):
        pictures.append(_picture_tb_scores(report.tb_scores, tell))
        groups = [group for group in report.groups if group.bands.high + group.bands.medium + group.bands.low]
        pictures.append(_picture_bands([total, *groups][:MOST_GROUPS], tell))
    if any(stage.films for stage in total.stages):
        pictures.append(_picture_stages(total, tell))
    if report.rocs:
        pictures.append(
            Picture(
                "agreement",
                "roc",
                say("ROC curve against {truth}, with the thresholds in use.", truth=words.name),
                HALF,
                5.0,
                (0.6, 0.5, 0.1, 0.1),
                lambda axes: draw_roc(axes, report.rocs, tell),
            )
        )
    if report.calibration:
        pictures.append(
            Picture(
                "agreement",
                "calibration",
                say(
                    "Share {judged} as TB by calibrated probability, with the number of studies.",
                    judged=words.judged,
                ),
                HALF,
                5.0,
                (0.6, 0.5, 0.1, 0.2),
                lambda axes: draw_calibration(axes, report.calibration, words.judged, tell),
            )
        )
    if any(row.index is not None for row in report.drift.rows):
        pictures.append(
            Picture(
                "drift",
                "drift",
                say("Population stability index by week; filled marks are alerts."),
                FULL,
                3.2,
                (0.6, 0.5, 2.3, 0.15),
                lambda axes: draw_drift(axes, report.drift, tell),
            )
        )
    return pictures


def draw_roc(axes: Axes, rocs: Sequence[Roc], tell: Tell = str) -> None:
    """Draw the curve of each model, and mark the operating points that were in use."""
    axes.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle=":")
    for roc, (colour, dash) in zip(rocs, LINES, strict=False):
        name, area = shorten(roc.model, LONGEST_NAME), roc.auc
        label = f"{name}: AUC {area.value:.2f} ({area.low:.2f}–{area.high:.2f})"
        axes.plot(roc.alarms, roc.hits, color=colour, linestyle=dash, label=label)
        for point, marker in zip(roc.points, MARKERS, strict=False):
            axes.plot(
                1 - point.specificity,
                point.sensitivity,
                linestyle="none",
                marker=marker,
                markersize=7,
                markerfacecolor="none",
                color=INK,
                label=tell(
                    say(
                        "{point}, from {threshold:.3f}",
                        point=say_value(point.name),
                        threshold=point.threshold,
                    )
                ),
            )
    frame_unit_square(axes, tell(say("1 - specificity")), tell(say("sensitivity")))
    axes.legend(loc="lower right")


def draw_calibration(
    axes: Axes, bins: Sequence[CalibrationBin], judged: Sentence = READ, tell: Tell = str
) -> None:
    """Draw the share judged as TB by bin of probability, with interval and number of studies."""
    axes.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle=":", label=tell(say("perfect")))
    shares = [scores.share_of_tb for scores in bins]
    reach = np.array([[share.value - share.low, share.high - share.value] for share in shares]).T
    axes.errorbar(
        [scores.probability for scores in bins],
        [share.value for share in shares],
        yerr=reach,
        color=TB,
        marker="o",
        elinewidth=0.9,
        label=tell(say("studies {judged}", judged=judged)),
    )
    for scores in bins:
        axes.annotate(
            write_count(scores.studies),
            (scores.probability, scores.share_of_tb.value),
            xytext=(6, 4),
            textcoords="offset points",
            fontsize="small",
        )
    frame_unit_square(
        axes, tell(say("calibrated probability")), tell(say("share {judged} as TB", judged=judged))
    )
    axes.legend(loc="upper left")


def _picture_flow(total: Group, tell: Tell) -> Picture:
    flow = total.flow
    bars = [
        (tell(say_of("films", "received")), flow.received, GREY),
        (tell(say_of("films", "screened")), flow.screened, NORMAL),
    ]
    bars += [(tell(REFUSALS.get(reason, reason)), number, TB) for reason, number in flow.refused.items()]
    if flow.waiting:
        bars.append((tell(say("waiting")), flow.waiting, GREEN))

    def draw(axes: Axes) -> None:
        names, numbers, colours = zip(*bars[::-1], strict=True)
        axes.barh(range(len(bars)), numbers, color=colours, height=0.66)
        for place, number in enumerate(numbers):
            axes.annotate(
                write_count(number),
                (number, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
            )
        axes.set_yticks(range(len(bars)), [shorten(name, 32) for name in names])
        axes.set_xlim(0, max(numbers) * 1.14)
        _clear(axes)

    caption = say("Films received, screened, refused by reason, and waiting.")
    return Picture("films", "flow", caption, HALF, 0.35 + 0.3 * len(bars), (1.9, 0.1, 0.1, 0.1), draw)


def _picture_weeks(weeks: Sequence[WeekCount], last: date, tell: Tell) -> Picture:
    cut = {0} if weeks[0].week.weekday() else set()
    cut |= {len(weeks) - 1} if last.weekday() != SUNDAY else set()

    def draw(axes: Axes) -> None:
        places = range(len(weeks))
        received, screened = tell(say_of("films", "received")), tell(say_of("films", "screened"))
        axes.bar(places, [week.received for week in weeks], color=GREY, alpha=0.45, width=0.8, label=received)
        for place in cut:
            axes.axvspan(place - 0.5, place + 0.5, color=GREY, alpha=0.15, linewidth=0)
        axes.bar(places, [week.screened for week in weeks], color=NORMAL, width=0.56, label=screened)
        axes.bar(places, [week.present for week in weeks], color=TB, width=0.56, label=tell(say("present")))
        step = max(1, -(-len(weeks) // 6))
        days = [tell(say("{day:%-d %b}", day=week.week)) for week in weeks]
        axes.set_xticks(list(places)[::step], days[::step])
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_ylabel(tell(say("films a week")))
        axes.set_ylim(0, max(week.received for week in weeks) * 1.22 or 1)
        axes.legend(loc="upper left", ncols=3, borderaxespad=0)

    caption = say("Films by week: received, screened, and with a finding of present.")
    if cut:
        caption = say("{before} Grey ground: the period has not all days of this week.", before=caption)
    return Picture("films", "weeks", caption, HALF, 2.5, (0.65, 0.4, 0.1, 0.1), draw)


def _picture_tb_scores(models: Sequence[TbScores], tell: Tell) -> Picture:
    shown = sorted(models, key=lambda model: -sum(model.films))[: len(LINES)]

    def draw(axes: Axes) -> None:
        for scores, (colour, dash) in zip(shown, LINES, strict=False):
            edges = np.linspace(0, TOP, len(scores.films) + 1)
            if len(shown) == 1:
                axes.stairs(scores.films, edges, fill=True, color=NORMAL)
            else:
                label = f"{shorten(scores.model, LONGEST_NAME)}: {write_count(sum(scores.films))}"
                axes.stairs(scores.films, edges, color=colour, linestyle=dash, linewidth=1.6, label=label)
        for threshold in (SCREENING_AT, RULE_IN_AT):
            axes.axvline(threshold, color=INK, linewidth=0.9, linestyle="--")
        axes.set(xlim=(0, TOP), xlabel=tell(say("TB score")), ylabel=tell(say_of("number", "films")))
        axes.xaxis.set_major_locator(FixedLocator([0, 25, SCREENING_AT, RULE_IN_AT, TOP]))
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        if len(shown) > 1:
            axes.legend(loc="upper right")

    caption = say("TB scores of the films that a trained model screened ({model}).", model=shown[0].model)
    if len(shown) > 1:
        caption = say("TB scores of the films that trained models screened, by model.")
    caption = say("{before} {meaning}", before=caption, meaning=say(MEANING))
    return Picture("findings", "histogram", caption, HALF, 2.6, (0.65, 0.5, 0.2, 0.1), draw)


def _picture_bands(groups: Sequence[Group], tell: Tell) -> Picture:
    def draw(axes: Axes) -> None:
        rows = groups[::-1]
        left = np.zeros(len(rows))
        totals = np.array([row.bands.high + row.bands.medium + row.bands.low for row in rows])
        for band, colour, alpha in (("high", TB, 1.0), ("medium", TB, 0.5), ("low", GREY, 0.35)):
            shares = np.array([getattr(row.bands, band) for row in rows]) / totals
            axes.barh(
                range(len(rows)),
                shares,
                left=left,
                color=colour,
                alpha=alpha,
                height=0.62,
                label=tell(say_value(band.upper())),
            )
            left += shares
        axes.set_yticks(range(len(rows)), [wrap_name(tell(name_group(row.name))) for row in rows])
        axes.set(xlim=(0, 1), ylim=(-0.6, len(rows) - 0.4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, borderaxespad=0.2)
        axes.tick_params(axis="y", length=0)

    caption = say("Priority bands, as shares of the films that a trained model screened.")
    lines = max(wrap_name(group.name).count("\n") + 1 for group in groups)
    height = max(1.1 + max(0.3, 0.17 * lines) * len(groups), 2.0)
    return Picture("findings", "bands", caption, HALF, height, (1.85, 0.4, 0.25, 0.35), draw)


def _picture_stages(total: Group, tell: Tell) -> Picture:
    stages = [stage for stage in total.stages if stage.films][::-1]

    def draw(axes: Axes) -> None:
        for place, stage in enumerate(stages):
            whole = stage.name.startswith("until")
            low, high = max(stage.median_ms or 0, 1.0), max(stage.p95_ms or 0, 1.0)
            axes.plot((low, high), (place, place), color=TB if whole else NORMAL, linewidth=2.2)
            axes.plot(low, place, marker="o", color=TB if whole else NORMAL, markersize=6)
            axes.plot(high, place, marker="|", color=TB if whole else NORMAL, markersize=10)
        axes.set_xscale("log")
        axes.set_yticks(range(len(stages)), [tell(STAGES[stage.name]) for stage in stages])
        axes.set_ylim(-0.6, len(stages) - 0.4)
        ticks = (1, 10, 100, 1e3, 1e4, 6e4, 6e5, 3.6e6, 3.6e7, 8.64e7, 8.64e8)
        low, high = axes.get_xlim()
        axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tell(write_unit(value))))
        axes.grid(axis="x", color=INK, alpha=0.1, linewidth=0.6)
        axes.tick_params(axis="y", length=0)

    caption = say("Duration of each stage: median (dot) to 95th percentile (bar), on a logarithmic scale.")
    return Picture("turnaround", "stages", caption, FULL, 0.6 + 0.3 * len(stages), (2.3, 0.4, 0.4, 0.1), draw)


def wrap_name(name: str) -> str:
    """Return a name in at most `MOST_LINES` lines that fit beside a bar, the rest left out."""
    lines = textwrap.wrap(name, LINE_LETTERS, max_lines=MOST_LINES, placeholder="…")
    return "\n".join(lines) or name


def _clear(axes: Axes) -> None:
    """Hide the axis of values of a bar chart whose bars are labelled with their values."""
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
