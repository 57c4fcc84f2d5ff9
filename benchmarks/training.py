"""Training, films per second of CPU time: the tutorial's loop on `scratch` in float32 = 1.

    python -m benchmarks.training [--rounds 2] [--films 5000]

The tutorial holds all films in memory and calls `model.fit`; ours streams them from a store of `--films`
films on disk. Both take batches of 32, in turn A B C A B C, and the median counts. CPU time is that of all
threads, so that other work on the machine counts little. Weights and films are random: speed does not depend
on them. Memory is the peak of a process of its own that trains `scratch` from that store. The last line is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from tbscreen.machine import describe_machine
from training.films.film_store import FILM_BYTES, FilmStore
from training.films.labelled_film import Label, LabelledFilm

BATCH = 32


def make_store(folder: Path, count: int) -> FilmStore:
    """Write a store of random films, never all of them in memory."""
    path, random = folder / "films.u16", np.random.default_rng(1)
    with path.open("wb") as file:
        block = random.bytes(FILM_BYTES * 16)
        for number in range(count):
            start = number % 16 * FILM_BYTES
            file.write(block[start : start + FILM_BYTES])
    return FilmStore(path, tuple(range(count)), tuple(f"{number:032x}" for number in range(count)))


def make_recipe(architecture: str, precision: str, store: FilmStore) -> Any:
    """Build a recipe on the store, in a precision."""
    from networks.keras_library import load_keras
    from training.learning.lite0_recipe import Lite0Recipe
    from training.learning.precision import Precision, set_precision
    from training.learning.recipe import TrainingData
    from training.learning.tutorial_recipe import ScratchRecipe
    from training.retrain_settings import RetrainSettings

    keras = load_keras()
    keras.utils.set_random_seed(1)
    set_precision(Precision(precision))
    labels = (Label.NORMAL, Label.TB)
    films = [
        LabelledFilm(Path(f"{number}.png"), labels[number % 2], "a", digest)
        for number, digest in enumerate(store.digests)
    ]
    data = TrainingData(films, store, range(len(films)), range(0))
    settings = RetrainSettings(Path(), batch=BATCH, epochs=1)
    return Lite0Recipe(data, settings, None) if architecture == "default" else ScratchRecipe(data, settings)


def prepare_tutorial() -> Callable[[int], None]:
    """Return the tutorial's loop: float32, all films in memory, `model.fit`."""
    from networks.keras_library import load_keras
    from training.learning.architectures import build_scratch
    from training.learning.precision import Precision, set_precision

    set_precision(Precision.FLOAT32)
    model = build_scratch()
    model.compile("adam", "binary_crossentropy")
    films = np.random.default_rng(1).random((BATCH * 2, 256, 256, 1)).astype(np.float32)
    targets = load_keras().utils.to_categorical(np.arange(len(films)) % 2)

    def train(batches: int) -> None:
        model.fit(films[: batches * BATCH], targets[: batches * BATCH], batch_size=BATCH, verbose=0)

    return train


def prepare_ours(recipe: Any) -> Callable[[int], None]:
    """Return our loop on a recipe."""
    epoch = recipe.make_epoch(0)

    def train(batches: int) -> None:
        for number in range(batches):
            recipe.model.train_on_batch(*epoch[number])

    return train


def measure_memory(store: FilmStore, precision: str, parent: Connection) -> None:
    """Train `scratch` for some batches and send the peak of this process's memory, in GiB."""
    recipe = make_recipe("scratch", precision, store)
    prepare_ours(recipe)(3)
    recipe.score(range(64))
    parent.send_bytes(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20).encode())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--films", type=int, default=5000, help="in the store that training streams from")
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder), arguments.films)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=measure_memory, args=(store, "float32", theirs))
        process.start()
        theirs.close()
        peak = float(ours.recv_bytes())
        process.join()
        print(f"peak memory of scratch, streaming {arguments.films} films: {peak:.1f} GiB")
        results = measure_speed(store, arguments.rounds)
    print(json.dumps({"machine": describe_machine(), "peak_gib": round(peak, 2), **results}))


def measure_speed(store: FilmStore, rounds: int) -> dict[str, Any]:
    """Return films per second of CPU time of each loop, and its ratio to the tutorial's."""
    loops: dict[str, tuple[Callable[[int], None], int]] = {
        "tutorial scratch float32": (prepare_tutorial(), 1),
        "scratch float32": (prepare_ours(make_recipe("scratch", "float32", store)), 1),
        "scratch bfloat16": (prepare_ours(make_recipe("scratch", "bfloat16", store)), 1),
        "default float32": (prepare_ours(make_recipe("default", "float32", store)), 4),
        "default bfloat16": (prepare_ours(make_recipe("default", "bfloat16", store)), 4),
    }
    speeds: dict[str, list[float]] = {name: [] for name in loops}
    for name, (train, _) in loops.items():
        train(1)  # compiles
        print(f"  {name} is ready", flush=True)
    for _ in range(rounds):
        for name, (train, batches) in loops.items():
            started = time.process_time()
            train(batches)
            speeds[name].append(batches * BATCH / (time.process_time() - started))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    base = medians["tutorial scratch float32"]
    print(f"{'loop':<28}{'films/CPU s':>13}{'ratio':>8}")
    for name, speed in medians.items():
        print(f"{name:<28}{speed:>13.2f}{speed / base:>8.2f}")
    return {
        "films_per_cpu_second": {name: round(speed, 3) for name, speed in medians.items()},
        "ratios": {name: round(speed / base, 3) for name, speed in medians.items()},
    }


if __name__ == "__main__":
    main()
