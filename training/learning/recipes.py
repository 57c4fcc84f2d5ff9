"""The choice of a recipe by architecture and initial weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from domain.bundle.bundle import Bundle
from domain.bundle.manifest import STRUCTURE, WEIGHTS
from domain.errors import PermanentError
from training.learning.lite0 import build_lite0
from training.learning.lite0_recipe import Lite0Recipe
from training.learning.lite0_weights import IMAGENET
from training.learning.recipe import Architecture, Recipe, TrainingData
from training.retrain_settings import RetrainSettings


def build_recipe(
    data: TrainingData, settings: RetrainSettings, progress: Callable[[int, int], None]
) -> Recipe:
    """Build the recipe of the wanted architecture, with its initial weights.

    Raises:
        PermanentError: when the bundle to start from has another architecture, or when a file does not hold
            pretrained weights.
    """
    start = settings.start
    if start is not None and start.manifest.architecture != settings.architecture.value:
        raise PermanentError(
            f"the bundle of --from has the architecture {start.manifest.architecture}: "
            f"training of {settings.architecture.value} cannot start from it"
        )
    match settings.architecture:
        case Architecture.DEFAULT if start is not None:
            return Lite0Recipe(data, settings, None, _continue(start, build_lite0()))
        case Architecture.DEFAULT:
            return Lite0Recipe(data, settings, settings.pretrained or IMAGENET)
        case Architecture.SCRATCH:
            from training.learning.architectures import build_scratch
            from training.learning.tutorial_recipe import ScratchRecipe

            model = None if start is None else _continue(start, build_scratch())
            return ScratchRecipe(data, settings, model)
        case Architecture.VGG16:
            from training.learning.tutorial_recipe import Vgg16Recipe

            if start is not None:
                raise PermanentError("vgg16 always trains a new head, in minutes: omit --from")
            return Vgg16Recipe(data, settings, settings.pretrained, progress)


def _continue(bundle: Bundle, model: Any) -> Any:
    """Copy the weights of a bundle into `model`, by name of layer."""
    trained = keras.models.model_from_json((bundle.directory / STRUCTURE).read_text("utf-8"))
    try:
        trained.load_weights(bundle.directory / WEIGHTS)
        for layer in model.layers:
            if layer.weights:
                layer.set_weights(trained.get_layer(layer.name).get_weights())
    except (ValueError, OSError) as error:
        raise PermanentError(
            f"the bundle {bundle.digest[:12]} does not fit the network of this version: {error}"
        ) from error
    return model
