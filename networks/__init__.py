"""Registered Keras layers and checks of weights files, for worker and training.

- `keras_library`: Keras, imported without the lines of its libraries.
- `layers`: the project's own layers, registered with Keras under "tbscreen".
- `weights_file`: checks of a weights file before Keras reads it.

Of the rooms, it imports `domain` alone.
"""
