"""Adam with TensorFlow's fused kernel, for networks with large dense layers.

Keras writes the update as ten operations, each of which goes through all weights, gradients and moments in
memory. With the 119 million weights of `scratch` that took a fifth of a training step. The kernel goes
through them once; the update is the same (Kingma and Ba 2015, the second form of algorithm 1).
"""

from __future__ import annotations

from typing import Any

from networks.keras_library import load_keras

keras = load_keras()


def build_adam(rate: float) -> Any:
    """Return Adam (keras.optimizers.Adam) with a learning rate; fused where Keras runs on TensorFlow."""
    return FusedAdam(rate) if keras.backend.backend() == "tensorflow" else keras.optimizers.Adam(rate)


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc, name-defined]
    """Adam whose update of a variable is one operation. It takes no amsgrad."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update a variable and its two moments in place."""
        import tensorflow as tf

        place = self._get_variable_index(variable)
        steps = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].handle,
            v=self._velocities[place].handle,
            beta1_power=tf.pow(self.beta_1, steps),
            beta2_power=tf.pow(self.beta_2, steps),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )
