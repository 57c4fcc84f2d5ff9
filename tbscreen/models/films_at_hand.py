"""The comparison of two bundles on the films of this site: both networks compute, and nobody's word is taken.

The films are the renditions in the database, which tbscreen itself encoded. Their arrays differ a little from
those that were screened (8 bits, JPEG), in the same way for both networks.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from db.database import Database
from db.films.newest_films import stream_newest_films
from domain.array.normalization import normalize
from domain.bundle.manifest import Manifest
from domain.codes import Verdict
from domain.errors import PermanentError
from domain.languages.sentence import Sentence, say
from judging.paired_referral import ReferralChange, compare_referral
from training.films.labelled_film import Label, LabelledFilm
from training.judging.admission import describe
from training.judging.comparison import Comparison, compare_scored
from training.judging.scored_films import gather

MOST_FILMS: Final = 200
FEWEST_FILMS: Final = 20
"""Films that a network may give the same score by chance."""
WHITE: Final = 65535
LABELS: Final = {Verdict.TB: Label.TB, Verdict.NOT_TB: Label.NORMAL}
READS: Final = "reads"
"""Origin of a comparison whose labels are this site's reads."""


@dataclass(frozen=True)
class FilmsAtHand:
    """Films of this site, as a file of arrays that `tbscreen.models.examination` reads."""

    path: Path
    verdicts: tuple[Verdict | None, ...]


@dataclass(frozen=True)
class Agreement:
    """Agreement of two networks on the films at hand."""

    films: int
    equal_findings: int
    """Films on the same side of the reported threshold of each bundle."""
    correlation: float | None
    """Pearson's, of the scores; None where a network gives all films the same score."""
    comparison: Comparison
    """By the reads of this site; not comparable where these are few."""
    referral: ReferralChange
    """Films that each refers, at the threshold by which it judges here."""


def write_films(database: Database, folder: Path) -> FilmsAtHand | None:
    """Write the arrays of the newest films into a folder; None where there is no film."""
    path = folder / "films.u16"
    verdicts = []
    with database.read() as session, path.open("wb") as file:
        for film in stream_newest_films(session, MOST_FILMS):
            with Image.open(io.BytesIO(film.jpeg), formats=["JPEG"]) as image:
                array = normalize(np.asarray(image.convert("L")))
            file.write(np.rint(array * WHITE).astype("<u2").tobytes())
            verdicts.append(film.verdict)
    return FilmsAtHand(path, tuple(verdicts)) if verdicts else None


def agree(
    films: FilmsAtHand,
    candidate: tuple[str, Manifest, Sequence[float]],
    reference: tuple[str, Manifest, Sequence[float]],
) -> Agreement:
    """Compare the scores that two networks gave films at hand.

    Args:
        films: of this site.
        candidate: digest, manifest with the site's own threshold, if any, and scores.
        reference: likewise.

    Raises:
        PermanentError: when the candidate gives all of `FEWEST_FILMS` films or more the same score.
    """
    ours, theirs = np.asarray(candidate[2]), np.asarray(reference[2])
    if len(ours) >= FEWEST_FILMS and np.ptp(ours) == 0:
        raise PermanentError(
            say(
                "{bundle} gives all of {number} films of this site the score {score:.4f}",
                bundle=candidate[0][:12],
                number=len(ours),
                score=ours[0],
            )
        )
    mine, other = (
        manifest.find_operating_point(manifest.reported_operating_point).threshold
        for manifest in (candidate[1], reference[1])
    )
    referral = compare_referral(ours, theirs, (mine, other))
    varied = len(ours) > 1 and np.ptp(ours) > 0 and np.ptp(theirs) > 0
    return Agreement(
        films=len(ours),
        equal_findings=len(ours) - referral.only_candidate - referral.only_reference,
        correlation=float(np.corrcoef(ours, theirs)[0, 1]) if varied else None,
        comparison=_compare_by_reads(films, candidate, reference),
        referral=referral,
    )


def describe_agreement(agreement: Agreement | None) -> Sentence:
    """Return one line of text about the films at hand."""
    if agreement is None:
        return say("no film of this site is at hand: the two networks were not compared on films")
    line = say(
        "both networks scored {films} films of this site: {equal} have the same finding; {referral}",
        films=agreement.films,
        equal=agreement.equal_findings,
        referral=describe_referral(agreement.referral),
    )
    if agreement.correlation is not None:
        line = say(
            "{before}, correlation of the scores {value:.3f}", before=line, value=agreement.correlation
        )
    if agreement.comparison.difference is not None:
        line = say("{before}; {after}", before=line, after=describe(agreement.comparison))
    return line


def describe_referral(referral: ReferralChange) -> Sentence:
    """Return the shares of films that two bundles refer, as text."""
    ours, theirs = (100 * count / referral.films for count in (referral.candidate, referral.reference))
    return say("it refers {ours:.1f} % of them, the bundle in use {theirs:.1f} %", ours=ours, theirs=theirs)


def _compare_by_reads(
    films: FilmsAtHand,
    candidate: tuple[str, Manifest, Sequence[float]],
    reference: tuple[str, Manifest, Sequence[float]],
) -> Comparison:
    read = [place for place, verdict in enumerate(films.verdicts) if verdict in LABELS]
    labelled = [
        LabelledFilm(films.path, LABELS[verdict], "this site", f"{place:032x}")
        for place, verdict in enumerate(films.verdicts)
        if verdict in LABELS
    ]
    ours, theirs = (
        gather(labelled, ["test"] * len(read), np.asarray(scores)[read])
        for scores in (candidate[2], reference[2])
    )
    left_out = len(films.verdicts) - len(read)
    compared = compare_scored(candidate[0], reference[0], ours, theirs, left_out)
    return compared.model_copy(update={"origin": READS})
