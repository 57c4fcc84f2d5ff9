"""Checks before a run of `tbscreen retrain`: options that exclude each other, the split, groups to leave out.

They load no Keras, so that a wrong request is refused at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from domain.bundle.bundle import Bundle
from domain.errors import PermanentError
from training.films.labelled_film import LabelledFilm
from training.films.split import Part, split
from training.judging.comparison import read_parts, read_seen
from training.retrain_settings import RetrainSettings

Group = tuple[str, ...]
"""Sources that are left out together."""


def check_groups(films: Sequence[LabelledFilm], groups: Sequence[Group]) -> None:
    """Check that each group leaves enough films to train with.

    Raises:
        PermanentError: for an unknown source, a source in two groups, or too few films or sources.
    """
    named = [source for group in groups for source in group]
    twice = sorted({source for source in named if named.count(source) > 1})
    if twice:
        raise PermanentError(f"left out twice: {', '.join(twice)}; a source belongs to one group")
    if len(groups) < 2:
        raise PermanentError(
            "thresholds from left-out hospitals need two groups of sources at least: the films name "
            f"{', '.join(sorted({film.source for film in films}))}. Name the sources in the CSV, or groups "
            "with --leave-out SOURCE,SOURCE"
        )
    left = [film for film in films if film.source in named]
    if not any(film.label.is_tb for film in left) or all(film.label.is_tb for film in left):
        raise PermanentError("the left-out sources have films of one class only: leave out more sources")


def divide(films: Sequence[LabelledFilm], settings: RetrainSettings) -> list[Part]:
    """Return the part of each film: anew, or for kept weights the part that it had for them.

    Raises:
        PermanentError: when options exclude each other, the films cannot be split, the bundle to go on from
            has seen films of a group to leave out, or a bundle whose weights are kept does not name films of
            a source that is not held out.
    """
    if settings.keeps_weights and (settings.start is None or not settings.left_out):
        raise PermanentError(
            "0 epochs keep the weights of a bundle and choose its thresholds anew from left-out hospitals: "
            "add --from and --thresholds-from left-out"
        )
    if not settings.validation_share and not settings.left_out:
        raise PermanentError(
            "without validation films, left-out hospitals must choose the thresholds: add "
            "--thresholds-from left-out, or choose a larger --validation-share"
        )
    # Thresholds would follow films that are to judge them.
    grouped = {source for group in settings.left_out for source in group}
    if both := sorted(grouped & set(settings.hold_out)):
        raise PermanentError(f"{', '.join(both)}: held out for the test, so it cannot choose thresholds")
    if settings.start is not None and not settings.keeps_weights:
        _check_start(settings.start, films, settings.left_out)
    if settings.start is None or not settings.keeps_weights:
        return split(
            films,
            seed=settings.seed,
            test_share=settings.test_share,
            validation_share=settings.validation_share,
            hold_out=settings.hold_out,
        )
    known = read_parts(settings.start)
    unknown = Counter(
        film.source for film in films if film.digest not in known and film.source not in settings.hold_out
    )
    if unknown:
        named = ", ".join(f"{count} of {source}" for source, count in sorted(unknown.items()))
        raise PermanentError(
            f"the bundle of --from does not name these films: {named}. Hold their sources out with --hold-out"
        )
    return [Part(known.get(film.digest, Part.TEST)) for film in films]


def _check_start(start: Bundle, films: Sequence[LabelledFilm], groups: Sequence[Group]) -> None:
    """Check that a bundle to go on from has seen no film of a group."""
    seen = read_seen(start)
    counts = Counter(
        film.source for group in groups for film in films if film.source in group and film.digest in seen
    )
    if counts:
        named = ", ".join(f"{count} films of {source}" for source, count in sorted(counts.items()))
        raise PermanentError(
            f"the bundle of --from has seen {named}, so that no network that goes on from it leaves them "
            "out: leave out other sources with --leave-out, or train without --from"
        )
