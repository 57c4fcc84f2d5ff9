"""Activation, rollback and shadow of bundles: evidence from the database, the policy's decision, one change.

The policy is `training.judging.admission`. The change is compare-and-set: it names the bundle that was active
when the policy decided.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.database import Database
from db.models import activations, bundles, comparisons, shadow_screenings
from db.models.bundles import RegisteredModel
from domain.errors import PermanentError
from domain.languages.sentence import Sentence, say
from tbscreen.models.bundle_lookup import find_bundle
from tbscreen.models.films_at_hand import Agreement, describe_referral
from tbscreen.models.proof import Proof
from training.judging.admission import admit, check_normalization, needs_comparison, rank
from training.judging.comparison import FILMS, Comparison, ComparisonVerdict, compare_unseen
from training.judging.scored_films import ScoredFilms, ScoredFilmsError, from_csv


@dataclass(frozen=True)
class Activated:
    """Result of an activation or rollback."""

    model: RegisteredModel
    instead_of: RegisteredModel | None
    comparison: Comparison | None = None
    objection: str | None = None
    """The policy's objection, where a reason overrode it."""
    agreement: Agreement | None = None
    """With the bundle that was active, on the films of this site; None where there is no film."""


def activate(database: Database, proof: Proof, by: str, force: str | None = None) -> Activated:
    """Make a bundle the active one if the policy admits it.

    Args:
        database: with the bundle registered.
        proof: of the bundle, by `tbscreen.models.proof.prove`.
        by: the person, as user@host.
        force: the reason that overrides an objection.

    Raises:
        PermanentError: when the gateways make no such arrays, or when there is an objection and no reason.
        TransientError: when another bundle has become active meanwhile.
    """
    with database.read() as session:
        candidate, active = find_bundle(session, proof.digest), bundles.find_active(session)
    check_normalization(candidate)
    evidence: list[Comparison] = []
    if active is not None and needs_comparison(candidate, active):
        evidence = gather_evidence(database, candidate.digest, active.digest)
        evidence += _list_objecting(proof.agreement, active.digest)
    objection = admit(candidate, active, evidence, force, _tell_change(proof.agreement))
    comparison = evidence[0] if evidence else None
    with database.write() as session:
        activations.switch_to(
            session,
            candidate.digest,
            by,
            instead_of=None if active is None else active.digest,
            forced_reason=None if objection is None else force,
            comparison=None if comparison is None else comparison.model_dump(mode="json"),
        )
    return Activated(candidate, active, comparison, objection, proof.agreement)


def roll_back(database: Database, by: str) -> Activated:
    """Make the bundle active again that was active before the present one, without asking the policy.

    Raises:
        PermanentError: when no bundle was active before, or when the gateways no longer make such arrays.
    """
    with database.write() as session:
        before, digest = activations.switch_back(session, by)
        models = {model.digest: model for model in bundles.list_models(session)}
        check_normalization(models[digest])
    return Activated(models[digest], None if before is None else models[before])


def put_in_shadow(database: Database, proof: Proof) -> RegisteredModel:
    """Let a bundle score every film beside the active one: recorded, not reported.

    Raises:
        PermanentError: when the gateways make no such arrays, or when it is the active one.
    """
    with database.write() as session:
        model = find_bundle(session, proof.digest)
        check_normalization(model)
        shadow_screenings.start(session, model.digest)
    return model


def gather_evidence(database: Database, candidate: str, active: str) -> list[Comparison]:
    """Return the comparisons of two bundles, those with a verdict first.

    One is on the films in the test part of both; the other is the newest that `tbscreen models compare`
    recorded on labelled films.
    """
    found = [compare_by_their_films(database, candidate, active)]
    with database.read() as session:
        recorded = comparisons.find_newest(session, candidate, active)
    if recorded is not None:
        comparison = Comparison.model_validate(recorded)
        found.append(comparison if comparison.candidate == candidate else comparison.reverse())
    return rank(found)


def _list_objecting(agreement: Agreement | None, active: str) -> list[Comparison]:
    """Return the comparison by this site's reads if it speaks against the candidate.

    It does not speak for a candidate, which may have been trained on these films.
    """
    if agreement is None or agreement.comparison.verdict is not ComparisonVerdict.WORSE:
        return []
    return [agreement.comparison] if agreement.comparison.reference == active else []


def _tell_change(agreement: Agreement | None) -> Sentence | None:
    """Return in words how the share of films referred changes; None where that may be chance."""
    if agreement is None or not agreement.referral.is_change:
        return None
    referral = describe_referral(agreement.referral)
    return say("of {films} newest films {referral}", films=agreement.films, referral=referral)


def compare_by_their_films(database: Database, candidate: str, reference: str) -> Comparison:
    """Compare two registered bundles, by digest, on the films in the test part of both."""
    with database.read() as session:
        ours, theirs = read_films(session, candidate), read_films(session, reference)
    nothing = from_csv("digest,part,source,label,score\n")
    return compare_unseen(candidate, reference, ours or nothing, theirs or nothing)


def read_films(session: Session, digest: str) -> ScoredFilms | None:
    """Return the films that a bundle was trained, validated and tested on; None where it does not list them.

    Raises:
        PermanentError: when its `films.csv` cannot be read.
    """
    content = bundles.fetch_file(session, digest, FILMS)
    if content is None:
        return None
    try:
        return from_csv(content.decode())
    except (ScoredFilmsError, UnicodeDecodeError) as error:
        raise PermanentError(
            say(
                "bundle {bundle}: {file} cannot be read: {error}", bundle=digest[:12], file=FILMS, error=error
            )
        ) from error
