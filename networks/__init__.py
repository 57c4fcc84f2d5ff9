"""Registered Keras layers and checks of graphs and weights, for worker and training.

- `layers`: layers of our own, registered with Keras under "tbscreen".
- `weights_file`: checks a weights file before Keras reads it.

It imports `domain` alone, of the rooms.
"""
