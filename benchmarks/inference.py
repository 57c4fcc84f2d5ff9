"""Films per second from arrays in memory to scores, against the tutorial's `model.predict`.

    python -m benchmarks.inference [--rounds 3] [--films FOLDER] [--networks default scratch vgg16]

1 is `model.predict` of the network `scratch` in float32 as the tutorial calls it: film by film where one is
wanted, in Keras' batches of 32 where many are. Against it every runtime of `worker.predictor` with every
network: one film at a time, and many at once. All take turns in each round; a ratio is the median of the
rounds' ratios, so that what else the machine does strikes all alike.

`scratch` and `vgg16` have random weights, seeded, on which speed does not depend; their last layer is
fitted to the brightness of the arrays, so that scores spread from 0 to 1 and their differences from Keras'
in float32 mean something. `default` is the bundle that comes with tbscreen. The arrays are drawn, or read
from the PNG files of `--films`. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.array.normalization import SPEC, normalize
from domain.array.picture import read_picture
from domain.bundle.bundle import Bundle, open_bundle, write_bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.bundle.seal import TOLERANCE
from networks.keras_library import load_keras
from tbscreen.machine import describe_machine
from tbscreen.models.default_bundle import DEFAULT_BUNDLE
from tbscreen.processes.logs import configure_logs
from training.learning.architectures import build_scratch, build_vgg16
from worker.golden_arrays import draw_golden_arrays
from worker.predictor import Predictor, list_candidates
from worker.runtimes import openvino_runtime
from worker.settings import Precision, RuntimeName

keras = load_keras()

Films = npt.NDArray[np.float32]

SEED = 42
MANY = {"tutorial": 32, "default": 64, "scratch": 16, "vgg16": 8}
ONE = {"tutorial": 2, "default": 16, "scratch": 4, "vgg16": 2}
"""Films per round, so that the whole takes two minutes."""
FITTED = 16
"""Films to which the last layer of a random network is fitted."""
RUNTIMES: list[tuple[RuntimeName, Precision]] = [("keras", "float32"), ("keras", "bfloat16")]
if openvino_runtime.is_installed():
    RUNTIMES += [("openvino", "float32"), ("openvino", "bfloat16")]


@dataclass
class Contestant:
    """A network with a runtime, and its films per second in each round."""

    network: str
    runtime: str
    predict: Callable[[Films], Any]
    difference: float = 0.0
    """Largest, from Keras' scores in float32."""
    single: list[float] = field(default_factory=list)
    many: list[float] = field(default_factory=list)

    def measure(self, films: Films) -> None:
        """Time one round."""
        single, many = films[: ONE[self.network], np.newaxis], films[: MANY[self.network]]
        started = time.perf_counter()
        for film in single:
            self.predict(film)
        between = time.perf_counter()
        self.predict(many)
        self.single.append(len(single) / (between - started))
        self.many.append(len(many) / (time.perf_counter() - between))


def build_random(build: Callable[[], Any], films: Films) -> Any:
    """Return a network whose score follows the films' brightness.

    Its weights are random and keep the size of what passes (He et al. 2015); its last layer is fitted.
    """
    generator = np.random.default_rng(SEED)
    model = keras.models.model_from_json(build().to_json())
    weighted = [layer for layer in model.layers if layer.get_weights()]
    for layer in weighted:
        kernel, *rest = layer.get_weights()
        scale = (2.0 / np.prod(kernel.shape[:-1])) ** 0.5
        drawn = generator.standard_normal(kernel.shape, dtype=np.float32) * np.float32(scale)
        layer.set_weights([drawn, *(np.zeros_like(weights) for weights in rest)])
    last = weighted[-1]
    features = keras.Model(model.input, last.input).predict_on_batch(films[..., np.newaxis])
    brightness = films.mean(axis=(1, 2))
    logits = 2.0 * (brightness - brightness.mean()) / brightness.std()
    centred = features - features.mean(axis=0)
    gram = centred @ centred.T
    ridge = 0.01 * np.trace(gram) / len(films) * np.eye(len(films))
    kernel = centred.T @ np.linalg.solve(gram + ridge, logits)
    outputs = last.get_weights()[1].size
    bias = np.full(outputs, -features.mean(axis=0) @ kernel)
    last.set_weights([np.tile(kernel[:, np.newaxis], outputs), bias])
    return model


def write_random(directory: Path, build: Callable[[], Any], films: Films) -> Bundle:
    """Write a bundle with such a network."""
    model = build_random(build, films)
    manifest = json.loads((DEFAULT_BUNDLE / "manifest.json").read_text("utf-8"))
    manifest |= {"name": "random", "trained": False, "normalization": SPEC.to_manifest()}
    del manifest["files"]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / WEIGHTS
        model.save_weights(weights)
        content = weights.read_bytes()
    return write_bundle(directory, manifest, {STRUCTURE: model.to_json().encode(), WEIGHTS: content})


def enter_tutorial(bundle: Bundle) -> Contestant:
    """Return the tutorial's own way: `model.predict`."""
    model = keras.models.model_from_json((bundle.directory / STRUCTURE).read_text("utf-8"))
    model.load_weights(bundle.directory / WEIGHTS)
    contestant = Contestant(
        "tutorial", "model.predict", lambda films: model.predict(films[..., np.newaxis], verbose=0)
    )
    contestant.predict(np.zeros((1, SPEC.rows, SPEC.columns), dtype=np.float32))
    return contestant


def enter(network: str, bundle: Bundle, films: Films) -> list[Contestant]:
    """Return the network with each runtime that scores within 0.01 of float32; says which does not."""
    contestants: list[Contestant] = []
    expected: npt.NDArray[np.float64] | None = None
    for runtime, precision in RUNTIMES:
        predictor = Predictor(bundle, runtime=runtime, precision=precision)
        if predictor.runtime != f"{runtime} {precision}":
            print(f"{network}: {runtime} {precision} is not within {TOLERANCE} of float32 on golden arrays")
            continue
        scores = predictor.predict(films[: MANY[network]])
        expected = scores if expected is None else expected
        predictor.warm_up()
        difference = float(np.max(np.abs(scores - expected)))
        contestants.append(Contestant(network, predictor.runtime, predictor.predict, difference))
    return contestants


def compete(
    tutorial: Contestant, contestants: list[Contestant], films: Films, rounds: int
) -> list[dict[str, Any]]:
    """Let the tutorial and one network's contestants take turns; network after network, to spare memory."""
    tutorial.single.clear()
    tutorial.many.clear()
    for _ in range(rounds):
        for contestant in (tutorial, *contestants):
            contestant.measure(films)
    return [summarise(contestant, tutorial) for contestant in (tutorial, *contestants)]


def summarise(contestant: Contestant, tutorial: Contestant) -> dict[str, Any]:
    """Return medians, and medians of the ratios of each round."""
    chosen = next((f"{runtime} {precision}" for runtime, precision in list_candidates()), contestant.runtime)
    return {
        "network": contestant.network,
        "runtime": contestant.runtime,
        "auto": contestant.runtime == chosen,
        "films_per_second_one": round(statistics.median(contestant.single), 2),
        "films_per_second_many": round(statistics.median(contestant.many), 2),
        "ratio_one": round(_ratio(contestant.single, tutorial.single), 2),
        "ratio_many": round(_ratio(contestant.many, tutorial.many), 2),
        "largest_score_difference": float(f"{contestant.difference:.2g}"),
    }


def find_best(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return for each network the greatest ratios, and those of the runtime that `auto` takes."""
    best: dict[str, dict[str, Any]] = {}
    for network in dict.fromkeys(row["network"] for row in rows if row["network"] != "tutorial"):
        own = [row for row in rows if row["network"] == network]
        best[network] = {key: max(row[key] for row in own) for key in ("ratio_one", "ratio_many")}
        best[network]["auto"] = next((row for row in own if row["auto"]), None)
    return best


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print one line per contestant; * marks what `runtime = "auto"` takes here."""
    print(
        f"{'network':10}{'runtime':22}{'one: films/s':>14}{'ratio':>8}"
        f"{'many: films/s':>16}{'ratio':>8}{'score ±':>10}"
    )
    for row in rows:
        print(
            f"{row['network']:10}{row['runtime'] + (' *' if row['auto'] else ''):22}"
            f"{row['films_per_second_one']:14.2f}{row['ratio_one']:8.2f}"
            f"{row['films_per_second_many']:16.2f}{row['ratio_many']:8.2f}"
            f"{row['largest_score_difference']:10.2g}"
        )


def _ratio(own: list[float], tutorials: list[float]) -> float:
    return statistics.median(ours / theirs for ours, theirs in zip(own, tutorials, strict=True))


def read_films(folder: Path | None) -> Films:
    """Return as many arrays as are needed: drawn ones, or the first PNG files of a folder."""
    count = max(MANY.values())
    if folder is None:
        return draw_golden_arrays(count, seed=SEED)
    paths = sorted(folder.glob("**/*.png"))[:count]
    if not paths:
        raise SystemExit(f"{folder} holds no PNG file")
    films = [normalize(read_picture(path)) for path in paths]
    return np.stack([films[number % len(films)] for number in range(count)])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--films", type=Path, help="folder with PNG films; drawn arrays if not said")
    parser.add_argument("--networks", nargs="+", choices=["default", "scratch", "vgg16"])
    options = parser.parse_args()
    networks = options.networks or ["default", "scratch", "vgg16"]
    configure_logs("console", "benchmark")
    print(describe_machine())
    films = read_films(options.films)
    with tempfile.TemporaryDirectory(prefix="tbscreen-networks-") as folder:
        scratch = write_random(Path(folder) / "scratch", build_scratch, films[:FITTED])
        tutorial = enter_tutorial(scratch)
        rows: list[dict[str, Any]] = []
        for network in networks:
            if network == "scratch":
                bundle = scratch
            elif network == "vgg16":
                bundle = write_random(Path(folder) / "vgg16", build_vgg16, films[:FITTED])
            else:
                bundle = open_bundle(DEFAULT_BUNDLE)
            rows += compete(tutorial, enter(network, bundle, films), films, options.rounds)
    print_table(rows)
    print(json.dumps({"rounds": options.rounds, "best": find_best(rows), "results": rows}))


if __name__ == "__main__":
    main()
