"""Which bundle may become the active one: not one that does worse on the same films than the active one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy.orm import Session

from db.database import Database
from db.models import activations, bundles, comparisons, shadow_screenings
from db.models.bundles import RegisteredModel
from domain.array.normalization import SPEC

if TYPE_CHECKING:
    from training.judging.comparison import Comparison
    from training.judging.scored_films import ScoredFilms

FILMS: Final = "films.csv"
"""The bundle's file of every film that it was trained, validated or tested on, with its scores."""


class ActivationError(Exception):
    """Root of this module's errors. Permanent: the message says what to do."""


class NoSuchBundleError(ActivationError):
    """No bundle is meant by this word, or several are."""


class WrongNormalizationError(ActivationError):
    """The bundle takes arrays that the gateways of this version do not make."""


class RefusedActivationError(ActivationError):
    """The bundle is worse than the active one, or nobody knows."""


@dataclass(frozen=True)
class Activated:
    """What an activation or rollback did."""

    model: RegisteredModel
    instead_of: RegisteredModel | None
    comparison: Comparison | None = None
    objection: str | None = None
    """What spoke against it, where it was forced."""


def find_bundle(session: Session, word: str) -> RegisteredModel:
    """Return the bundle that `word` means: a digest or its beginning, "active", "shadow" or "previous".

    Raises:
        NoSuchBundleError: when it means none or several.
    """
    models = bundles.list_models(session)
    if word == "active":
        matching = [one for one in models if one.active]
    elif word == "shadow":
        matching = [one for one in models if one.shadow]
    elif word == "previous":
        previous = activations.find_previous(session)
        matching = [one for one in models if one.digest == previous]
    else:
        matching = [one for one in models if one.digest.startswith(word)]
        if len(matching) != 1:
            raise NoSuchBundleError(
                f"{len(matching)} registered bundles begin with {word!r}; see 'tbscreen models list'"
            )
    if not matching:
        raise NoSuchBundleError(f"no bundle is {word}; see 'tbscreen models list'")
    return matching[0]


def activate(database: Database, word: str, by: str, force: str | None = None) -> Activated:
    """Make a bundle the active one, unless it is worse than the one that is.

    Args:
        database: with the bundle registered.
        word: see `find_bundle`.
        by: who, as user@host.
        force: why it becomes the active one all the same.

    Raises:
        NoSuchBundleError: when `word` means no bundle.
        WrongNormalizationError: when the gateways make no such arrays.
        RefusedActivationError: when `find_objection` finds one and `force` gives no reason.
        db.models.activations.ChangedMeanwhileError: when somebody else activated another one meanwhile.
    """
    if force is not None and not force.strip():
        raise RefusedActivationError('--force takes the reason, which is kept: --force "why"')
    with database.read() as session:
        candidate, active = find_bundle(session, word), bundles.find_active(session)
    check_normalization(candidate)
    evidence: list[Comparison] = []
    if active is not None and active.digest != candidate.digest and candidate.trained and active.trained:
        evidence = gather_evidence(database, candidate.digest, active.digest)
    objection = find_objection(candidate, active, evidence)
    if objection is not None and force is None:
        raise RefusedActivationError(objection)
    comparison = evidence[0] if evidence else None
    with database.write() as session:
        activations.activate(
            session,
            candidate.digest,
            by,
            instead_of=None if active is None else active.digest,
            forced_reason=None if objection is None else force,
            comparison=None if comparison is None else comparison.model_dump(mode="json"),
        )
    return Activated(candidate, active, comparison, objection)


def roll_back(database: Database, by: str) -> Activated:
    """Make the bundle active again that was so before the present one; nothing stands in its way.

    Raises:
        db.models.activations.NoPreviousBundleError: when there is none.
        WrongNormalizationError: when the gateways make no such arrays any more.
    """
    with database.write() as session:
        before, digest = activations.roll_back(session, by)
        models = {one.digest: one for one in bundles.list_models(session)}
        check_normalization(models[digest])
    return Activated(models[digest], None if before is None else models[before])


def put_in_shadow(database: Database, word: str) -> RegisteredModel:
    """Let a bundle score every film beside the active one: recorded, not reported.

    Raises:
        NoSuchBundleError: when `word` means no bundle.
        WrongNormalizationError: when the gateways make no such arrays.
        db.models.bundles.ActiveInShadowError: when it is the active one.
    """
    with database.write() as session:
        model = find_bundle(session, word)
        check_normalization(model)
        shadow_screenings.start(session, model.digest)
    return model


def check_normalization(model: RegisteredModel) -> None:
    """Raise `WrongNormalizationError` unless the gateways of this version make the arrays it takes."""
    if model.normalization_version != SPEC.version:
        raise WrongNormalizationError(
            f"{model.digest[:12]} wants arrays of {model.normalization_version}; the gateways of this "
            f"version make {SPEC.version}: retrain it with this version"
        )


def find_objection(
    candidate: RegisteredModel, active: RegisteredModel | None, evidence: Sequence[Comparison]
) -> str | None:
    """Return why `candidate` must not replace `active` without somebody saying why, or None.

    Args:
        candidate: to become the active one.
        active: the one that is, if any.
        evidence: comparisons of the two, see `gather_evidence`.
    """
    if active is None or active.digest == candidate.digest or not active.trained:
        return None
    if not candidate.trained:
        return (
            f"{candidate.digest[:12]} is untrained and the active bundle is not: its scores mean nothing. "
            '--force "REASON" activates it all the same'
        )
    for comparison in evidence:
        if comparison.verdict == "worse":
            return (
                f"{candidate.digest[:12]} is worse than the active bundle: {describe(comparison)}. "
                '--force "REASON" activates it all the same, and keeps the reason'
            )
    if all(comparison.verdict == "not_comparable" for comparison in evidence):
        return (
            f"{candidate.digest[:12]} and the active bundle are not comparable: they share fewer than 20 "
            "films with and 20 without TB that neither has seen. Compare them on labelled films of yours, "
            f"'tbscreen models compare {candidate.digest[:12]} {active.digest[:12]} IMAGES… --labels FILE', "
            'or activate it with --force "REASON"'
        )
    return None


def gather_evidence(database: Database, candidate: str, active: str) -> list[Comparison]:
    """Return the comparisons that there are of two bundles, the one that says most first.

    On the films in the test part of both, where both name their films, and the newest that somebody made by
    `tbscreen models compare` on films of his own.
    """
    from training.judging.comparison import Comparison

    found = [compare_by_their_films(database, candidate, active)]
    with database.read() as session:
        recorded = comparisons.find_newest(session, candidate, active)
    if recorded is not None:
        comparison = Comparison.model_validate(recorded)
        found.append(comparison if comparison.candidate == candidate else comparison.reverse())
    return sorted(found, key=lambda one: one.verdict == "not_comparable")


def compare_by_their_films(database: Database, candidate: str, reference: str) -> Comparison:
    """Compare two registered bundles, by digest, on the films in the test part of both."""
    from training.judging.comparison import compare_unseen
    from training.judging.scored_films import from_csv

    with database.read() as session:
        ours, theirs = read_films(session, candidate), read_films(session, reference)
    nothing = from_csv("digest,part,source,label,score\n")
    return compare_unseen(candidate, reference, ours or nothing, theirs or nothing)


def read_films(session: Session, digest: str) -> ScoredFilms | None:
    """Return the films that a bundle was trained, validated and tested on; None where it does not say.

    Raises:
        ActivationError: when its `films.csv` is not one.
    """
    from training.judging.scored_films import ScoredFilmsError, from_csv

    content = bundles.fetch_file(session, digest, FILMS)
    if content is None:
        return None
    try:
        return from_csv(content.decode())
    except (ScoredFilmsError, UnicodeDecodeError) as error:
        raise ActivationError(f"bundle {digest[:12]}: {FILMS} cannot be read: {error}") from error


def describe(comparison: Comparison) -> str:
    """Return a comparison in one line."""
    films = f"{comparison.films:,} films that neither has seen ({comparison.tb:,} with TB)"
    ours, theirs, difference = comparison.candidate_auc, comparison.reference_auc, comparison.difference
    if ours is None or theirs is None or difference is None:
        return f"not comparable on {films}"
    return (
        f"AUC {ours.value:.3f} against {theirs.value:.3f} on {films}, a difference of "
        f"{difference.value:+.3f} (95 % interval {difference.low:+.3f} to {difference.high:+.3f})"
    )
