r"""Train the gateway's image guard, and evaluate it on places and subjects that it has not seen.

    python -m benchmarks.guard_films others.npz
    python -m training.guard.image_guard others.npz --films ../shared/data \
        --output domain/array/image_guard.npz

Six networks each leave out the chest films of one place and a sixth of the other sources and subjects. Their
answers for the examples left out are the evaluation, and the thresholds come from it. The network that is
written has seen everything. Seeds are fixed. The folder of films
holds `films.csv` with `films/` and `guard.csv` with `guard/`; a hospital adds rows to train on films of its
own. `python -m benchmarks.image_guard` prints the evaluation.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.array.image_features import EDGES
from domain.array.image_guard import PICTURES, WEIGHTS, Certainty, GuardNetwork, Opinion, Picture, Thresholds
from domain.errors import PermanentError
from training.guard.guard_examples import DRAWN, DRAWN_TOGETHER, Examples, Sources, make_examples

UNITS: Final = 48
WEIGHT_DECAY: Final = 0.1
EPOCHS: Final = 12
BATCH: Final = 256
SEEDS: Final = (0, 1)
"""Networks whose outputs before the softmax are averaged: one network with all their hidden units."""

INPUTS: Final = 400
"""Principal components of the features, the networks' inputs; they become part of the hidden layer."""

ROWS_OF: Final = 4
"""One example of so many gives these components."""

COMPONENTS: Final = 60
"""Principal components of the edges of chest films."""

KEPT: Final = 0.99
"""Share of the chest films of unseen places whose probability raises no doubt."""

CERTAIN: Final = 0.98
"""Share of them that need no header."""

REFUSED: Final = 0.0015
"""Share of them below the threshold of refusal."""

MOST_REFUSED_BELOW: Final = 0.3
"""Upper limit of the threshold of refusal."""

OUTLIERS: Final = 0.004
"""Share of them whose edges raise a doubt."""

LEAST_DEVIATION: Final = 0.05
"""Floor of a feature's deviation, so that a feature that hardly varies in training never decides alone."""

UNDECIDED: Final = Thresholds(0.5, 0.5, 0.5, np.inf)
"""Placeholders until the evaluation."""


@dataclass(frozen=True)
class HeldOut:
    """Answers of networks for examples that they were trained without."""

    examples: Examples
    probabilities: npt.NDArray[np.float32]
    """Shape (examples, len(PICTURES)); NaN for examples that every network was trained on."""
    distances: npt.NDArray[np.float32]
    """Shape (examples,)."""
    networks: dict[str, GuardNetwork]
    """For each place of chest films the network that was trained without it; thresholds are placeholders."""

    def find_thresholds(self, without: str = "") -> Thresholds:
        """Return the thresholds that keep, take as certain and refuse the wanted shares of chest films.

        Args:
            without: a place of `Examples.hospitals` whose films do not count.
        """
        counted = self.find("film", chest=True) & (self.examples.hospitals != without)
        chest = self.probabilities[counted]
        kept, certain = np.quantile(chest[:, 0], [1.0 - KEPT, 1.0 - CERTAIN])
        refused = np.quantile(chest[:, :2].sum(axis=1), REFUSED)
        outlier = np.quantile(self.distances[counted], 1.0 - OUTLIERS)
        return Thresholds(
            float(kept), float(certain), min(float(refused), MOST_REFUSED_BELOW, float(kept)), float(outlier)
        )

    def find(self, kind: str, *, chest: bool) -> npt.NDArray[np.bool_]:
        """Return a mask of the examples of a kind that are, or are not, upright frontal chest films."""
        measured = ~np.isnan(self.probabilities[:, 0])
        is_chest = self.examples.targets == PICTURES.index(Picture.FRONTAL_CHEST)
        return np.asarray(measured & (self.examples.kinds == kind) & (is_chest == chest))

    def judge_by_others(self, network: GuardNetwork) -> list[Opinion]:
        """Return an opinion for each chest film, by thresholds from the other places."""
        films = self.find("film", chest=True)
        places, opinions = self.examples.hospitals, []
        for place in sorted(set(places[films])):
            judge = replace(network, thresholds=self.find_thresholds(without=place))
            opinions += self._weigh(judge, films & (places == place))
        return opinions

    def judge(self, network: GuardNetwork) -> list[Opinion]:
        """Return an opinion for each example, by a network's thresholds."""
        return self._weigh(network, np.ones(len(self.distances), dtype=np.bool_))

    def _weigh(self, network: GuardNetwork, chosen: npt.NDArray[np.bool_]) -> list[Opinion]:
        rows = zip(self.probabilities[chosen], self.distances[chosen], strict=True)
        return [network.weigh(probability, float(distance)) for probability, distance in rows]


def evaluate(examples: Examples) -> HeldOut:
    """Train one network per place without that place, and apply it to the examples that it has not seen."""
    probabilities = np.full((len(examples.targets), len(PICTURES)), np.nan, dtype=np.float32)
    distances = np.full(len(examples.targets), np.nan, dtype=np.float32)
    networks = {}
    for place, held_out in _split(examples).items():
        networks[place] = network = fit(examples, examples.learnt & ~held_out)
        features = examples.features[held_out].astype(np.float32)
        probabilities[held_out] = network.predict(features)
        distances[held_out] = network.measure_distance(features)
    return HeldOut(examples, probabilities, distances, networks)


def fit(examples: Examples, chosen: npt.NDArray[np.bool_]) -> GuardNetwork:
    """Train a network on the chosen examples; its thresholds are placeholders."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    features, targets = examples.features[chosen].astype(np.float32), examples.targets[chosen]
    mean, deviation = features.mean(axis=0), features.std(axis=0) + np.float32(LEAST_DEVIATION)
    scaled = (features - mean) / deviation
    _, directions = _find_components(scaled[::ROWS_OF], INPUTS)
    inputs, hidden, bias, output, output_bias = scaled @ directions, [], [], [], []
    for seed in SEEDS:
        learner = MLPClassifier(
            (UNITS,),
            alpha=WEIGHT_DECAY,
            batch_size=min(BATCH, len(features)),
            max_iter=EPOCHS,
            random_state=seed,
            tol=0.0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed
            learner.fit(inputs, targets)
        if len(learner.classes_) != len(PICTURES):
            raise PermanentError(
                f"the examples show only {len(learner.classes_)} of {len(PICTURES)} kinds of pictures"
            )
        hidden.append(directions @ learner.coefs_[0] / deviation[:, None])
        bias.append(learner.intercepts_[0] - mean @ hidden[-1])
        output.append(learner.coefs_[1] / len(SEEDS))
        output_bias.append(learner.intercepts_[1] / len(SEEDS))
    chest = features[targets == PICTURES.index(Picture.FRONTAL_CHEST), EDGES]
    middle, components = _find_components(chest, COMPONENTS)
    return GuardNetwork(
        hidden=np.hstack(hidden).astype(np.float32),
        hidden_bias=np.hstack(bias).astype(np.float32),
        output=np.vstack(output).astype(np.float32),
        output_bias=np.sum(output_bias, axis=0).astype(np.float32),
        mean=middle,
        components=components,
        thresholds=UNDECIDED,
    )


def _find_components(
    rows: npt.NDArray[np.float32], count: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return mean and at most `count` principal components, (columns,) and (columns, count), of rows."""
    mean = rows.mean(axis=0)
    centred = rows - mean
    if len(rows) < rows.shape[1]:
        return mean, np.ascontiguousarray(np.linalg.svd(centred, full_matrices=False)[2][:count].T)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    return mean, np.ascontiguousarray(vectors[:, ::-1][:, :count], dtype=np.float32)


def _split(examples: Examples) -> dict[str, npt.NDArray[np.bool_]]:
    """Return, for each place of chest films, a mask of the examples that its network is trained without."""
    hospitals, changed = examples.hospitals, examples.kinds == "changed"
    is_film = (examples.kinds == "film") & (hospitals != DRAWN)
    places = sorted(set(hospitals[is_film]))
    subjects = sorted(set(hospitals[changed]) - set(places) - {DRAWN})
    draw = np.random.default_rng(SEEDS[0])
    fold_of = {
        str(name): int(fold) % len(places)
        for fold, name in zip(draw.permutation(len(subjects)), subjects, strict=True)
    }
    fold_of |= {str(place): fold for fold, place in enumerate(places)}
    # No network has seen real chest films of places outside training, such as RG1; the first one takes them.
    folds = np.array([fold_of.get(str(name), 0) for name in hospitals])
    drawn = hospitals == DRAWN
    folds[drawn] = np.arange(int(drawn.sum())) // DRAWN_TOGETHER % len(places)
    return {str(place): folds == fold for fold, place in enumerate(places)}


def train(examples: Examples) -> tuple[GuardNetwork, HeldOut]:
    """Evaluate the guard, then train it on all examples with the thresholds of the evaluation."""
    held_out = evaluate(examples)
    network = fit(examples, examples.learnt)
    return replace(network, thresholds=held_out.find_thresholds()), held_out


def main() -> None:
    """Train the guard and write its file."""
    parser = argparse.ArgumentParser(prog="python -m training.guard.image_guard")
    parser.add_argument("others", type=Path, help="the file of python -m benchmarks.guard_films")
    parser.add_argument("--films", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument(
        "--drawn", type=int, default=4000, help="number of phantoms, of slices, and of patterns"
    )
    parser.add_argument("--threads", "--processes", type=int, default=2)
    options = parser.parse_args()
    examples = make_examples(Sources(options.films, options.others, options.drawn), options.threads)
    network, held_out = train(examples)
    network.save(options.output)
    opinions = held_out.judge(network)
    sys.stdout.write(f"{options.output}: {len(examples.targets)} examples, {network.thresholds}\n")
    for chest, kinds in ((True, ("film",)), (False, sorted(set(examples.kinds)))):
        for kind in kinds:
            sys.stdout.write(
                _count(kind, [opinions[at] for at in np.flatnonzero(held_out.find(kind, chest=chest))])
            )


def _count(kind: str, opinions: list[Opinion]) -> str:
    if not opinions:
        return ""
    found = [
        sum(opinion.certainty is certainty for opinion in opinions) / len(opinions) for certainty in Certainty
    ]
    certain = sum(opinion.near_certain for opinion in opinions) / len(opinions)
    kept, unsure, refused = found
    return (
        f"{kind:24} {len(opinions):6}: kept {kept:.2%} (near-certain {certain:.2%}), doubt {unsure:.2%}, "
        f"refused {refused:.2%}\n"
    )


if __name__ == "__main__":
    main()
