"""Pictures of the worst errors of a model, with heat maps; made only on request."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.films.film_store import FilmStore
from training.learning.lite0 import FIELD, MARGIN
from training.retrain import Retrained
from training.writing.report import FilmPicture

EACH: Final = 8
"""Number of missed TB films, and of false alarms."""
HEAT_COLOUR: Final = np.array([1.0, 0.35, 0.0], np.float32)
OPACITY: Final = 0.45


def draw_worst(retrained: Retrained, store: FilmStore) -> list[FilmPicture]:
    """Return the worst errors among the test films: TB with the lowest scores, others with the highest.

    Captions have source, label and score, but neither path nor patient.
    """
    scored = retrained.scored
    test = np.flatnonzero(scored.parts == "test")
    tb = test[scored.is_tb[test]]
    others = test[~scored.is_tb[test]]
    missed = tb[np.argsort(scored.scores[tb])][:EACH]
    alarms = others[np.argsort(-scored.scores[others])][:EACH]
    chosen = [int(position) for position in (*missed, *alarms)]
    heat = retrained.network.draw_heat(store, chosen)
    pictures = []
    for place, (position, film) in enumerate(zip(chosen, store.read(chosen), strict=True)):
        picture = film if not heat else np.hstack([film, film])
        coloured = np.repeat(picture[..., np.newaxis], 3, axis=2)
        if heat:
            coloured[:, film.shape[1] :] = lay_heat(film, heat[place])
        label, source = str(scored.labels[position]), str(scored.sources[position])
        caption = f"{source}, {label}: score {scored.scores[position]:.3f}"
        pictures.append(FilmPicture(_to_png(coloured), caption))
    return pictures


def lay_heat(film: npt.NDArray[np.float32], heat: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a film with a heat map over it.

    Args:
        film: float32 (256, 256), 0..1.
        heat: float32 (g, g), 0..1, over the central field.

    Returns:
        float32 (256, 256, 3), 0..1.
    """
    field = Image.fromarray(heat).resize((FIELD, FIELD), Image.Resampling.BILINEAR)
    opacity = np.zeros(film.shape, np.float32)
    opacity[MARGIN : MARGIN + FIELD, MARGIN : MARGIN + FIELD] = np.asarray(field) * OPACITY
    weight = opacity[..., np.newaxis]
    laid: npt.NDArray[np.float32] = film[..., np.newaxis] * (1 - weight) + HEAT_COLOUR * weight
    return laid


def _to_png(picture: npt.NDArray[np.float32]) -> bytes:
    content = io.BytesIO()
    Image.fromarray((np.clip(picture, 0, 1) * 255).astype(np.uint8)).save(content, "PNG")
    return content.getvalue()
