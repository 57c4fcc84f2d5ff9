"""Registration of a bundle: examined, its golden scores and signatures kept, trusted or not yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from db.database import Database
from db.models import admissions
from domain.bundle.bundle import open_bundle
from domain.bundle.seal import Seal, locate_seal, read_seal
from domain.codes import GoldenOrigin, Trust
from tbscreen.models.default_bundle import find_shipped_seal, register_bundle
from tbscreen.models.examination import examine
from tbscreen.models.trust import check_reason, describe_trust, keep_seal, require_trust


@dataclass(frozen=True)
class Added:
    """A registered bundle."""

    digest: str
    is_new: bool
    golden_origin: GoldenOrigin
    trust: str | None
    """The reason why it is trusted, in words; None if it is not."""


def add_bundle(database: Database, directory: Path, by: str, reason: str | None = None) -> Added:
    """Examine a bundle in a child process and store it with its golden scores and signatures.

    Args:
        database: of this installation.
        directory: folder of the bundle; its seal, if any, lies beside it.
        by: the person, as user@host.
        reason: reason to trust it, if it is not trusted otherwise.

    Raises:
        PermanentError: when it is not a sound bundle, its network does not compute or gives other scores than
            its seal says.
    """
    check_reason(reason)
    bundle = open_bundle(directory)
    shipped = find_shipped_seal(bundle.digest)
    seal = shipped or read_seal(locate_seal(directory), bundle.digest)
    examination = examine(directory, golden_scores=() if seal is None else seal.golden_scores)
    _, is_new = register_bundle(database, directory)
    with database.write() as session:
        if seal is not None:
            keep_seal(session, seal)
        else:
            admissions.keep_golden_scores(
                session, bundle.digest, examination.golden_scores, GoldenOrigin.EXAMINATION
            )
        if shipped is not None:
            admissions.trust(session, bundle.digest, Trust.SHIPPED, by)
        if reason is not None:
            require_trust(session, bundle.digest, reason, by)
        origin = GoldenOrigin(str(admissions.find(session, bundle.digest).golden_origin))
        return Added(bundle.digest, is_new, origin, describe_trust(session, bundle.digest))


def make_seal(directory: Path) -> Seal:
    """Return the seal of a bundle: the one beside its folder, or a new one without signatures.

    Raises:
        PermanentError: as `add_bundle`.
    """
    bundle = open_bundle(directory)
    seal = read_seal(locate_seal(directory), bundle.digest)
    golden_scores = examine(directory, golden_scores=() if seal is None else seal.golden_scores).golden_scores
    return seal or Seal(bundle=bundle.digest, golden_scores=golden_scores)
