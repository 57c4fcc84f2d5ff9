"""Keras and its backend, imported without the lines that TensorFlow and oneDNN print.

TensorFlow writes them to file descriptor 2 while its libraries are loaded, before any of its settings is
read. No other module imports Keras; a module that needs it has `keras = load_keras()`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

STANDARD_ERROR: Final = 2
LOADED: Final = b"\0"
HOLDER: Final = f"""
import sys
text = sys.stdin.buffer.read()
if not text.endswith({LOADED!r}):
    sys.stderr.buffer.write(text)
"""
"""Program that holds the lines: the text of an import that ends its process by a signal is printed, too."""

UNUSED: Final = ("matplotlib", "sklearn")
"""Keras imports these, where they are installed, for plots and wrappers that nothing here uses. They take a
third of its import's time."""


def load_keras() -> Any:
    """Import Keras, with the TensorFlow backend unless `KERAS_BACKEND` names another, and return it.

    What the libraries print meanwhile is printed only if the import fails.

    Raises:
        ImportError: when Keras or its backend is missing or damaged.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if "keras" not in sys.modules:
        with _holding_lines(), _withholding(UNUSED), _without_collections():
            import keras
    import keras

    return keras


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Hold the search for garbage: among the objects of an import it finds none, in a fifth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def _withholding(names: tuple[str, ...]) -> Iterator[None]:
    withheld = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(withheld))  # type: ignore[arg-type]  # None: the import fails
    try:
        yield
    finally:
        for name in withheld:
            del sys.modules[name]


@contextlib.contextmanager
def _holding_lines() -> Iterator[None]:
    """Hold what is written to standard error; print it if the context ends by an exception or a signal."""
    sys.stderr.flush()
    holder = subprocess.Popen([sys.executable, "-I", "-S", "-c", HOLDER], stdin=subprocess.PIPE)
    assert holder.stdin is not None
    kept = os.dup(STANDARD_ERROR)
    os.dup2(holder.stdin.fileno(), STANDARD_ERROR)
    try:
        yield
        sys.stderr.flush()
        os.write(STANDARD_ERROR, LOADED)
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)
        holder.stdin.close()
        holder.wait()
