"""Calls that only TensorFlow has. Nothing else of the worker imports it; other backends skip these calls."""

from __future__ import annotations

from typing import Any


def limit_threads(threads: int) -> None:
    """Set the number of CPU threads of one prediction; call it before TensorFlow's first work."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def trace(model: Any) -> Any:
    """Return the concrete TensorFlow function of a Keras model, any number of films at a time."""
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)]
    function = tf.function(lambda films: model(films, training=False), input_signature=signature)
    return function.get_concrete_function()


def find_version() -> str:
    """Return the version of TensorFlow."""
    import tensorflow as tf

    return str(tf.__version__)


def describe_gpu(index: int) -> str:
    """Return what the maker calls a GPU."""
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[index])
    return str(details.get("device_name", "GPU"))


def measure_gpu_memory(index: int) -> int:
    """Return the most bytes that this process has held on a GPU."""
    import tensorflow as tf

    return int(tf.config.experimental.get_memory_info(f"GPU:{index}")["peak"])
