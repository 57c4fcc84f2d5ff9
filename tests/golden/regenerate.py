"""Pins the golden films anew: `python -m tests.golden.regenerate`, from the repository's root.

Do so only when pixels are meant to change, which changes `NormalizationSpec.version` too; then look at the
difference in `tests/golden/films.json` before it is committed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from dicom_gateway.pixels.radiograph import read_display
from domain.array.normalization import normalize
from tests.golden import pinned
from tests.golden.films import GOLDEN_FILMS


def regenerate() -> None:
    """Write `films.json`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.dcm"
        pinned.save(
            {
                name: pinned.pin(normalize(read_display(film.write(path))), exact=film.exact)
                for name, film in GOLDEN_FILMS.items()
            }
        )


if __name__ == "__main__":
    regenerate()
