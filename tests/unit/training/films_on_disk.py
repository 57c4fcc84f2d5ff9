"""Small pictures to index, and labelled films without any."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from training.films.labelled_film import Label, LabelledFilm


def draw_picture(path: Path, number: int) -> Path:
    """Write an 8-bit picture that is another for every number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (256, 256), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def make_film(
    number: int, label: Label = Label.TB, source: str = "a", patient: str | None = None
) -> LabelledFilm:
    """Return a labelled film without a file."""
    digest = hashlib.sha256(str(number).encode()).hexdigest()[:32]
    return LabelledFilm(Path(f"{number}.png"), label, source, digest, patient)
