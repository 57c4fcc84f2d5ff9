"""The search for image files: named files, all files below folders, and matches of globs."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.array.picture import PICTURES
from domain.dicom_file import find_start

DICOM_ENDINGS: Final = frozenset({".dcm", ".dicom"})


@dataclass(frozen=True)
class FoundFilm:
    """A file with the folder under which it was found."""

    path: Path
    root: Path
    """The named folder; for a named file its parent, for a glob the folder above the first wildcard."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders below the root, outermost first."""
        return self.path.relative_to(self.root).parts[:-1]


def find_films(images: Sequence[str | Path]) -> tuple[dict[Path, FoundFilm], list[Path]]:
    """Find all PNG, JPEG and DICOM files; hidden files and other kinds in folders are skipped.

    Args:
        images: files of any kind, folders (with everything below them) and globs.

    Returns:
        Every file once, by its absolute path, sorted; and the named paths that do not exist.
    """
    found: dict[Path, FoundFilm] = {}
    absent = []
    for image in images:
        path = Path(os.path.normpath(Path(image).absolute()))
        if path.is_dir():
            more = [
                FoundFilm(file, path) for file in path.rglob("*") if _is_film(file.relative_to(path), file)
            ]
        elif path.exists():
            more = [FoundFilm(path, path.parent)]
        else:
            more = [FoundFilm(file, root) for file, root in _expand(path)]
            if not more:
                absent.append(path)
        for film in more:
            found.setdefault(film.path, film)
    return dict(sorted(found.items())), absent


def spell(name: str) -> str:
    r"""Return the name of a file or folder as UTF-8 can write it.

    >>> print(spell(os.fsdecode(b"H\xf4pital")))
    H\xf4pital
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _expand(pattern: Path) -> list[tuple[Path, Path]]:
    """Return the files that a glob matches, also below matching folders, each with its fixed folder."""
    parts = pattern.parts
    fixed = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    root = Path(*parts[:fixed])
    found = []
    for name in glob.glob(str(pattern), recursive=True):  # noqa: PTH207 - Path.glob takes no absolute pattern
        path = Path(name)
        members = path.rglob("*") if path.is_dir() else [path]
        found += [(member, root) for member in members if _is_film(member.relative_to(root), member)]
    return found


def _is_film(below: Path, path: Path) -> bool:
    """True for a visible file with the suffix of an image or the beginning of a DICOM file."""
    if any(part.startswith(".") for part in below.parts) or not path.is_file():
        return False
    ending = path.suffix.lower()
    if ending in PICTURES or ending in DICOM_ENDINGS:
        return True
    try:
        return find_start(path) is not None
    except OSError:
        return False
