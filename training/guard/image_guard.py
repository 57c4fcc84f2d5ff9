r"""Train the gateway's image guard, and evaluate it on places and subjects that it has not seen.

    python -m benchmarks.guard_films others.npz
    python -m training.guard.image_guard others.npz --films ../shared/data \
        --output domain/array/image_guard.npz

Six networks each leave out the chest films of one place and a sixth of all other subjects. Their answers for
the examples left out are the evaluation, and the thresholds come from it. The network that is written has
seen everything. Seeds are fixed; a run takes about five minutes on two cores.
`python -m benchmarks.image_guard` prints the evaluation.
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

from domain.array.image_guard import PICTURES, WEIGHTS, Certainty, GuardNetwork, Opinion, Picture
from training.guard.guard_examples import DRAWN, Examples, make_examples

UNITS: Final = 48
WEIGHT_DECAY: Final = 0.1
EPOCHS: Final = 15
BATCH: Final = 256
SEED: Final = 0

KEPT: Final = 0.996
"""Share of the chest films of unseen places that raise no doubt; 0.995 is required, the rest is margin."""

REFUSED: Final = 0.0008
"""Share of the chest films of unseen places below the threshold of refusal."""

MOST_REFUSED_BELOW: Final = 0.3
"""Upper limit of the threshold of refusal."""

LEAST_DEVIATION: Final = 0.05
"""Floor of a feature's deviation, so that a feature that hardly varies in training never decides alone."""


@dataclass(frozen=True)
class HeldOut:
    """Answers of networks for examples that they were trained without."""

    examples: Examples
    probabilities: npt.NDArray[np.float32]
    """Shape (examples, len(PICTURES)); NaN for examples that every network was trained on."""

    def find_thresholds(self, without: str = "") -> tuple[float, float]:
        """Return the threshold from which a chest film is kept, and the one below which a picture is refused.

        Args:
            without: a place of `Examples.hospitals` whose films do not count.
        """
        counted = self.find("film", chest=True) & (self.examples.hospitals != without)
        chest = self.probabilities[counted]
        kept, refused = np.quantile(chest[:, 0], 1.0 - KEPT), np.quantile(chest[:, :2].sum(axis=1), REFUSED)
        return float(kept), min(float(refused), MOST_REFUSED_BELOW)

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
            keep_from, refuse_below = self.find_thresholds(without=place)
            judge = replace(network, keep_from=keep_from, refuse_below=refuse_below)
            opinions += [
                judge.weigh(probability) for probability in self.probabilities[films & (places == place)]
            ]
        return opinions

    def judge(self, network: GuardNetwork) -> list[Opinion]:
        """Return an opinion for each example, by a network's thresholds."""
        return [network.weigh(probability) for probability in self.probabilities]


def evaluate(examples: Examples) -> HeldOut:
    """Train one network per place without that place, and apply it to the examples that it has not seen."""
    probabilities = np.full((len(examples.targets), len(PICTURES)), np.nan, dtype=np.float32)
    for held_out in _split(examples):
        network = fit(examples, examples.learnt & ~held_out)
        probabilities[held_out] = network.predict(examples.features[held_out].astype(np.float32))
    return HeldOut(examples, probabilities)


def fit(examples: Examples, chosen: npt.NDArray[np.bool_]) -> GuardNetwork:
    """Train a network on the chosen examples; its thresholds are placeholders."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    features = examples.features[chosen].astype(np.float32)
    batch = min(BATCH, len(features))
    mean, deviation = features.mean(axis=0), features.std(axis=0) + np.float32(LEAST_DEVIATION)
    learner = MLPClassifier(
        (UNITS,), alpha=WEIGHT_DECAY, batch_size=batch, max_iter=EPOCHS, random_state=SEED, tol=0.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is fixed
        learner.fit((features - mean) / deviation, examples.targets[chosen])
    hidden = (learner.coefs_[0] / deviation[:, None]).astype(np.float32)
    bias = (learner.intercepts_[0] - mean @ hidden).astype(np.float32)
    output, output_bias = learner.coefs_[1], learner.intercepts_[1]
    return GuardNetwork(hidden, bias, output.astype(np.float32), output_bias.astype(np.float32), 0.5, 0.5)


def _split(examples: Examples) -> list[npt.NDArray[np.bool_]]:
    """Return, for each place of chest films, a mask of the examples that its network is trained without."""
    hospitals, changed = examples.hospitals, examples.kinds == "changed"
    is_film = (examples.kinds == "film") & (hospitals != DRAWN)
    places = sorted(set(hospitals[is_film]))
    subjects = sorted(set(hospitals[changed]) - set(places))
    draw = np.random.default_rng(SEED)
    fold_of = {
        str(name): int(fold) % len(places)
        for fold, name in zip(draw.permutation(len(subjects)), subjects, strict=True)
    }
    fold_of |= {str(place): fold for fold, place in enumerate(places)}
    # No network has seen real chest films of places outside training, such as RG1; the first one takes them.
    folds = np.array([fold_of.get(str(name), 0) for name in hospitals])
    drawn = hospitals == DRAWN
    folds[drawn] = np.arange(int(drawn.sum())) // 2 % len(places)
    return [folds == fold for fold in range(len(places))]


def train(examples: Examples) -> tuple[GuardNetwork, HeldOut]:
    """Evaluate the guard, then train it on all examples with the thresholds of the evaluation."""
    held_out = evaluate(examples)
    keep_from, refuse_below = held_out.find_thresholds()
    network = fit(examples, examples.learnt)
    return replace(network, keep_from=keep_from, refuse_below=refuse_below), held_out


def main() -> None:
    """Train the guard and write its file."""
    parser = argparse.ArgumentParser(prog="python -m training.guard.image_guard")
    parser.add_argument("others", type=Path, help="the file of python -m benchmarks.guard_films")
    parser.add_argument("--films", type=Path, default=Path("../shared/data"))
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    parser.add_argument("--drawn", type=int, default=4000, help="number of phantoms, and of patterns")
    parser.add_argument("--threads", "--processes", type=int, default=2)
    options = parser.parse_args()
    examples = make_examples(options.films, options.others, options.drawn, options.threads)
    network, held_out = train(examples)
    network.save(options.output)
    opinions = [
        network.weigh(probability)
        for probability in held_out.probabilities[held_out.find("film", chest=True)]
    ]
    kept, refused = (
        sum(opinion.certainty is certainty for opinion in opinions)
        for certainty in (Certainty.CHEST, Certainty.NO_CHEST)
    )
    sys.stdout.write(
        f"{options.output}: {len(examples.targets)} examples; of {len(opinions)} chest films of unseen "
        f"places {kept} raise no doubt (from {network.keep_from:.4f}), {refused} are refused (below "
        f"{network.refuse_below:.4f})\n"
    )


if __name__ == "__main__":
    main()
