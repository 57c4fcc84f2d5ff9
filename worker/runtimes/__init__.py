"""Runtimes of a network, and the devices they compute on.

- `keras_runtime`: Keras, in float32 or bfloat16.
- `openvino_runtime`: OpenVINO, where it is installed.
- `tensorflow_backend`: calls that only TensorFlow has.
- `devices`: CPU and GPU under TensorFlow, JAX and PyTorch.
"""
