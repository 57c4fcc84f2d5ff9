"""The image guard: a small network in NumPy that recognizes frontal chest radiographs before a model scores.

`python -m training.guard.image_guard` trains and measures it; its weights are beside this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.array.image_features import FEATURES, describe
from domain.errors import PermanentError

WEIGHTS: Final = Path(__file__).with_name("image_guard.npz")


class Picture(StrEnum):
    """The kinds of pictures that the guard tells apart."""

    FRONTAL_CHEST = "frontal_chest"
    TURNED_CHEST = "turned_chest"
    """A chest film that is rotated, upside down or inverted in its grey values."""
    OTHER_RADIOGRAPH = "other_radiograph"
    """Another part of the body, another view, or a small part of a chest."""
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

    @property
    def words(self) -> str:
        """The opinion as a sentence for display."""
        return f"{WORDS[self.picture]} (frontal chest {self.chest_probability:.3f})"


WORDS: Final = {
    Picture.FRONTAL_CHEST: "looks like a frontal chest film",
    Picture.TURNED_CHEST: "looks like a chest film that is turned or inverted",
    Picture.OTHER_RADIOGRAPH: "looks like a radiograph of something else",
    Picture.NOT_AN_XRAY: "does not look like a radiograph",
}


@dataclass(frozen=True)
class GuardNetwork:
    """One hidden layer of rectified units, then a softmax over `PICTURES`.

    Attributes:
        hidden: float32 (FEATURES, units), with the features' scaling in it.
        hidden_bias: float32 (units,).
        output: float32 (units, len(PICTURES)).
        output_bias: float32 (len(PICTURES),).
        keep_from: lowest probability of a frontal chest film that raises no doubt.
        refuse_below: probability of a chest film, turned or not, below which a film is refused.
    """

    hidden: npt.NDArray[np.float32]
    hidden_bias: npt.NDArray[np.float32]
    output: npt.NDArray[np.float32]
    output_bias: npt.NDArray[np.float32]
    keep_from: float
    refuse_below: float

    def predict(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return probabilities (films, len(PICTURES)) for features (films, FEATURES)."""
        hidden = np.maximum(features @ self.hidden + self.hidden_bias, 0.0)
        logits = hidden @ self.output + self.output_bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: npt.NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def judge(self, array: npt.NDArray[np.float32]) -> Opinion:
        """Return the opinion on an array.

        Args:
            array: float32 (256, 256) in 0..1, as `normalization.normalize` makes it.
        """
        return self.weigh(self.predict(describe(array)[None])[0])

    def weigh(self, probabilities: npt.NDArray[np.float32]) -> Opinion:
        """Turn the probabilities (len(PICTURES),) of one array into an opinion."""
        chest, turned = float(probabilities[0]), float(probabilities[1])
        picture = PICTURES[int(probabilities.argmax())]
        if chest >= self.keep_from:
            return Opinion(Certainty.CHEST, Picture.FRONTAL_CHEST, chest)
        # A turned chest film is not refused: a radiologist looks at it.
        certainty = Certainty.NO_CHEST if chest + turned < self.refuse_below else Certainty.UNSURE
        return Opinion(certainty, picture, chest)

    def save(self, path: Path) -> None:
        """Write the network, with the hidden layer as float16."""
        np.savez_compressed(
            path,
            hidden=self.hidden.astype(np.float16),
            hidden_bias=self.hidden_bias,
            output=self.output,
            output_bias=self.output_bias,
            thresholds=np.array([self.keep_from, self.refuse_below]),
        )


def load_network(path: Path = WEIGHTS) -> GuardNetwork:
    """Read a network.

    Raises:
        PermanentError: when the file is missing or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            keep_from, refuse_below = (float(threshold) for threshold in stored["thresholds"])
            hidden, hidden_bias, output, output_bias = (
                stored[name].astype(np.float32) for name in ("hidden", "hidden_bias", "output", "output_bias")
            )
    except (OSError, KeyError, ValueError) as error:
        raise PermanentError(
            f"the image guard's weights cannot be read ({type(error).__name__}): {path}"
        ) from error
    if hidden.shape != (FEATURES, hidden_bias.size) or output.shape != (hidden_bias.size, len(PICTURES)):
        raise PermanentError(f"{path} holds the weights of another version's image guard")
    return GuardNetwork(hidden, hidden_bias, output, output_bias, keep_from, refuse_below)


@lru_cache(maxsize=1)
def shipped_network() -> GuardNetwork:
    """Return the network that comes with tbscreen, read once per process.

    Raises:
        PermanentError: when its file is missing.
    """
    return load_network()
