"""The course of a load run as a picture: films, queues, memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from benchmarks.load_run.load_course import Sample

COLOURS = {
    "gateway": "#0b6e99",
    "worker": "#b5472f",
    "courier": "#5b8c3a",
    "web": "#8a6bb1",
    "redis": "#888888",
}


def draw(samples: Sequence[Sample], ended_s: float, path: Path) -> None:
    """Draw what happened.

    Args:
        samples: in order.
        ended_s: when nothing more was offered.
        path: of the PNG.
    """
    mpl.use("Agg")
    at = [sample.at_s for sample in samples]
    figure, (films, queues, memory) = plt.subplots(3, 1, figsize=(9, 9), sharex=True, layout="constrained")
    films.plot(at, [sample.offered for sample in samples], color="#bbbbbb", label="offered")
    films.plot(at, [sample.taken for sample in samples], color="#0b6e99", label="answered with success")
    films.plot(at, [sample.screened for sample in samples], color="#b5472f", label="screened")
    films.set_ylabel("films")
    queues.stackplot(
        at,
        [sample.in_broker for sample in samples],
        [sample.in_spool for sample in samples],
        labels=["in the broker", "in the spool"],
        colors=["#e3a857", "#0b6e99"],
    )
    queues.set_ylabel("films that wait")
    for name in sorted({name for sample in samples for name in sample.memory}):
        sizes = [sample.memory.get(name, 0) / 2**20 for sample in samples]
        memory.plot(at, sizes, color=COLOURS.get(name), label=name)
    memory.set_ylabel("resident memory, MiB")
    memory.set_ylim(bottom=0)
    memory.set_xlabel("seconds")
    films.legend(loc="upper left", frameon=False)
    queues.legend(loc="upper left", frameon=False)
    memory.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False)  # above all lines
    for panel in (films, queues, memory):
        panel.axvline(ended_s, color="#444444", linewidth=0.8, linestyle=":")
        panel.spines[["top", "right"]].set_visible(False)
    films.set_title("Twice the capacity, then nothing more (dotted line)", loc="left")
    figure.savefig(path, dpi=110)
    plt.close(figure)
