"""Plots of a training: its films by source, label and part, and its epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from figures.svg_figure import GREEN, GREY, INK, LINES, draw_axes, shorten, styled, to_svg
from training.films.labelled_film import Label
from training.judging.scored_films import PARTS, ScoredFilms
from training.writing.plots import LABEL_COLOURS, LABEL_HATCHES, list_sources
from training.writing.wording import LABEL_NAMES


@styled
def plot_training(history: Sequence[Mapping[str, Any]]) -> str:
    """Draw loss and validation AUC by epoch, with a mark at the best epoch.

    Args:
        history: one mapping an epoch: "epoch", "loss", "validation_auc"; at least one. Without validation
            films the AUC is None, and the loss alone is drawn.
    """
    epochs, losses = ([result[key] for result in history] for key in ("epoch", "loss"))
    aucs = [result["validation_auc"] for result in history if result["validation_auc"] is not None]
    figure, (left, *rest) = draw_axes(10.4 if aucs else 5.2, 3.0, columns=2 if aucs else 1)
    mark, (colour, dash) = "o" if len(history) < 3 else "", LINES[0]
    left.plot(epochs, losses, color=colour, linestyle=dash, marker=mark, label="training")
    left.set(xlabel="epoch", ylabel="loss")
    left.legend()
    for right in rest:
        best = max(zip(epochs, aucs, strict=True), key=lambda place: place[1])
        right.plot(epochs, aucs, color=GREEN, marker=mark)
        right.plot(*best, marker="o", color=INK, linestyle="none", markerfacecolor="none")
        right.set_title(f"best: {best[1]:.4f} in epoch {best[0]:g}", loc="left")
        right.set(xlabel="epoch", ylabel="validation AUC")
    for axes in (left, *rest):
        axes.grid(color=INK, alpha=0.1, linewidth=0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return to_svg(figure, "training", f"Loss{' and validation AUC' if aucs else ''} by epoch")


@styled
def plot_balance(films: ScoredFilms) -> str:
    """Draw the films of each source by label (the class balance) and by part."""
    sources = list_sources(films)[::-1]
    figure, (left, right) = draw_axes(10.4, 1.1 + 0.3 * len(sources), columns=2)
    places = np.arange(len(sources))
    here = [films.select(films.sources == source) for source in sources]
    kinds = [
        (left, LABEL_NAMES[label], LABEL_COLOURS[label], LABEL_HATCHES[label], "labels", label.value)
        for label in Label
    ]
    kinds += [
        (right, part, colour, hatch, "parts", part)
        for part, colour, hatch in zip(PARTS, (GREY, GREEN, INK), ("", "////", ""), strict=True)
    ]
    start = {id(left): np.zeros(len(sources)), id(right): np.zeros(len(sources))}
    for axes, name, colour, hatch, column, value in kinds:
        numbers = np.array([(getattr(members, column) == value).sum() for members in here])
        total = int((getattr(films, column) == value).sum())
        axes.barh(
            places,
            numbers,
            left=start[id(axes)],
            color=colour,
            hatch=hatch,
            edgecolor=INK,
            linewidth=0.4,
            height=0.7,
            label=f"{name} ({total})",
        )
        start[id(axes)] += numbers
    for axes in (left, right):
        axes.set_yticks(places, [shorten(source) for source in sources] if axes is left else [])
        axes.set_xlabel("films")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.3)
    return to_svg(figure, "balance", "Films of each source by label and by part")
