"""Files on disk, read as the gateway reads them: PNG, JPEG and DICOM to arrays, or the reason against it."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dicom_gateway.preparation.film_preparation import prepare
from dicom_gateway.rules.eligibility import GUARD_RULE
from dicom_gateway.settings import GatewaySettings
from domain.array.image_guard import Certainty, shipped_network
from domain.array.normalization import FilmArray, normalize
from domain.array.picture import PICTURES, read_picture
from domain.array.upright import find_upright
from domain.codes import Doubt, Observation
from domain.dicom_file import find_start


@dataclass(frozen=True)
class PreparedFile:
    """One file: its array with its doubts, or the reason against one."""

    file: str
    array: FilmArray | None
    doubts: tuple[Doubt, ...] = ()
    error: str = ""
    refusal: str | None = None
    rule: str = ""
    """The rule that decided; empty if no rule did."""
    detail: str = ""
    """The reason, in words."""
    observations: tuple[Observation, ...] = ()
    """Properties judged from the pixels and not from the header."""


def find_files(patterns: Sequence[str]) -> Iterator[Path]:
    """Yield files: those named, all below a folder, all that match a glob. Order is that of the names.

    A name that matches nothing is yielded as it is, so that it becomes a record with an error.
    """
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        elif path.exists():
            yield path
        else:
            found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  Path.glob takes no absolute one
            yield from (Path(name) for name in found if Path(name).is_file())
            if not found:
                yield path


def read_file(path: Path, settings: GatewaySettings, sender: str = "") -> PreparedFile:
    """Read one file; errors are in the answer, not raised.

    Args:
        path: DICOM, PNG or JPEG.
        settings: the site's rules.
        sender: calling AE title that a DICOM file is imagined to come from.
    """
    try:
        if path.suffix.lower() in PICTURES:
            return _look_at(path, normalize(read_picture(path)), settings)
        if find_start(path) is None:
            return PreparedFile(str(path), None, error="neither PNG, JPEG nor DICOM")
        film = prepare(path, sender, settings)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return PreparedFile(str(path), None, error=reason)
    refusal = None if film.refusal is None else film.refusal.value
    error_text = "" if refusal is None else f"{refusal}: {film.detail}"
    return PreparedFile(
        str(path), film.array, film.doubts, error_text, refusal, film.rule, film.detail, film.observations
    )


def read_labelled(path: Path, settings: GatewaySettings) -> FilmArray:
    """Read a film that a person has labelled, without asking the image guard.

    Raises:
        ValueError: saying what is wrong with the file.
    """
    prepared = read_file(path, settings.model_copy(update={"image_guard": False}))
    if prepared.array is None:
        raise ValueError(prepared.error)
    return prepared.array


def name_reader(settings: GatewaySettings) -> str:
    """Return a name of `read_labelled` that changes with the rules, for stores of arrays that it read."""
    rules = settings.model_dump_json(include={"rules", "minimum_age_years"})
    return f"gateway {hashlib.sha256(rules.encode()).hexdigest()[:16]}"


def _look_at(path: Path, array: FilmArray, settings: GatewaySettings) -> PreparedFile:
    """Prepare a named picture, which is always scored: with a doubt if the guard sees no chest film."""
    if not settings.image_guard:
        return PreparedFile(str(path), array, detail="a picture without header")
    film = find_upright(array, shipped_network())
    unsure = film.opinion.certainty is not Certainty.CHEST
    doubts, rule = ((Doubt.GUARD_UNSURE,), GUARD_RULE) if unsure else ((), "")
    return PreparedFile(
        str(path), film.array, doubts, rule=rule, detail=film.opinion.words, observations=film.observations
    )
