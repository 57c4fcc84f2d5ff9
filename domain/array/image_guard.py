"""The image guard: a small network in NumPy that recognizes frontal chest radiographs before a model scores.

`python -m training.guard.image_guard` trains and measures it; its weights are beside this file.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.array.image_features import EDGES, FEATURES, describe
from domain.errors import PermanentError

WEIGHT_NAMES: Final = ("hidden", "hidden_bias", "output", "output_bias", "mean", "components")
WEIGHTS: Final = Path(__file__).with_name("image_guard.npz")


OUTLIER_FACTOR: Final = 4.0
"""Factor of the threshold of refusal for a picture whose distance from chest films is a doubt by itself."""


class Picture(StrEnum):
    """The kinds of pictures that the guard tells apart."""

    FRONTAL_CHEST = "frontal_chest"
    TURNED_CHEST = "turned_chest"
    """A chest film that is rotated, upside down or inverted in its grey values."""
    LATERAL_CHEST = "lateral_chest"
    OTHER_RADIOGRAPH = "other_radiograph"
    """Another part of the body, or a small part of a chest."""
    NOT_AN_XRAY = "not_an_xray"
    """A test pattern, a slice, a photograph, a blank film."""


PICTURES: Final = tuple(Picture)
"""The kinds of pictures in the order of the network's outputs."""


class Certainty(StrEnum):
    """The guard's certainty that an array is a frontal chest film."""

    CHEST = "chest"
    UNSURE = "unsure"
    NO_CHEST = "no_chest"


@dataclass(frozen=True)
class Opinion:
    """The guard's opinion on one array."""

    certainty: Certainty
    picture: Picture
    """The most probable kind of picture."""
    chest_probability: float
    """Probability of an upright frontal chest film with white bones, 0..1, not calibrated."""
    near_certain: bool = False
    """True for a chest film that the guard takes without the help of a header."""

    @property
    def words(self) -> str:
        """The opinion as a sentence for display."""
        return f"{WORDS[self.picture]} (frontal chest {self.chest_probability:.3f})"


WORDS: Final = {
    Picture.FRONTAL_CHEST: "looks like a frontal chest film",
    Picture.TURNED_CHEST: "looks like a chest film that is turned or inverted",
    Picture.LATERAL_CHEST: "looks like a lateral chest film",
    Picture.OTHER_RADIOGRAPH: "looks like a radiograph of something else",
    Picture.NOT_AN_XRAY: "does not look like a radiograph",
}


@dataclass(frozen=True)
class Thresholds:
    """The limits between keeping, doubting and refusing a film."""

    keep_from: float
    """Lowest probability of a frontal chest film that raises no doubt."""
    certain_from: float
    """Lowest probability of a frontal chest film that needs no header."""
    refuse_below: float
    """Probability of a chest film, turned or not, below which a film is refused."""
    outlier_above: float
    """Distance from all chest films of the training above which a film raises a doubt."""


@dataclass(frozen=True)
class GuardNetwork:
    """One hidden layer of rectified units, then a softmax over `PICTURES`; and the distance from chest films.

    A network may be sure of pictures unlike any of its training. The distance is that of a picture's edges
    from the subspace in which the edges of chest films vary: the squared residual of their principal
    components.

    Attributes:
        hidden: float32 (FEATURES, units), with the features' scaling in it.
        hidden_bias: float32 (units,).
        output: float32 (units, len(PICTURES)).
        output_bias: float32 (len(PICTURES),).
        mean: float32 (edges,), the mean of the edges of chest films.
        components: float32 (edges, components), orthonormal.
        thresholds: the limits.
    """

    hidden: npt.NDArray[np.float32]
    hidden_bias: npt.NDArray[np.float32]
    output: npt.NDArray[np.float32]
    output_bias: npt.NDArray[np.float32]
    mean: npt.NDArray[np.float32]
    components: npt.NDArray[np.float32]
    thresholds: Thresholds

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return probabilities (films, len(PICTURES)) for features (films, FEATURES)."""
        hidden = np.maximum(features @ self.hidden + self.hidden_bias, 0.0)
        logits = hidden @ self.output + self.output_bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: npt.NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def measure_distance(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the distances (films,) from chest films for features (films, FEATURES)."""
        edges = features[:, EDGES] - self.mean
        residual = edges - (edges @ self.components) @ self.components.T
        distances: npt.NDArray[np.float32] = (residual**2).sum(axis=1)
        return distances

    def judge(self, array: npt.NDArray[np.float32]) -> Opinion:
        """Return the opinion on an array.

        Args:
            array: float32 (256, 256) in 0..1, as `normalization.normalize` makes it.
        """
        features = describe(array)[None]
        return self.weigh(self.predict(features)[0], float(self.measure_distance(features)[0]))

    def weigh(self, probabilities: npt.NDArray[np.float32], distance: float) -> Opinion:
        """Turn the probabilities (len(PICTURES),) and the distance of one array into an opinion."""
        chest, turned = float(probabilities[0]), float(probabilities[1])
        limits, known = self.thresholds, distance <= self.thresholds.outlier_above
        if chest >= limits.keep_from and known:
            return Opinion(Certainty.CHEST, Picture.FRONTAL_CHEST, chest, chest >= limits.certain_from)
        # A turned chest film is not refused: a radiologist looks at it.
        if chest + turned < limits.refuse_below * (1.0 if known else OUTLIER_FACTOR):
            return Opinion(Certainty.NO_CHEST, PICTURES[2 + int(probabilities[2:].argmax())], chest)
        return Opinion(Certainty.UNSURE, PICTURES[int(probabilities.argmax())], chest)

    def save(self, path: Path) -> None:
        """Write the network, with its large arrays as float16."""
        np.savez_compressed(
            path,
            hidden=self.hidden.astype(np.float16),
            hidden_bias=self.hidden_bias,
            output=self.output,
            output_bias=self.output_bias,
            mean=self.mean,
            components=self.components.astype(np.float16),
            thresholds=np.array(astuple(self.thresholds)),
        )


def load_network(path: Path = WEIGHTS) -> GuardNetwork:
    """Read a network.

    Raises:
        PermanentError: when the file is missing or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            thresholds = Thresholds(*(float(threshold) for threshold in stored["thresholds"]))
            weights = {name: stored[name].astype(np.float32) for name in WEIGHT_NAMES}
            network = GuardNetwork(**weights, thresholds=thresholds)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise PermanentError(
            f"the image guard's weights cannot be read ({type(error).__name__}): {path}"
        ) from error
    units, edges = network.hidden_bias.size, EDGES.stop - EDGES.start
    if (
        network.hidden.shape != (FEATURES, units)
        or network.output.shape != (units, len(PICTURES))
        or network.mean.shape != (edges,)
        or network.components.shape[:1] != (edges,)
    ):
        raise PermanentError(f"{path} holds the weights of another version's image guard")
    return network


@lru_cache(maxsize=1)
def shipped_network() -> GuardNetwork:
    """Return the network that comes with tbscreen, read once per process.

    Raises:
        PermanentError: when its file is missing.
    """
    return load_network()
