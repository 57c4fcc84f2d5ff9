"""The image guard's figures, on places and subjects that it was not trained on, and what it costs.

    python -m benchmarks.image_guard [--films ../shared/data]

Trains the networks of `python -m training.guard.image_guard` anew, each without one place's chest films and a
sixth of the other subjects, and lets each judge what it has not seen, by the thresholds of the network that
ships; these were found on the same films, so that one row has thresholds in which a film's own source had no
say. With 95 % Wilson intervals; patients are known at NIH alone. The shipped network itself is timed. About
six minutes on two cores. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.guard_films import write_films
from dicom_gateway.library_settings import configure_dicom_libraries
from domain.array.image_guard import PICTURES, Certainty, Opinion, Picture, shipped_network
from judging.statistics import Estimate, measure_proportion
from tbscreen.machine import describe_machine
from training.guard.guard_examples import make_examples
from training.guard.image_guard import HeldOut, evaluate

CHANGED = ("turned by 90°", "turned by 180°", "turned by 270°", "upside down", "inverted", "part of a chest")
DRAWN = ("phantom", "pattern")


def print_chest(held_out: HeldOut, opinions: list[Opinion], patients: dict[str, int]) -> dict[str, Any]:
    """Print and return what becomes of true frontal chest films, by source."""
    print(
        f"{'frontal chest films':24} {'films':>6} {'patients':>8}   {'without doubt':26} {'not refused':26}"
    )
    films = held_out.find("film", chest=True)
    places = {
        str(place): held_out.examples.places == place
        for place in sorted(set(held_out.examples.places[films]))
    }
    real = held_out.find("real", chest=True)
    rows = {place: films & here for place, here in places.items()}
    rows |= {"all of them": films, "DICOM (RG1, RSNA)": real}
    counts = {name: _count(opinions, chosen) for name, chosen in rows.items()}
    by_others = held_out.judge_by_others(shipped_network())
    counts["all, others' thresholds"] = Counter(other.certainty for other in by_others)
    found: dict[str, Any] = {}
    for name, here in counts.items():
        total = here.total()
        kept = measure_proportion(here[Certainty.CHEST], total)
        passed = measure_proportion(total - here[Certainty.NO_CHEST], total)
        known = str(patients.get(name) or "?")
        print(f"{name:24} {total:>6} {known:>8}   {_write(kept):26} {_write(passed):26}")
        found[name] = {"films": total, "kept": _list(kept), "not_refused": _list(passed)}
    return found


def print_other(held_out: HeldOut, opinions: list[Opinion]) -> dict[str, Any]:
    """Print and return what becomes of everything else: a refusal, a doubt, or nothing."""
    print(f"\n{'anything else':24} {'films':>6} {'subjects':>8}   {'refused or doubted':26} {'refused':>8}")
    examples = held_out.examples
    rows = {kind: held_out.find(kind, chest=False) for kind in ("film", *CHANGED, *DRAWN)}
    real = held_out.find("real", chest=False)
    for picture in (Picture.OTHER_RADIOGRAPH, Picture.NOT_AN_XRAY):
        rows[f"real: {picture.value}"] = real & (examples.targets == PICTURES.index(picture))
    found: dict[str, Any] = {}
    for kind, chosen in rows.items():
        here = _count(opinions, chosen)
        total = here.total()
        stopped = measure_proportion(total - here[Certainty.CHEST], total)
        subjects = (
            "drawn" if kind in DRAWN else str(len(set(examples.places[chosen]))) if "real" in kind else total
        )
        name = "listed wrongly as chest" if kind == "film" else kind
        print(f"{name:24} {total:>6} {subjects:>8}   {_write(stopped):26} {here[Certainty.NO_CHEST]:>8}")
        found[name] = {"films": total, "stopped": _list(stopped), "refused": here[Certainty.NO_CHEST]}
    print("\nthe real ones, one by one:")
    for at in np.flatnonzero(real):
        print(f"  {examples.places[at]:36} {opinions[at].certainty.value:9} {opinions[at].words}")
    return found


def time_guard(rounds: int = 200) -> float:
    """Return the milliseconds of CPU that the shipped network takes for one array."""
    array = np.random.default_rng(0).random((256, 256), dtype=np.float32)
    network = shipped_network()
    network.judge(array)
    began = time.process_time()
    for _ in range(rounds):
        network.judge(array)
    return (time.process_time() - began) * 1000 / rounds


def count_patients(films: Path) -> dict[str, int]:
    """Return the number of patients of each source where they are known."""
    with (films / "films.csv").open(encoding="utf-8", newline="") as file:
        known = {(row["source"], row["patient"]) for row in csv.DictReader(file) if row["patient"]}
    return dict(Counter(source for source, _ in known))


def _count(opinions: list[Opinion], chosen: npt.NDArray[np.bool_]) -> Counter[Certainty]:
    return Counter(opinions[at].certainty for at in np.flatnonzero(chosen))


def _write(share: Estimate | None) -> str:
    return "-" if share is None else f"{share.value:.2%} ({share.low:.2%} to {share.high:.2%})"


def _list(share: Estimate | None) -> list[float] | None:
    return None if share is None else [round(share.value, 5), round(share.low, 5), round(share.high, 5)]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--films", type=Path, default=Path("../shared/data"))
    parser.add_argument("--drawn", type=int, default=4000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    configure_dicom_libraries()
    warnings.simplefilter("ignore")
    print(describe_machine())
    network = shipped_network()
    with tempfile.TemporaryDirectory(prefix="tbscreen-guard-") as folder:
        others = Path(folder) / "others.npz"
        print(f"besides chest films {write_films(options.films / 'dicom', others)}")
        examples = make_examples(options.films, others, options.drawn, options.processes)
    held_out = evaluate(examples)
    print(f"doubt below {network.keep_from:.4f}, refusal below {network.refuse_below:.5f}\n")
    opinions = held_out.judge(network)
    chest = print_chest(held_out, opinions, count_patients(options.films))
    other = print_other(held_out, opinions)
    cost = time_guard()
    print(f"\nthe guard takes {cost:.2f} ms of CPU a film")
    print(json.dumps({"chest": chest, "other": other, "cpu_ms": round(cost, 2)}))


if __name__ == "__main__":
    main()
