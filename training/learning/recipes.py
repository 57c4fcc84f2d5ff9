"""The choice of a recipe by architecture and initial weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from domain.bundle.bundle import Bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.errors import PermanentError
from networks.keras_library import load_keras
from training.learning.lite0 import build_lite0, finish
from training.learning.lite0_recipe import Lite0Recipe
from training.learning.lite0_weights import IMAGENET
from training.learning.recipe import Architecture, Recipe, TrainingData
from training.retrain_settings import RetrainSettings

keras = load_keras()


def build_recipe(
    data: TrainingData, settings: RetrainSettings, progress: Callable[[int, int], None]
) -> Recipe:
    """Build the recipe of the wanted architecture, with its initial weights.

    Raises:
        PermanentError: when the bundle to start from has another architecture, or when a file does not hold
            pretrained weights.
    """
    start = settings.start
    match settings.architecture:
        case Architecture.DEFAULT if start is not None:
            network = build_lite0(mixes_styles=True)
            return Lite0Recipe(data, settings, None, _continue(start, settings.architecture, network))
        case Architecture.DEFAULT:
            return Lite0Recipe(data, settings, settings.pretrained or IMAGENET)
        case Architecture.SCRATCH:
            from training.learning.architectures import build_scratch
            from training.learning.tutorial_recipe import ScratchRecipe

            model = None if start is None else _continue(start, settings.architecture, build_scratch())
            return ScratchRecipe(data, settings, model)
        case Architecture.VGG16:
            from training.learning.tutorial_recipe import Vgg16Recipe

            if start is not None:
                raise PermanentError("vgg16 always trains a new head, in minutes: omit --from")
            return Vgg16Recipe(data, settings, settings.pretrained, progress)


def load_trained(bundle: Bundle, architecture: Architecture) -> Any:
    """Return the Keras model of a bundle: (n, 256, 256, 1) to scores, or to [scores, heat].

    Raises:
        PermanentError: when it has another architecture, or structure and weights do not fit each other.
    """
    if bundle.manifest.architecture != architecture.value:
        raise PermanentError(
            f"the bundle of --from has the architecture {bundle.manifest.architecture}: "
            f"{architecture.value} cannot start from it; name it with --architecture"
        )
    model = keras.models.model_from_json((bundle.directory / STRUCTURE).read_text("utf-8"))
    try:
        model.load_weights(bundle.directory / WEIGHTS)
    except (ValueError, OSError) as error:
        raise PermanentError(f"the weights of the bundle {bundle.digest[:12]} do not fit: {error}") from error
    return model


def keep_weights(bundle: Bundle, architecture: Architecture) -> Any:
    """Return a bundle's weights in the graph that a recipe of this version finishes, as `load_trained` does.

    The graph of an earlier version may be another, whose scores do not compare with those of networks trained
    now.

    Raises:
        PermanentError: when it has another architecture, or weights that do not fit.
    """
    if architecture is not Architecture.DEFAULT:
        return load_trained(bundle, architecture)
    return finish(_continue(bundle, architecture, build_lite0()))


def _continue(bundle: Bundle, architecture: Architecture, model: Any) -> Any:
    """Copy the weights of a bundle into `model`, by name of layer."""
    trained = load_trained(bundle, architecture)
    try:
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(trained.get_layer(layer.name).get_weights())
    except ValueError as error:
        raise PermanentError(
            f"the bundle {bundle.digest[:12]} does not fit the network of this version: {error}"
        ) from error
    return model
