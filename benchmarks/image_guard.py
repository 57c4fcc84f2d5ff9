"""The image guard's figures, on places and subjects that it was not trained on, and what it costs.

    python -m benchmarks.image_guard [--films ../shared/data]

Trains the networks of `python -m training.guard.image_guard` anew, each without one place's chest films and a
sixth of the other sources and subjects, and lets each judge what it has not seen, by the thresholds of the
network that ships; these were found on the same films, so that one row has thresholds in which a film's own
source had no say. With 95 % Wilson intervals; patients are known at NIH alone. The last table turns films and
lets the network that has not seen their place turn them back. The shipped network itself is timed. About ten
minutes on two cores. The last line is a JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.guard_films import write_films
from dicom_gateway.library_settings import configure_dicom_libraries
from domain.array.image_guard import PICTURES, Certainty, Opinion, Picture, shipped_network
from domain.array.normalization import normalize
from domain.array.picture import read_picture
from domain.array.upright import UprightFilm, find_upright
from domain.codes import Observation
from judging.statistics import Estimate, measure_proportion
from tbscreen.machine import describe_machine
from training.guard.guard_examples import MISLABELLED, SAME_PLACE, Sources, make_examples
from training.guard.guard_pictures import Array
from training.guard.image_guard import HeldOut, evaluate

CHANGED = ("turned by 90°", "turned by 180°", "turned by 270°", "upside down", "inverted", "part of a chest")
REAL = ("real lateral_chest", "real limb", "real ct", "real other")
TURNED_OF = 24
"""One film of so many is turned, in each way, and turned back."""

WAYS: dict[str, Callable[[Array], Array]] = {
    "as it came": lambda array: array,
    "mirrored": lambda array: array[:, ::-1],
    "turned by 90°": lambda array: np.rot90(array),
    "turned by 180°": lambda array: array[::-1, ::-1],
    "turned by 270°": lambda array: np.rot90(array, 3),
    "upside down (mirrored)": lambda array: array[::-1],
    "inverted": lambda array: np.float32(1) - array,
    "inverted, by 90°": lambda array: np.rot90(np.float32(1) - array),
}
RIGHT: dict[str, set[tuple[Observation, ...]]] = {
    "as it came": {()},
    "mirrored": {()},
    "turned by 90°": {(Observation.TURNED_270,)},
    "turned by 180°": {(Observation.TURNED_180,)},
    "turned by 270°": {(Observation.TURNED_90,)},
    "upside down (mirrored)": {(Observation.TURNED_180,)},
    "inverted": {(Observation.INVERTED,)},
    "inverted, by 90°": {(Observation.TURNED_270, Observation.INVERTED)},
}
DRAWN = ("phantom", "slice", "pattern")


def print_chest(held_out: HeldOut, opinions: list[Opinion], patients: dict[str, int]) -> dict[str, Any]:
    """Print and return what becomes of true frontal chest films, by source."""
    print(
        f"{'frontal chest films':24} {'films':>6} {'patients':>8}   {'without doubt':26} {'near-certain':26} "
        f"{'not refused':26}"
    )
    films = held_out.find("film", chest=True)
    places = {
        str(place): held_out.examples.places == place
        for place in sorted(set(held_out.examples.places[films]))
    }
    rows = {place: films & here for place, here in places.items()}
    rows |= {"all of them": films, "mirrored": held_out.find("mirrored", chest=True)}
    rows |= {"DICOM of other places": held_out.find("real", chest=True)}
    rows |= {"children, 1 to 5 years": held_out.find("real paediatric_chest", chest=True)}
    judged = {name: [opinions[at] for at in np.flatnonzero(chosen)] for name, chosen in rows.items()}
    judged["all, others' thresholds"] = held_out.judge_by_others(shipped_network())
    found: dict[str, Any] = {}
    for name, here in judged.items():
        shares = [
            measure_proportion(sum(map(is_such, here)), len(here))
            for is_such in (_is_kept, _is_certain, _is_passed)
        ]
        known = str(patients.get(name) or "?")
        print(f"{name:24} {len(here):>6} {known:>8}   {' '.join(f'{_write(share):26}' for share in shares)}")
        kept, certain, passed = map(_list, shares)
        found[name] = {"films": len(here), "kept": kept, "near_certain": certain, "not_refused": passed}
    return found


def print_other(held_out: HeldOut, opinions: list[Opinion]) -> dict[str, Any]:
    """Print and return what becomes of everything else: a refusal, a doubt, or nothing."""
    print(
        f"\n{'anything else':24} {'films':>6} {'subjects':>8}   {'refused or doubted':26} {'refused':>8}  as"
    )
    examples = held_out.examples
    rows = {kind: held_out.find(kind, chest=False) for kind in ("film", *CHANGED, *DRAWN, *REAL)}
    real = held_out.find("real", chest=False)
    for picture in (Picture.OTHER_RADIOGRAPH, Picture.NOT_AN_XRAY):
        rows[f"DICOM: {picture.value}"] = real & (examples.targets == PICTURES.index(picture))
    limbs = rows["real limb"]
    rows |= {str(place): limbs & (examples.places == place) for place in sorted(set(examples.places[limbs]))}
    found: dict[str, Any] = {}
    for kind, chosen in rows.items():
        here = [opinions[at] for at in np.flatnonzero(chosen)]
        refused = Counter(
            opinion.picture.value for opinion in here if opinion.certainty is Certainty.NO_CHEST
        )
        stopped = measure_proportion(sum(not _is_kept(opinion) for opinion in here), len(here))
        subjects = "drawn" if kind in DRAWN else len(set(examples.places[chosen]))
        name = "listed wrongly as chest" if kind == "film" else kind
        as_what = ", ".join(f"{picture} {number}" for picture, number in refused.most_common())
        print(
            f"{name:24} {len(here):>6} {subjects!s:>8}   {_write(stopped):26} {refused.total():>8}  {as_what}"
        )
        found[name] = {"films": len(here), "stopped": _list(stopped), "refused": dict(refused)}
    print("\nthe DICOM files and photographs, one by one:")
    for at in np.flatnonzero(real):
        print(f"  {examples.places[at]:36} {opinions[at].certainty.value:9} {opinions[at].words}")
    return found


def print_turned(held_out: HeldOut, films: Path) -> dict[str, Any]:
    """Print and return what becomes of turned films that the guard may turn back."""
    with (films / "films.csv").open(encoding="utf-8", newline="") as file:
        listed = [row for row in csv.DictReader(file) if row["file"] not in MISLABELLED][::TURNED_OF]
    thresholds = shipped_network().thresholds
    networks = {
        place: replace(network, thresholds=thresholds) for place, network in held_out.networks.items()
    }
    counts: dict[str, Counter[str]] = {way: Counter() for way in WAYS}
    for row in listed:
        array = normalize(read_picture(films / "films" / row["file"]))
        network = networks[SAME_PLACE.get(row["source"], row["source"])]
        for way, change in WAYS.items():
            film = find_upright(np.ascontiguousarray(change(array), dtype=np.float32), network)
            counts[way][_name_end(film, way)] += 1
    print(f"\n{'chest films':24} {'films':>6} {'upright':>8} {'wrongly':>8} {'doubted':>8} {'refused':>8}")
    for way, ends in counts.items():
        cells = [f"{ends[end]:>8}" for end in ("upright", "wrongly", "doubted", "refused")]
        print(f"{way:24} {ends.total():>6} {' '.join(cells)}")
    return {way: dict(ends) for way, ends in counts.items()}


def _name_end(film: UprightFilm, way: str) -> str:
    if film.opinion.certainty is Certainty.CHEST:
        return "upright" if film.observations in RIGHT[way] else "wrongly"
    return "refused" if film.opinion.certainty is Certainty.NO_CHEST else "doubted"


def _is_kept(opinion: Opinion) -> bool:
    return opinion.certainty is Certainty.CHEST


def _is_certain(opinion: Opinion) -> bool:
    return opinion.near_certain


def _is_passed(opinion: Opinion) -> bool:
    return opinion.certainty is not Certainty.NO_CHEST


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
        sources = Sources(options.films, others, options.drawn)
        examples = make_examples(sources, options.processes)
    held_out = evaluate(examples)
    print(f"{network.thresholds}\n")
    opinions = held_out.judge(network)
    chest = print_chest(held_out, opinions, count_patients(options.films))
    other = print_other(held_out, opinions)
    turned = print_turned(held_out, options.films)
    cost = time_guard()
    print(f"\nthe guard takes {cost:.2f} ms of CPU a film")
    everything = chest["all of them"]
    shares = {name: everything[name][0] for name in ("kept", "near_certain")}
    shares["refused"] = round(1.0 - everything["not_refused"][0], 5)
    print(
        json.dumps(
            {"all": shares, "chest": chest, "other": other, "turned": turned, "cpu_ms": round(cost, 2)}
        )
    )


if __name__ == "__main__":
    main()
