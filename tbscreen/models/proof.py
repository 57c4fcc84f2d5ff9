"""Proof that a registered bundle may be used: it is trusted, and its network computes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from db.database import Database
from db.models import admissions, bundles
from db.models.bundles import RegisteredModel
from domain.bundle.bundle import Bundle
from domain.codes import GoldenOrigin
from tbscreen.models.bundle_lookup import find_bundle, find_local_manifest
from tbscreen.models.examination import FEW_GOLDEN_ARRAYS, GOLDEN_ARRAYS, examine
from tbscreen.models.films_at_hand import Agreement, FilmsAtHand, agree, write_films
from tbscreen.models.trust import check_reason, describe_trust, require_trust
from training.judging.admission import check_normalization, needs_comparison
from worker.bundle_cache import BundleCache


@dataclass(frozen=True)
class Proof:
    """A bundle that was examined before it is used."""

    digest: str
    trust: str
    """The reason why it is trusted, in words."""
    agreement: Agreement | None = None
    """With the active bundle, on the films at hand; None where there is no film or no comparison."""


def prove(database: Database, word: str, by: str, reason: str | None = None) -> Proof:
    """Examine a registered bundle in a child process, beside the active one on the films of this site.

    Args:
        database: with the bundle registered.
        word: see `find_bundle`.
        by: the person, as user@host.
        reason: reason to trust it, recorded if it is not trusted otherwise.

    Raises:
        PermanentError: when it is not trusted and there is no reason, when the gateways make no such arrays,
            or when its network does not compute or gives other scores than it should.
    """
    check_reason(reason)
    with database.read() as session:
        candidate, active = find_bundle(session, word), bundles.find_active(session)
        golden = admissions.find_golden_scores(session, candidate.digest)
        if reason is None and describe_trust(session, candidate.digest) is None:
            require_trust(session, candidate.digest, None, by)
    check_normalization(candidate)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = BundleCache(folder / "bundles", database).open(candidate.digest)
        films = None
        if active is not None and needs_comparison(candidate, active):
            films = write_films(database, folder)
        count = FEW_GOLDEN_ARRAYS if golden else GOLDEN_ARRAYS
        path = None if films is None else films.path
        examination = examine(bundle.directory, count, path, golden)
        agreement = None
        if films is not None and active is not None:
            agreement = _agree(database, films, bundle, examination.scores, active)
    with database.write() as session:
        admissions.keep_golden_scores(
            session, candidate.digest, examination.golden_scores, GoldenOrigin.EXAMINATION
        )
        require_trust(session, candidate.digest, reason, by)
        trust = describe_trust(session, candidate.digest)
    assert trust is not None
    return Proof(candidate.digest, trust, agreement)


def _agree(
    database: Database,
    films: FilmsAtHand,
    candidate: Bundle,
    scores: tuple[float, ...],
    active: RegisteredModel,
) -> Agreement:
    reference = BundleCache(films.path.parent / "bundles", database).open(active.digest)
    theirs = examine(reference.directory, FEW_GOLDEN_ARRAYS, films.path).scores
    with database.read() as session:
        mine, other = (find_local_manifest(session, bundle.digest) for bundle in (candidate, reference))
    return agree(films, (candidate.digest, mine, scores), (reference.digest, other, theirs))
