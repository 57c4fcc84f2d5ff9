"""The tutorial's networks: each takes float32 (n, 256, 256, 1) in 0..1 and does its own preprocessing."""

from __future__ import annotations

from typing import Any, Final

from networks.keras_library import load_keras

keras = load_keras()
layers = keras.layers

INPUT_SHAPE = (256, 256, 1)

IMAGENET_MEANS_BGR: Final = (103.939, 116.779, 123.68)
"""Means of the channels 0..255, as in `keras.applications.vgg16.preprocess_input`."""
VGG16_BLOCKS: Final = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions and filters of each block."""
VGG16_FEATURES: Final = 8 * 8 * 512


def build_scratch() -> Any:
    """Return the tutorial's CNN from scratch, layer for layer.

    Three pairs of 3×3 convolutions (64, 128, 256 filters), the first of each pair 'same', the second 'valid',
    each pair pooled; 512 dense units; 119,110,594 weights.

    Returns:
        keras.Model, (n, 256, 256, 1) to (n, 2): sigmoids, 0..1, of which the second is tuberculosis.
    """
    x = films = keras.Input(INPUT_SHAPE, name="film")
    for number, (filters, dropout) in enumerate(((64, 0.25), (128, 0.25), (256, 0.3)), start=1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"block{number}_conv1")(x)
        x = layers.Conv2D(filters, 3, padding="valid", activation="relu", name=f"block{number}_conv2")(x)
        x = layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
        x = layers.Dropout(dropout, name=f"block{number}_dropout")(x)
    x = layers.Flatten(name="flatten")(x)
    # Its 118 million weights are read once a step: casting them to bfloat16 takes longer than the product.
    x = layers.Dense(512, activation="relu", dtype="float32", name="dense")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    scores = layers.Dense(2, activation="sigmoid", dtype="float32", name="normal_tuberculosis")(x)
    return keras.Model(films, scores, name="scratch")


def build_vgg16(features: Any = None, head: Any = None) -> Any:
    """Return the tutorial's transfer learning as one graph: frozen VGG16 features and a dense head.

    Args:
        features: network of `build_vgg16_features`, whose layers are reused; None builds a random one.
        head: network of `build_vgg16_head`; likewise.

    Returns:
        keras.Model, (n, 256, 256, 1) to (n, 1): a sigmoid, 0..1. 23,103,809 weights.
    """
    features = build_vgg16_features() if features is None else features
    head = build_vgg16_head() if head is None else head
    x = features.output
    for layer in head.layers[1:]:
        x = layer(x)
    return keras.Model(features.input, x, name="vgg16")


def build_vgg16_features() -> Any:
    """Return VGG16's convolutions (Simonyan and Zisserman 2015), frozen, with random weights.

    The film becomes three channels, multiplied by 255, less the means of ImageNet's blue, green and red, as
    the published weights require.

    Returns:
        keras.Model, (n, 256, 256, 1) to (n, 32768).
    """
    films = keras.Input(INPUT_SHAPE, name="film")
    x = layers.Concatenate(name="three_channels")([films, films, films])
    x = layers.Rescaling(255.0, offset=[-mean for mean in IMAGENET_MEANS_BGR], name="to_imagenet")(x)
    for number, (convolutions, filters) in enumerate(VGG16_BLOCKS, start=1):
        for convolution in range(1, convolutions + 1):
            x = layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                trainable=False,
                name=f"block{number}_conv{convolution}",
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{number}_pool")(x)
    return keras.Model(films, layers.Flatten(name="flatten")(x), name="vgg16_features")


def build_vgg16_head() -> Any:
    """Return the dense head, which is trained.

    Returns:
        keras.Model, (n, 32768) features to (n, 1): a sigmoid, 0..1.
    """
    x = features = keras.Input((VGG16_FEATURES,), name="features")
    x = layers.Dense(256, activation="relu", name="dense")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    tuberculosis = layers.Dense(1, activation="sigmoid", name="tuberculosis")(x)
    return keras.Model(features, tuberculosis, name="vgg16_head")
